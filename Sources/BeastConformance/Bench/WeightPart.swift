// SPDX-License-Identifier: MIT
internal import BeastCore

/// A piece of a weight in host memory, with its elements as the oracle sees them.
struct WeightPart {
    let array: DenseArray
    let dtype: DType
    private let bytes: [UInt8]
    private let strides: [Int]

    /// - Parameter array: values that the element type holds exactly.
    init(_ array: DenseArray, dtype: DType, layout: Layout) {
        self.dtype = dtype
        strides = layout.strides(of: array.shape)
        var positions = [0]
        for (extent, stride) in zip(array.shape, strides) {
            positions = positions.flatMap { base in (0..<extent).map { base + $0 * stride } }
        }
        // What lies between the elements must not be read: NaN would show.
        var bytes = [UInt8](repeating: 0xff, count: ((positions.max() ?? -1) + 1) * dtype.byteCount)
        for (position, value) in zip(positions, array.values) {
            ElementCoding.write(value, dtype, to: &bytes, at: position * dtype.byteCount)
        }
        // Repeated elements were written several times; the last one counts.
        let stored = bytes
        self.array = DenseArray(
            shape: array.shape,
            values: positions.map { ElementCoding.read(dtype, from: stored, at: $0 * dtype.byteCount) })
        self.bytes = stored
    }

    /// The parts as the backend takes them, alive during the call only.
    static func lend<Result>(
        _ parts: [WeightPart], _ body: ([HostTensor]) throws(BackendError) -> Result
    ) throws(BackendError) -> Result {
        var owners: [UnsafeMutableRawBufferPointer] = []
        // Nothing may be kept of them after the call: the memory is spoilt before it is freed.
        defer {
            for owner in owners {
                for index in owner.indices { owner[index] = 0xff }
                owner.deallocate()
            }
        }
        var tensors: [HostTensor] = []
        for part in parts {
            let owner = UnsafeMutableRawBufferPointer.allocate(byteCount: max(part.bytes.count, 1), alignment: 64)
            owners.append(owner)
            owner.copyBytes(from: part.bytes)
            tensors.append(
                HostTensor(
                    bytes: UnsafeRawBufferPointer(rebasing: owner[..<part.bytes.count]), dtype: part.dtype,
                    shape: part.array.shape, strides: part.strides))
        }
        return try body(tensors)
    }

    /// The whole that the parts make, joined along the first axis, as rounded to the type it is kept in.
    static func joined(_ parts: [WeightPart], target: DType = .float32) -> DenseArray {
        let format = NumberFormat(target)
        var shape = parts.first?.array.shape ?? [0]
        if !shape.isEmpty { shape[0] = parts.reduce(0) { $0 + $1.array.shape[0] } }
        let values = parts.flatMap(\.array.values)
        // int8 is kept with a scale for each row; its error is the case's business.
        return DenseArray(shape: shape, values: target == .int8 ? values : values.map(format.rounded))
    }
}
