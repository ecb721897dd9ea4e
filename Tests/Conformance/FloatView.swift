// SPDX-License-Identifier: MIT
import BeastCore

/// A view of a mapped buffer by index: slow and obvious.
struct FloatView {
    let base: UnsafeMutablePointer<Float>
    let shape: [Int]
    let strides: [Int]

    init(_ view: TensorView, _ backend: any Backend) throws(BackendError) {
        // Elements of two bytes read and written as four would reach beyond the buffer.
        guard view.dtype == .float32 || view.dtype == .int32 else { throw BackendError(.unsupported, "float32 only") }
        guard let address = try backend.map(view.buffer) else {
            throw BackendError(.internal, "the buffer cannot be mapped")
        }
        base = address.assumingMemoryBound(to: Float.self) + view.offset
        shape = Array(view.shape)
        strides = Array(view.strides)
    }

    subscript(index: [Int]) -> Float {
        get { base[zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }] }
        nonmutating set { base[zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }] = newValue }
    }

    subscript(index: Int...) -> Float {
        get { self[index] }
        nonmutating set { self[index] = newValue }
    }

    /// The same place as int32.
    func store(_ value: Int, _ index: Int...) {
        base[zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }] = Float(bitPattern: UInt32(bitPattern: Int32(value)))
    }
}

/// Every index of a shape, in row-major order.
func indices(of shape: [Int]) -> [[Int]] {
    var all: [[Int]] = [[]]
    for extent in shape { all = all.flatMap { head in (0..<extent).map { head + [$0] } } }
    return all
}
