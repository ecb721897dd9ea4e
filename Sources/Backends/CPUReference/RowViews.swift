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
    /// The distance between rows where it is the same throughout, as it mostly is: that saves a division for each axis.
    private let rowStride: Int?
    /// How many rows there are.
    let count: Int
    /// Elements of a row, and the distance between them (1, or 0 for a repeated element).
    let length: Int
    let stride: Int

    init(_ view: TensorView, _ backend: ReferenceBackend) throws(BackendError) {
        guard let address = backend.address(view.buffer) else { throw BackendError(.invalidArgument, "no such buffer") }
        base = address.assumingMemoryBound(to: Float.self) + view.offset
        leading = view.shape.dropLast()
        leadingStrides = view.strides.dropLast()
        count = leading.elementCount
        length = view.shape.last ?? 1
        stride = view.strides.last ?? 1
        let rows = TensorView(buffer: view.buffer, shape: leading, strides: leadingStrides)
        rowStride = rows.reshaped([count])?.strides[0]
    }

    subscript(row: Int) -> UnsafeMutablePointer<Float> {
        if let rowStride { return base + row * rowStride }
        return base + rowOffset(row, shape: leading, strides: leadingStrides)
    }
}
