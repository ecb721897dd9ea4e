// SPDX-License-Identifier: MIT

/// Copies a strided view into dense row-major memory.
///
/// The view must have been checked: every element inside the source, the destination large enough.
struct StridedGather {
    private let shape: [Int]
    private let strides: [Int]

    /// `shape` must hold no zero. Axes that lie densely in one another are merged, so that rows are as long as possible.
    init(shape: [Int], strides: [Int]) {
        var mergedShape: [Int] = []
        var mergedStrides: [Int] = []
        for (size, stride) in zip(shape, strides) where size != 1 {
            if let lastStride = mergedStrides.last, let lastSize = mergedShape.last, lastStride == stride &* size {
                mergedShape[mergedShape.count - 1] = lastSize * size
                mergedStrides[mergedStrides.count - 1] = stride
            } else {
                mergedShape.append(size)
                mergedStrides.append(stride)
            }
        }
        self.shape = mergedShape.isEmpty ? [1] : mergedShape
        self.strides = mergedStrides.isEmpty ? [1] : mergedStrides
    }

    /// Copies elements as they are, swapping their bytes where asked to.
    func copy<Word: FixedWidthInteger & BitwiseCopyable>(
        _: Word.Type, from source: UnsafeRawBufferPointer, to destination: UnsafeMutableRawPointer,
        isBigEndian: Bool = false
    ) {
        let size = MemoryLayout<Word>.stride
        forEachRow { start, step, count, written in
            guard let base = source.baseAddress else { return }
            let from = base + start * size
            let to = (destination + written * size).assumingMemoryBound(to: Word.self)
            if step == 1, !isBigEndian {
                UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: count * size)
            } else {
                let stepBytes = step &* size
                for index in 0..<count {
                    let word = from.loadUnaligned(fromByteOffset: index &* stepBytes, as: Word.self)
                    to[index] = isBigEndian ? word.byteSwapped : word
                }
            }
        }
    }

    /// Copies float64 elements as float32, rounding to nearest.
    func narrow(from source: UnsafeRawBufferPointer, to destination: UnsafeMutableRawPointer, isBigEndian: Bool = false)
    {
        forEachRow { start, step, count, written in
            guard let base = source.baseAddress else { return }
            let from = base + start * 8
            let to = (destination + written * 4).assumingMemoryBound(to: Float.self)
            let stepBytes = step &* 8
            for index in 0..<count {
                let bits = from.loadUnaligned(fromByteOffset: index &* stepBytes, as: UInt64.self)
                to[index] = Float(Double(bitPattern: isBigEndian ? bits.byteSwapped : bits))
            }
        }
    }

    /// Calls `row` with the first source element, the step, the length and the number of elements written so far.
    private func forEachRow(_ row: (_ start: Int, _ step: Int, _ count: Int, _ written: Int) -> Void) {
        let inner = shape.count - 1
        var index = [Int](repeating: 0, count: inner)
        var start = 0
        var written = 0
        while true {
            row(start, strides[inner], shape[inner], written)
            written += shape[inner]
            var axis = inner - 1
            while axis >= 0 {
                index[axis] += 1
                start += strides[axis]
                if index[axis] < shape[axis] { break }
                start -= strides[axis] * shape[axis]
                index[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}
