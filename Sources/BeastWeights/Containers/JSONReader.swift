// SPDX-License-Identifier: MIT

/// A strict pull parser for the JSON of safetensors headers (RFC 8259): it builds nothing, its caller asks for what
/// the format wants at each place.
///
/// Nesting is bounded, names must be unique within their object, and text must be valid UTF-8.
struct JSONReader {
    private var cursor: ByteCursor
    private var depth = 0
    /// Bytes of text, and numbers in lists, that may still be handed out.
    private var textBudget = 24 << 20
    private var numberBudget = 4 << 20
    private let name: String
    private static let maximumDepth = 3

    /// - Parameters:
    ///   - name: what messages call the text.
    ///   - base: where it starts in its file, for messages.
    init(_ bytes: UnsafeRawBufferPointer, name: String, base: Int) {
        cursor = ByteCursor(bytes, base: base)
        self.name = name
    }

    /// Reads an object and calls `member` with each name; `member` must consume the value.
    mutating func readObject(
        maximumCount: Int, _ member: (inout JSONReader, String) throws(WeightsError) -> Void
    ) throws(WeightsError) {
        try enter("{")
        var names = UniqueNames()
        if try !leave("}") {
            repeat {
                let name = try readText()
                guard names.insert(name) else { throw failure("the name “\(name.shortened(to: 80))” occurs twice") }
                guard names.count <= maximumCount else { throw failure("there are more than \(maximumCount) names") }
                try expect(":")
                try member(&self, name)
            } while try hasAnother(closing: "}")
        }
        depth -= 1
    }

    mutating func readArray(_ element: (inout JSONReader) throws(WeightsError) -> Void) throws(WeightsError) {
        try enter("[")
        if try !leave("]") {
            repeat { try element(&self) } while try hasAnother(closing: "]")
        }
        depth -= 1
    }

    /// A whole number that is 0 or more and fits 64 bits; `1.0` and `1e3` are not taken.
    mutating func readCount() throws(WeightsError) -> Int {
        numberBudget -= 1
        guard numberBudget >= 0 else { throw tooMuch("numbers") }
        let text = try numberText()
        guard let value = Int(text), value >= 0, text.utf8.first != UInt8(ascii: "-") else {
            throw failure("“\(text.shortened(to: 40))” is not a count")
        }
        return value
    }

    mutating func readText() throws(WeightsError) -> String {
        try expect("\"")
        let start = cursor.position
        while let byte = cursor.nextByte() {
            switch byte {
            case UInt8(ascii: "\""):
                let bytes = UnsafeRawBufferPointer(rebasing: cursor.bytes[start..<cursor.position - 1])
                try charge(text: bytes.count)
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw failure("a text is not valid UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): return try readEscapedText(from: start)
            case 0..<0x20: throw failure("a text holds a control character")
            default: break
            }
        }
        throw failure("a text does not end")
    }

    /// Consumes any value without keeping it.
    mutating func skipValue() throws(WeightsError) {
        numberBudget -= 1
        guard numberBudget >= 0 else { throw tooMuch("values") }
        skipSpace()
        switch peek() {
        case UInt8(ascii: "{"):
            try enter("{")
            if try !leave("}") {
                repeat {
                    try skipText()
                    try expect(":")
                    try skipValue()
                } while try hasAnother(closing: "}")
            }
            depth -= 1
        case UInt8(ascii: "["): try readArray { reader throws(WeightsError) in try reader.skipValue() }
        case UInt8(ascii: "\""): try skipText()
        case UInt8(ascii: "t"): try skipWord("true")
        case UInt8(ascii: "f"): try skipWord("false")
        case UInt8(ascii: "n"): try skipWord("null")
        default: _ = try number()
        }
    }

    /// Consumes a text that nobody wants, without keeping it.
    private mutating func skipText() throws(WeightsError) {
        try expect("\"")
        let start = cursor.position
        var isASCII = true
        while let byte = cursor.nextByte() {
            if byte >= 0x80 { isASCII = false }
            switch byte {
            case UInt8(ascii: "\""):
                if isASCII { return }
                let bytes = UnsafeRawBufferPointer(rebasing: cursor.bytes[start..<cursor.position - 1])
                try charge(text: bytes.count)
                guard String(validating: bytes, as: UTF8.self) != nil else {
                    throw failure("a text is not valid UTF-8")
                }
                return
            case UInt8(ascii: "\\"): _ = try cursor.byte()
            case 0..<0x20: throw failure("a text holds a control character")
            default: break
            }
        }
        throw failure("a text does not end")
    }

    /// Only white space may follow.
    mutating func finish() throws(WeightsError) {
        skipSpace()
        guard cursor.isAtEnd else { throw failure("something follows the end of the JSON") }
    }

    func failure(_ text: String) -> WeightsError {
        WeightsError(.malformedContainer, "\(name) is damaged near byte \(cursor.base + cursor.position): \(text)")
    }

    private mutating func charge(text count: Int) throws(WeightsError) {
        textBudget -= count
        guard textBudget >= 0 else { throw tooMuch("text") }
    }

    private func tooMuch(_ what: String) -> WeightsError {
        WeightsError(
            .limitExceeded, "\(name) holds more \(what) than is read, near byte \(cursor.base + cursor.position)")
    }

    // MARK: - Tokens

    private func peek() -> UInt8? { cursor.isAtEnd ? nil : cursor.bytes[cursor.position] }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { _ = cursor.nextByte() }
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(WeightsError) {
        skipSpace()
        guard cursor.nextByte() == UInt8(ascii: character) else { throw failure("“\(character)” is missing") }
    }

    private mutating func enter(_ character: Unicode.Scalar) throws(WeightsError) {
        try expect(character)
        guard depth < Self.maximumDepth else { throw failure("values are nested deeper than \(Self.maximumDepth)") }
        depth += 1
    }

    private mutating func leave(_ character: Unicode.Scalar) throws(WeightsError) -> Bool {
        skipSpace()
        guard peek() == UInt8(ascii: character) else { return false }
        _ = cursor.nextByte()
        return true
    }

    private mutating func hasAnother(closing: Unicode.Scalar) throws(WeightsError) -> Bool {
        skipSpace()
        switch cursor.nextByte() {
        case UInt8(ascii: ","): return true
        case UInt8(ascii: closing): return false
        default: throw failure("“,” or “\(closing)” is missing")
        }
    }

    private mutating func skipWord(_ word: String) throws(WeightsError) {
        guard try cursor.take(word.utf8.count).elementsEqual(word.utf8) else { throw failure("“\(word)” is misspelt") }
    }

    private mutating func numberText() throws(WeightsError) -> String {
        let range = try number()
        return String(decoding: cursor.bytes[range], as: UTF8.self)
    }

    /// Consumes a number by the grammar of RFC 8259 and returns where it lies.
    private mutating func number() throws(WeightsError) -> Range<Int> {
        skipSpace()
        let start = cursor.position
        if peek() == UInt8(ascii: "-") { _ = cursor.nextByte() }
        let integerStart = cursor.position
        var isValid = skipDigits() > 0
        if cursor.position - integerStart > 1, cursor.bytes[integerStart] == UInt8(ascii: "0") { isValid = false }
        if peek() == UInt8(ascii: ".") {
            _ = cursor.nextByte()
            isValid = skipDigits() > 0 && isValid
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            _ = cursor.nextByte()
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { _ = cursor.nextByte() }
            isValid = skipDigits() > 0 && isValid
        }
        guard isValid else { throw failure("a number or another value is missing") }
        return start..<cursor.position
    }

    private mutating func skipDigits() -> Int {
        var count = 0
        while let byte = peek(), (0x30..<0x3A).contains(byte) {
            _ = cursor.nextByte()
            count += 1
        }
        return count
    }

    // MARK: - Escapes

    /// The rest of a text in which a backslash was met; rare, so it is read again from its start.
    private mutating func readEscapedText(from start: Int) throws(WeightsError) -> String {
        try charge(text: cursor.position - start)
        var content = [UInt8](cursor.bytes[start..<cursor.position - 1])
        var isEscape = true
        while true {
            try charge(text: 1)
            if isEscape {
                try readEscape(into: &content)
                isEscape = false
            }
            switch try cursor.byte() {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw failure("a text is not valid UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): isEscape = true
            case 0..<0x20: throw failure("a text holds a control character")
            case let byte: content.append(byte)
            }
        }
    }

    private mutating func readEscape(into content: inout [UInt8]) throws(WeightsError) {
        switch try cursor.byte() {
        case UInt8(ascii: "n"): content.append(10)
        case UInt8(ascii: "r"): content.append(13)
        case UInt8(ascii: "t"): content.append(9)
        case UInt8(ascii: "b"): content.append(8)
        case UInt8(ascii: "f"): content.append(12)
        case UInt8(ascii: "u"):
            var value = try readUnit()
            if 0xD800..<0xDC00 ~= value {
                guard try cursor.byte() == UInt8(ascii: "\\"), try cursor.byte() == UInt8(ascii: "u") else {
                    throw failure("half a surrogate pair")
                }
                let low = try readUnit()
                guard 0xDC00..<0xE000 ~= low else { throw failure("half a surrogate pair") }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw failure("half a surrogate pair") }
            content += String(Character(scalar)).utf8
        case let byte where byte == 0x22 || byte == 0x5C || byte == 0x2F: content.append(byte)
        default: throw failure("an unknown escape")
        }
    }

    private mutating func readUnit() throws(WeightsError) -> UInt32 {
        let digits = try cursor.take(4)
        guard digits.allSatisfy({ (0x30..<0x3A).contains($0) || (0x61..<0x67).contains($0 | 0x20) }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("a damaged escape") }
        return value
    }
}

/// The names met in one object. Most objects have three, for which a list is quicker than hashing.
private struct UniqueNames {
    private var few: [String] = []
    private var many: Set<String> = []
    private static let threshold = 16

    var count: Int { few.count + many.count }

    /// False where the name is there already.
    mutating func insert(_ name: String) -> Bool {
        guard !few.contains(name) else { return false }
        guard few.count == Self.threshold else {
            few.append(name)
            return true
        }
        return many.insert(name).inserted
    }
}
