// SPDX-License-Identifier: MIT

/// Looks for elements that cannot be weights: NaN, infinity, and float64 beyond the range of float32.
enum FiniteScan {
    /// Elements that are checked between two looks at the same cache lines by the checksum.
    static let pieceSize = 256 << 10

    /// Whether this type can hold such elements and is looked through.
    static func applies(to type: ElementType) -> Bool {
        switch type {
        case .float64, .float32, .float16, .bfloat16: true
        default: false
        }
    }

    /// Whether all elements, little-endian and perhaps unaligned, are finite as float32. Other types always are.
    static func isFinite(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> Bool {
        switch type {
        case .float64: !exceeds(bytes, limit: largest64)
        case .float32: !exceeds(bytes, limit: 0x7F7F_FFFF as Int32)
        case .float16: !exceeds(bytes, limit: 0x7BFF as Int16)
        case .bfloat16: !exceeds(bytes, limit: 0x7F7F as Int16)
        default: true
        }
    }

    /// The last float64 that still rounds to a finite float32.
    private static let largest64 = Int64(bitPattern: 0x47EF_FFFF_EFFF_FFFF)

    /// Whether the bit pattern of an element without its sign is above `limit`.
    ///
    /// The order of these patterns is that of the magnitudes, so one subtraction an element is all it takes: its sign
    /// bit is collected. That needs no instruction beyond plain x86-64.
    @inline(__always)
    private static func exceeds<Word: FixedWidthInteger & SignedInteger & SIMDScalar & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, limit: Word
    ) -> Bool {
        let size = MemoryLayout<Word>.size
        let stride = MemoryLayout<SIMD16<Word>>.size
        let limits = SIMD16<Word>(repeating: limit)
        let magnitude = SIMD16<Word>(repeating: .max)
        var signs = SIMD16<Word>(repeating: 0)
        var moreSigns = signs
        var offset = 0
        while offset &+ 2 &* stride <= bytes.count {
            let first = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<Word>.self)
            let second = bytes.loadUnaligned(fromByteOffset: offset &+ stride, as: SIMD16<Word>.self)
            signs |= limits &- (first & magnitude)
            moreSigns |= limits &- (second & magnitude)
            offset &+= 2 &* stride
        }
        signs |= moreSigns
        var last: Word = 0
        for lane in 0..<16 { last |= signs[lane] }
        while offset &+ size <= bytes.count {
            last |= limit &- (bytes.loadUnaligned(fromByteOffset: offset, as: Word.self) & .max)
            offset &+= size
        }
        return last < 0
    }
}

extension FiniteScan {
    /// The first element in row-major order that is not finite, nil where there is none.
    ///
    /// Slow; for use where ``isFinite(_:_:)`` said no. In a view whose elements overlap otherwise than by repetition
    /// along an axis, the place of the element within its storage is given instead of an index.
    static func firstFault(
        in bytes: UnsafeRawBufferPointer, _ type: ElementType, shape: [Int], strides: [Int]
    ) -> (place: String, value: String)? {
        guard let size = type.byteCount, !shape.contains(0) else { return nil }
        // The first of repeated elements stands for all of them.
        let sizes = zip(shape, strides).map { $1 == 0 ? 1 : $0 }
        let span = bytes.count / size
        let count = sizes.reduce(1) { $0.multipliedReportingOverflow(by: $1).overflow ? .max : $0 * $1 }
        guard count <= span else {
            return (0..<span).lazy.compactMap { position in
                fault(at: position, in: bytes, type).map { ("element \(position) of its storage", $0) }
            }.first
        }
        var index = [Int](repeating: 0, count: sizes.count)
        for _ in 0..<count {
            let position = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
            if let value = fault(at: position, in: bytes, type) { return ("\(index)", value) }
            for axis in index.indices.reversed() {
                index[axis] += 1
                if index[axis] < sizes[axis] { break }
                index[axis] = 0
            }
        }
        return nil
    }

    /// What is wrong with one element, nil where it is finite.
    private static func fault(at position: Int, in bytes: UnsafeRawBufferPointer, _ type: ElementType) -> String? {
        let value: Double
        switch type {
        case .float64: value = bytes.loadUnaligned(fromByteOffset: position * 8, as: Double.self)
        case .float32: value = Double(bytes.loadUnaligned(fromByteOffset: position * 4, as: Float.self))
        default:
            let bits = bytes.loadUnaligned(fromByteOffset: position * 2, as: UInt16.self)
            value = Double(
                type == .float16 ? HalfPrecision.float(fromHalf: bits) : HalfPrecision.float(fromBFloat: bits))
        }
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-infinity" : "infinity" }
        return Float(value).isInfinite ? "\(value), beyond float32," : nil
    }
}
