// SPDX-License-Identifier: MIT

extension PickleMachine {
    mutating func performNumber(_ operation: PickleOpcode) throws(WeightsError) {
        switch operation {
        case .none: try push(.none)
        case .newTrue: try push(.bool(true))
        case .newFalse: try push(.bool(false))
        case .binInt1: try push(.integer(Int32(try cursor.byte())))
        case .binInt2: try push(.integer(Int32(try cursor.integer(UInt16.self))))
        case .binInt: try push(.integer(try cursor.integer(Int32.self)))
        case .long1: try push(try long(byteCount: Int(try cursor.byte())))
        case .long4:
            let count = try cursor.integer(Int32.self)
            guard count >= 0 else {
                throw WeightsError(.malformedPickle, "an integer of \(count) bytes")
            }
            try push(try long(byteCount: Int(count)))
        case .binFloat:
            let bits = UInt64(bigEndian: try cursor.take(8).loadUnaligned(as: UInt64.self))
            try push(try arena.makeFloat(Double(bitPattern: bits)))
        case .float:
            try spend(8)
            let text = try textLine(limit: 1_024)
            guard let value = Double(text) else {
                throw WeightsError(.malformedPickle, "“\(text.shortened(to: 40))” is not a number")
            }
            try push(try arena.makeFloat(value))
        default: try push(try integerLine(allowingBooleans: operation == .int))
        }
    }

    /// A little-endian two's complement integer.
    private mutating func long(byteCount: Int) throws(WeightsError) -> PickleNode {
        guard byteCount <= limits.longBytes else {
            throw WeightsError(.limitExceeded, "an integer of \(byteCount) bytes, at most \(limits.longBytes) are read")
        }
        if byteCount > 8 { try spend(byteCount) }
        let bytes = try cursor.take(byteCount)
        guard let last = bytes.last else { return .integer(0) }
        let isNegative = last >= 0x80
        if byteCount <= 8 {
            var value: UInt64 = isNegative ? .max : 0
            for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
            return try arena.makeInteger(Int(bitPattern: UInt(value)))
        }
        return try arena.makeBigInteger(Self.hexadecimal(bytes, isNegative: isNegative))
    }

    private static func hexadecimal(_ bytes: UnsafeRawBufferPointer, isNegative: Bool) -> String {
        var magnitude = [UInt8](bytes)
        if isNegative {
            // Two's complement: invert and add one.
            var carry = true
            for index in magnitude.indices {
                magnitude[index] = ~magnitude[index]
                if carry { (magnitude[index], carry) = magnitude[index].addingReportingOverflow(1) }
            }
        }
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * magnitude.count)
        for byte in magnitude.reversed() {
            for digit in [byte >> 4, byte & 15] { digits.append(digit + (digit < 10 ? 0x30 : 0x57)) }
        }
        let significant = String(decoding: digits.drop { $0 == UInt8(ascii: "0") }, as: UTF8.self)
        return (isNegative ? "-0x" : "0x") + (significant.isEmpty ? "0" : significant)
    }

    /// INT and LONG of protocol 0: decimal digits, for LONG with an `L`; INT spells booleans `00` and `01`.
    private mutating func integerLine(allowingBooleans: Bool) throws(WeightsError) -> PickleNode {
        try spend(4)
        var text = try textLine(limit: 4_096)
        if allowingBooleans, text == "00" { return .bool(false) }
        if allowingBooleans, text == "01" { return .bool(true) }
        if !allowingBooleans, text.hasSuffix("L") { text.removeLast() }
        if let value = Int(text) { return try arena.makeInteger(value) }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        guard text.utf8.count - digits.count <= 1, !digits.isEmpty, digits.count <= 2_500,
            digits.allSatisfy({ (0x30..<0x3A).contains($0) })
        else {
            throw WeightsError(.malformedPickle, "“\(text.shortened(to: 40))” is not an integer")
        }
        return try arena.makeBigInteger(text)
    }

    /// The number that GET and PUT of protocol 0 spell out.
    mutating func decimalLine() throws(WeightsError) -> Int {
        let text = try textLine(limit: 32)
        guard let value = Int(text), value >= 0 else {
            throw WeightsError(.malformedPickle, "“\(text)” is not a memo number")
        }
        return value
    }

    mutating func textLine(limit: Int) throws(WeightsError) -> String {
        let line = try cursor.line(limit: limit)
        try spend(2 + line.count / 64)
        guard let text = String(validating: line, as: UTF8.self) else {
            throw WeightsError(.malformedPickle, "a line is not valid UTF-8")
        }
        return text
    }
}
