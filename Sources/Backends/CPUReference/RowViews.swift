// SPDX-License-Identifier: MIT
internal import BeastCore

/// Where row `row` of a view with these leading axes starts, in elements.
func rowOffset(_ row: Int, shape: Shape, strides: Shape) -> Int {
    var rest = row
    var offset = 0
    for axis in (0..<shape.rank).reversed() {
        let extent = shape[axis]
        offset += rest % extent * strides[axis]
        rest /= extent
    }
    return offset
}

/// A float32 view, resolved to memory and walked row by row; its last axis is the row.
struct FloatRows {
    private let base: UnsafeMutablePointer<Float>
    private let leading: Shape
    private let leadingStrides: Shape
    /// Elements of a row, and the distance between them (1, or 0 for a repeated element).
    let length: Int
    let stride: Int

    init(_ view: TensorView, _ backend: ReferenceBackend) throws(BackendError) {
        guard let address = backend.address(view.buffer) else { throw BackendError(.invalidArgument, "no such buffer") }
        base = address.assumingMemoryBound(to: Float.self) + view.offset
        leading = view.shape.dropLast()
        leadingStrides = view.strides.dropLast()
        length = view.shape.last ?? 1
        stride = view.strides.last ?? 1
    }

    var count: Int { leading.elementCount }

    subscript(row: Int) -> UnsafeMutablePointer<Float> { base + rowOffset(row, shape: leading, strides: leadingStrides) }
}

/// Σ left[i] * right[i] in double; four sums, so that an addition need not wait for the one before.
@inline(__always)
func dot(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ count: Int) -> Double {
    var sum0 = 0.0
    var sum1 = 0.0
    var sum2 = 0.0
    var sum3 = 0.0
    let whole = count & ~3
    var index = 0
    while index < whole {
        sum0 += Double(left[index]) * Double(right[index])
        sum1 += Double(left[index &+ 1]) * Double(right[index &+ 1])
        sum2 += Double(left[index &+ 2]) * Double(right[index &+ 2])
        sum3 += Double(left[index &+ 3]) * Double(right[index &+ 3])
        index &+= 4
    }
    while index < count {
        sum0 += Double(left[index]) * Double(right[index])
        index &+= 1
    }
    return (sum0 + sum1) + (sum2 + sum3)
}
