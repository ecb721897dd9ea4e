// SPDX-License-Identifier: MIT

/// The header of a `.npy` file: magic, version, length and a Python dictionary literal.
/// Format: NEP 1 and `numpy.lib.format`.
public struct NumpyHeader: Equatable, Sendable {
    /// The type of the elements.
    public let element: NumpyElement
    /// Sizes, outermost first; empty for a single number.
    public let shape: [Int]

    /// Where the data of a file written with ``reservedBytes()`` starts.
    public static let reservedByteCount = 128

    static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    private static let maximumLength = 1 << 20
    private static let maximumRank = 64

    /// Creates a header.
    public init(element: NumpyElement, shape: [Int]) {
        self.element = element
        self.shape = shape
    }

    /// The header as version 1, padded with spaces so that the data starts at a multiple of 64.
    ///
    /// - Throws: `invalidOutput` for negative sizes or more than 64 dimensions.
    public func encoded() throws(WeightsError) -> [UInt8] { try encoded(minimumLength: 0) }

    /// The header padded to exactly ``reservedByteCount`` bytes, so that it can be written before the number of rows is
    /// known and overwritten in place afterwards: any row count fits where the other sizes do.
    ///
    /// - Throws: `invalidOutput` where the sizes are too many to leave that room.
    public func reservedBytes() throws(WeightsError) -> [UInt8] {
        var widest = shape
        if !widest.isEmpty { widest[0] = .max }
        guard try NumpyHeader(element: element, shape: widest).encoded().count <= Self.reservedByteCount else {
            throw WeightsError(.invalidOutput, "an npy header with the sizes \(shape) needs more than 128 bytes")
        }
        return try encoded(minimumLength: Self.reservedByteCount)
    }

    private func encoded(minimumLength: Int) throws(WeightsError) -> [UInt8] {
        guard shape.count <= Self.maximumRank, shape.allSatisfy({ $0 >= 0 }) else {
            throw WeightsError(.invalidOutput, "an npy array cannot have the sizes \(shape)")
        }
        let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text = "{'descr': '\(element.descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
        let unpadded = Self.magic.count + 4 + text.utf8.count + 1
        let total = max((unpadded + 63) / 64 * 64, minimumLength)
        let length = UInt16(total - Self.magic.count - 4)
        var bytes = Self.magic + [1, 0, UInt8(truncatingIfNeeded: length), UInt8(truncatingIfNeeded: length >> 8)]
        bytes += text.utf8
        bytes += [UInt8](repeating: UInt8(ascii: " "), count: total - bytes.count - 1)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// Reads the header of a file.
    ///
    /// - Returns: the header and the byte at which the data starts.
    static func read(_ file: InputFile) throws(WeightsError) -> (header: NumpyHeader, dataOffset: Int) {
        let prefix = try file.read(at: 0, count: min(12, file.size), what: "the npy header")
        guard prefix.bytes.count >= 10, prefix.bytes.prefix(6).elementsEqual(magic) else {
            throw WeightsError(.unsupportedContainer, "is no npy file (it does not start with \\x93NUMPY)")
        }
        let version = prefix.bytes[6]
        guard (1...3).contains(version), version == 1 || prefix.bytes.count == 12 else {
            throw WeightsError(.unsupportedContainer, "npy version \(version), this reader knows 1 to 3")
        }
        let start = version == 1 ? 10 : 12
        let length =
            version == 1
            ? Int(prefix.bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self).littleEndian)
            : Int(prefix.bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self).littleEndian)
        guard length <= maximumLength else {
            throw WeightsError(.limitExceeded, "an npy header of \(length) bytes, at most \(maximumLength) are read")
        }
        let text = try file.read(at: start, count: length, what: "the npy header")
        var parser = NumpyHeaderParser(text.bytes)
        return (try parser.parse(), start + length)
    }

    /// Whether a file starts like an npy file.
    static func isStart(of file: InputFile) throws(WeightsError) -> Bool {
        let start = try file.read(at: 0, count: min(magic.count, file.size), what: "the start of the file")
        return start.bytes.elementsEqual(magic)
    }

    /// Reads the header and holds it against the file's size.
    ///
    /// - Returns: the header and where the data lies.
    static func readChecked(_ file: InputFile) throws(WeightsError) -> (header: NumpyHeader, data: Range<Int>) {
        guard file.size > 0 else { throw WeightsError(.malformedContainer, "the file is empty") }
        let (header, dataOffset) = try read(file)
        guard let count = TensorDescription.count(header.shape) else {
            throw WeightsError(.malformedContainer, "the shape \(header.shape) is beyond what 64 bits can count")
        }
        let byteCount = count.multipliedReportingOverflow(by: header.element.byteCount)
        guard !byteCount.overflow, byteCount.partialValue == file.size - dataOffset else {
            throw WeightsError(
                .malformedContainer,
                "the header announces \(count) × \(header.element), the file holds \(file.size - dataOffset) bytes of data"
            )
        }
        return (header, dataOffset..<file.size)
    }
}

/// Parses the dictionary literal: the three keys in any order, a tuple of decimal sizes, nothing else.
private struct NumpyHeaderParser {
    private var cursor: ByteCursor

    init(_ bytes: UnsafeRawBufferPointer) { cursor = ByteCursor(bytes) }

    mutating func parse() throws(WeightsError) -> NumpyHeader {
        var element: NumpyElement?
        var shape: [Int]?
        var isFortran: Bool?
        try expect("{")
        while !accept("}") {
            switch try quoted() {
            case "descr" where element == nil:
                try expect(":")
                guard peek() != UInt8(ascii: "[") else {
                    throw WeightsError(.unsupportedElementType, "the elements are records; save one plain array")
                }
                element = try NumpyElement(descriptor: try quoted())
            case "fortran_order" where isFortran == nil:
                try expect(":")
                isFortran = try boolean()
            case "shape" where shape == nil:
                try expect(":")
                shape = try sizes()
            case let key: throw failure("the key “\(key.shortened(to: 40))” is unknown or occurs twice")
            }
            if !accept(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard cursor.isAtEnd else { throw failure("something follows the dictionary") }
        guard let element, let shape, let isFortran else { throw failure("descr, fortran_order or shape is missing") }
        guard !isFortran else {
            throw WeightsError(
                .unsupportedContainer,
                "the array is stored column by column (fortran_order); save numpy.ascontiguousarray(array)")
        }
        return NumpyHeader(element: element, shape: shape)
    }

    private func failure(_ text: String) -> WeightsError {
        WeightsError(.malformedContainer, "the npy header is damaged: \(text)")
    }

    private mutating func skipSpace() {
        while cursor.position < cursor.bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(cursor.bytes[cursor.position]) {
            _ = cursor.nextByte()
        }
    }

    private mutating func peek() -> UInt8? {
        skipSpace()
        return cursor.isAtEnd ? nil : cursor.bytes[cursor.position]
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        _ = cursor.nextByte()
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(WeightsError) {
        guard accept(character) else { throw failure("“\(character)” is missing") }
    }

    private mutating func quoted() throws(WeightsError) -> String {
        guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw failure("a text in quotes is missing")
        }
        _ = cursor.nextByte()
        var content: [UInt8] = []
        while let byte = cursor.nextByte(), byte != UInt8(ascii: "\\"), content.count < 256 {
            if byte == quote {
                guard let text = String(validating: content, as: UTF8.self) else { break }
                return text
            }
            content.append(byte)
        }
        throw failure("a text does not end")
    }

    private mutating func word() -> String {
        var content: [UInt8] = []
        while let byte = peek(), (0x30..<0x3A).contains(byte) || (0x61..<0x7B).contains(byte | 0x20),
            content.count < 32
        {
            content.append(byte)
            _ = cursor.nextByte()
        }
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func boolean() throws(WeightsError) -> Bool {
        switch word() {
        case "True": return true
        case "False": return false
        default: throw failure("fortran_order is neither True nor False")
        }
    }

    private mutating func sizes() throws(WeightsError) -> [Int] {
        try expect("(")
        var result: [Int] = []
        while !accept(")") {
            var digits = word()
            // Python 2 wrote long integers with an L.
            if digits.hasSuffix("L") { digits.removeLast() }
            guard let size = Int(digits), result.count < 64 else { throw failure("the shape is no tuple of sizes") }
            result.append(size)
            if !accept(",") {
                try expect(")")
                break
            }
        }
        return result
    }
}
