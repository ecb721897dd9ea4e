// SPDX-License-Identifier: MIT

extension TensorLender {
    /// What is handed out at a time, in bytes.
    private static let handedByteCount = 4 << 20

    /// Hands out a tensor's elements as they are, dense in row-major order and little-endian, piece by piece.
    ///
    /// Pages of the file are given back as they are passed, and a strided view is gathered piece by piece: the memory in
    /// use does not grow with the tensor.
    ///
    /// - Throws: `notFinite` where an element cannot be a weight, as for ``withTensor(_:name:_:)``; `checksumMismatch`.
    func withElements(
        of tensor: TensorDescription, name: String, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let storage = storages[tensor.storageIndex]
        let file = files[storage.file]
        guard let size = tensor.elementType.byteCount else {
            throw WeightsError(
                .unsupportedElementType, "tensor “\(name)” is \(tensor), elements of a size that is not read",
                path: file.path)
        }
        guard tensor.elementCount > 0 else { return }
        let (mapping, range) = try verifiedRange(of: tensor, elementSize: size, name: name)
        defer { file.release(storage.range) }
        let bytes = UnsafeRawBufferPointer(rebasing: mapping[range])
        let isLookedThrough = FiniteScan.applies(to: tensor.elementType) && !isKnownFinite(tensor.storageIndex)
        func hand(_ piece: UnsafeRawBufferPointer) throws {
            if isLookedThrough, !FiniteScan.isFinite(piece, tensor.elementType) {
                // The place within the tensor, where it can be told.
                if !isBigEndian {
                    try check(bytes, tensor.elementType, tensor, strides: tensor.strides, name: name, file)
                }
                throw WeightsError(
                    .notFinite, "tensor “\(name)” \(tensor) has elements that are NaN or infinite", path: file.path)
            }
            try body(piece)
        }
        guard !tensor.isContiguous || (isBigEndian && size > 1) else {
            var position = range.lowerBound
            while position < range.upperBound {
                let piece = position..<min(range.upperBound, position + Self.handedByteCount)
                try hand(UnsafeRawBufferPointer(rebasing: mapping[piece]))
                file.release(piece)
                position = piece.upperBound
            }
            return
        }
        try gather(tensor, elementSize: size, from: bytes, hand)
    }

    /// Copies a view block by block: whole inner axes, as many as fit a piece, and a few steps of the axis around them.
    private func gather(
        _ tensor: TensorDescription, elementSize: Int, from bytes: UnsafeRawBufferPointer,
        _ hand: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var (shape, strides, word) = (tensor.shape, tensor.strides, elementSize)
        if case .complex64 = tensor.elementType {
            // Two numbers each, whose bytes are swapped apart.
            shape.append(2)
            strides = strides.map { $0 * 2 } + [1]
            word = 4
        }
        if shape.isEmpty { (shape, strides) = ([1], [1]) }
        // The axis that is divided, and the elements of everything inside it.
        var axis = shape.count - 1
        var innerCount = 1
        while axis > 0, innerCount * shape[axis] * word <= Self.handedByteCount {
            innerCount *= shape[axis]
            axis -= 1
        }
        let steps = min(shape[axis], max(1, Self.handedByteCount / (innerCount * word)))
        let block = OwnedBytes(count: steps * innerCount * word)
        var index = [Int](repeating: 0, count: axis + 1)
        while true {
            let count = min(steps, shape[axis] - index[axis])
            let first = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 } * word
            let gather = StridedGather(shape: [count] + shape[(axis + 1)...], strides: Array(strides[axis...]))
            let source = UnsafeRawBufferPointer(rebasing: bytes[first...])
            switch word {
            case 1: gather.copy(UInt8.self, from: source, to: block.address, isBigEndian: isBigEndian)
            case 2: gather.copy(UInt16.self, from: source, to: block.address, isBigEndian: isBigEndian)
            case 4: gather.copy(UInt32.self, from: source, to: block.address, isBigEndian: isBigEndian)
            case 8: gather.copy(UInt64.self, from: source, to: block.address, isBigEndian: isBigEndian)
            default:
                throw WeightsError(
                    .unsupportedElementType, "a strided or big-endian tensor of \(tensor.elementType) is not read")
            }
            try hand(UnsafeRawBufferPointer(rebasing: block.bytes[..<(count * innerCount * word)]))
            index[axis] += count
            var outer = axis
            while outer > 0, index[outer] >= shape[outer] {
                index[outer] = 0
                outer -= 1
                index[outer] += 1
            }
            if outer == 0, index[0] >= shape[0] { return }
        }
    }
}
