// SPDX-License-Identifier: MIT

extension PickleMachine {
    mutating func performText(_ operation: PickleOpcode) throws(WeightsError) {
        try spend(2)
        switch operation {
        case .shortBinUnicode: try push(try arena.makeText(utf8: try cursor.take(Int(try cursor.byte()))))
        case .binUnicode: try push(try arena.makeText(utf8: try cursor.take(Int(try cursor.integer(UInt32.self)))))
        case .binUnicode8: try push(try arena.makeText(utf8: try takeWide()))
        case .shortBinBytes: try push(try arena.makeBytes(try cursor.take(Int(try cursor.byte()))))
        case .binBytes: try push(try arena.makeBytes(try cursor.take(Int(try cursor.integer(UInt32.self)))))
        case .binBytes8, .byteArray8: try push(try arena.makeBytes(try takeWide()))
        case .shortBinString: try push(try python2Text(try cursor.take(Int(try cursor.byte()))))
        case .binString: try push(try python2Text(try cursor.take(Int(try cursor.integer(Int32.self)))))
        case .string: try push(try quotedLine())
        default: try push(try escapedLine())
        }
    }

    private mutating func takeWide() throws(WeightsError) -> UnsafeRawBufferPointer {
        let count = try cursor.integer(UInt64.self)
        guard count <= UInt64(cursor.remaining) else {
            throw WeightsError(.malformedPickle, "a text of \(count) bytes where \(cursor.remaining) are left")
        }
        return try cursor.take(Int(count))
    }

    /// Python 2 did not tell text from bytes: ASCII is taken as text, all else as bytes.
    private mutating func python2Text(_ bytes: some Collection<UInt8>) throws(WeightsError) -> PickleNode {
        guard bytes.allSatisfy({ $0 < 0x80 }) else { return try arena.makeBytes(bytes) }
        return try arena.makeText(String(decoding: bytes, as: UTF8.self))
    }

    /// STRING: a quoted literal with backslash escapes, up to the end of the line.
    private mutating func quotedLine() throws(WeightsError) -> PickleNode {
        let line = try cursor.line(limit: limits.textBytes)
        guard line.count >= 2, let quote = line.first, quote == line.last,
            quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else {
            throw WeightsError(.malformedPickle, "a text is not in quotes")
        }
        try spend(line.count / 4)
        try arena.charge(line.count)
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var content = ByteCursor(UnsafeRawBufferPointer(rebasing: line[1..<line.count - 1]))
        while let byte = content.nextByte() {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            switch try content.byte() {
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "a"): result.append(7)
            case UInt8(ascii: "b"): result.append(8)
            case UInt8(ascii: "f"): result.append(12)
            case UInt8(ascii: "v"): result.append(11)
            case UInt8(ascii: "x"): result.append(UInt8(truncatingIfNeeded: try hexadecimal(2, in: &content)))
            case let escaped where [0x5C, 0x27, 0x22].contains(escaped): result.append(escaped)
            default: throw WeightsError(.malformedPickle, "a text holds an unknown escape")
            }
        }
        return try python2Text(result)
    }

    /// UNICODE: Latin-1 bytes with `\uXXXX` and `\UXXXXXXXX` escapes, up to the end of the line.
    private mutating func escapedLine() throws(WeightsError) -> PickleNode {
        var content = ByteCursor(try cursor.line(limit: limits.textBytes))
        try spend(2 * content.bytes.count)
        try arena.charge(content.bytes.count)
        var units = String.UnicodeScalarView()
        while let byte = content.nextByte() {
            var value = UInt32(byte)
            if byte == UInt8(ascii: "\\"), let escaped = content.nextByte() {
                switch escaped {
                case UInt8(ascii: "u"): value = try hexadecimal(4, in: &content)
                case UInt8(ascii: "U"): value = try hexadecimal(8, in: &content)
                default:
                    // No escape: both characters stand for themselves, and a second backslash starts nothing.
                    units.append(Unicode.Scalar(byte))
                    value = UInt32(escaped)
                }
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw WeightsError(
                    .malformedPickle, "a text holds U+\(String(value, radix: 16)), which is no character")
            }
            units.append(scalar)
        }
        return try arena.makeText(String(units))
    }

    private func hexadecimal(_ digits: Int, in content: inout ByteCursor) throws(WeightsError) -> UInt32 {
        let text = String(decoding: try content.take(digits), as: UTF8.self)
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let value = UInt32(text, radix: 16)
        else {
            throw WeightsError(.malformedPickle, "a text holds a damaged escape")
        }
        return value
    }
}
