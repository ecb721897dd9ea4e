// SPDX-License-Identifier: MIT

/// A whole `.npy` file in memory.
public struct NumpyArray: Sendable {
    /// The type of the elements.
    public let element: NumpyElement
    /// Sizes, outermost first; empty for a single number.
    public let shape: [Int]
    /// The elements, little-endian, in row-major order.
    public let bytes: [UInt8]

    /// The product of ``shape``.
    public var count: Int { bytes.count / element.byteCount }

    /// Reads a file of version 1, 2 or 3 in row-major order.
    ///
    /// - Throws: ``WeightsError`` for column-major or big-endian data, Python objects, a size that overflows, and a file
    ///   that is not exactly as long as its header says.
    public static func read(path: String) throws(WeightsError) -> NumpyArray {
        try naming(path) { () throws(WeightsError) in
            let file = try InputFile(path: path)
            let (header, range) = try NumpyHeader.readChecked(file)
            let data = try file.read(at: range.lowerBound, count: range.count, what: "the npy data")
            return NumpyArray(element: header.element, shape: header.shape, bytes: [UInt8](data.bytes))
        }
    }

    private init(element: NumpyElement, shape: [Int], bytes: [UInt8]) {
        self.element = element
        self.shape = shape
        self.bytes = bytes
    }

    /// The elements converted to float32: exact from float16 and integers up to 24 bits, rounded from the others.
    public func floats() -> [Float] {
        switch element {
        case .float64: map(UInt64.self) { Float(Double(bitPattern: $0)) }
        case .float32: map(UInt32.self) { Float(bitPattern: $0) }
        case .float16: map(UInt16.self) { HalfPrecision.float(fromHalf: $0) }
        case .int64: map(Int64.self) { Float($0) }
        case .int32: map(Int32.self) { Float($0) }
        case .int16: map(Int16.self) { Float($0) }
        case .int8: map(Int8.self) { Float($0) }
        case .uint64: map(UInt64.self) { Float($0) }
        case .uint32: map(UInt32.self) { Float($0) }
        case .uint16: map(UInt16.self) { Float($0) }
        case .uint8: map(UInt8.self) { Float($0) }
        case .bool: map(UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    /// The elements converted to float64: exact from everything but integers beyond 53 bits.
    public func doubles() -> [Double] {
        switch element {
        case .float64: map(UInt64.self) { Double(bitPattern: $0) }
        case .int64: map(Int64.self) { Double($0) }
        case .uint64: map(UInt64.self) { Double($0) }
        case .int32: map(Int32.self) { Double($0) }
        case .uint32: map(UInt32.self) { Double($0) }
        default: floats().map { Double($0) }
        }
    }

    /// The elements as integers; nil where the elements are floating-point numbers or one exceeds 63 bits.
    public func integers() -> [Int]? {
        switch element {
        case .float64, .float32, .float16: return nil
        case .int64: return map(Int64.self) { Int($0) }
        case .int32: return map(Int32.self) { Int($0) }
        case .int16: return map(Int16.self) { Int($0) }
        case .int8: return map(Int8.self) { Int($0) }
        case .uint64:
            let values = map(UInt64.self) { Int(exactly: $0) }
            return values.contains(nil) ? nil : values.compactMap { $0 }
        case .uint32: return map(UInt32.self) { Int($0) }
        case .uint16: return map(UInt16.self) { Int($0) }
        case .uint8: return map(UInt8.self) { Int($0) }
        case .bool: return map(UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    private func map<Word: FixedWidthInteger & BitwiseCopyable, Value>(
        _: Word.Type, _ transform: (Word) -> Value
    ) -> [Value] {
        bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Word>.stride).map { index in
                let offset = index * MemoryLayout<Word>.stride
                return transform(Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Word.self)))
            }
        }
    }
}
