// SPDX-License-Identifier: MIT

extension HostTensor {
    /// The same memory with its axes in another order: axis `i` of the result is axis `order[i]` of this tensor.
    public func permuted(_ order: [Int]) -> HostTensor {
        HostTensor(bytes: bytes, dtype: dtype, shape: order.map { shape[$0] }, strides: order.map { strides[$0] })
    }

    /// The elements at `index` of `axis`, without that axis.
    func selecting(axis: Int, _ index: Int) -> HostTensor {
        var (shape, strides) = (shape, strides)
        let offset = min(index * strides[axis] * dtype.byteCount, bytes.count)
        shape.remove(at: axis)
        strides.remove(at: axis)
        return HostTensor(
            bytes: UnsafeRawBufferPointer(rebasing: bytes[offset...]), dtype: dtype, shape: shape, strides: strides)
    }

    /// The elements in row-major order, as float32.
    public func elements() -> [Float] {
        [Float](unsafeUninitializedCapacity: Shape(shape).elementCount) { buffer, count in
            count = buffer.baseAddress.map(copyElements(to:)) ?? 0
        }
    }

    /// Writes the elements in row-major order, as float32. The tensor's memory need not be aligned.
    /// - Parameter target: room for every element of the shape.
    /// - Returns: how many elements were written.
    public func copyElements(to target: UnsafeMutablePointer<Float>) -> Int {
        let count = Shape(shape).elementCount
        guard count > 0, let base = bytes.baseAddress else { return 0 }
        let rowLength = shape.last ?? 1
        let rowStride = strides.last ?? 1
        for row in 0..<count / rowLength {
            let start = base + rowOffset(row) * dtype.byteCount
            let output = target + row * rowLength
            switch dtype {
            case .float32 where rowStride == 1:
                UnsafeMutableRawPointer(output).copyMemory(from: start, byteCount: rowLength * dtype.byteCount)
            case .float32: convertRow(rowLength, rowStride, from: start, to: output) { (value: Float) in value }
            case .float16:
                convertRow(rowLength, rowStride, from: start, to: output) { (value: Float16) in Float(value) }
            case .bfloat16:
                convertRow(rowLength, rowStride, from: start, to: output) {
                    Float(bitPattern: UInt32($0 as UInt16) << 16)
                }
            case .int32: convertRow(rowLength, rowStride, from: start, to: output) { (value: Int32) in Float(value) }
            case .uint8: convertRow(rowLength, rowStride, from: start, to: output) { (value: UInt8) in Float(value) }
            case .int8: convertRow(rowLength, rowStride, from: start, to: output) { (value: Int8) in Float(value) }
            }
        }
        return count
    }

    /// Where row `row` of the last axis starts, in elements.
    private func rowOffset(_ row: Int) -> Int {
        var rest = row
        var offset = 0
        for axis in shape.indices.dropLast().reversed() {
            offset += rest % shape[axis] * strides[axis]
            rest /= shape[axis]
        }
        return offset
    }

    @inline(__always)
    private func convertRow<Element: BitwiseCopyable>(
        _ count: Int, _ stride: Int, from start: UnsafeRawPointer, to output: UnsafeMutablePointer<Float>,
        _ convert: (Element) -> Float
    ) {
        for index in 0..<count {
            output[index] = convert(
                start.loadUnaligned(fromByteOffset: index * stride * MemoryLayout<Element>.stride, as: Element.self))
        }
    }
}
