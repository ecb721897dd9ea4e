// SPDX-License-Identifier: MIT

/// Plain values out of the constructors that appear in checkpoints. Each returns nil for arguments it does not know;
/// an inert object takes the value's place then.
extension PickleMachine {
    /// `OrderedDict()`, `OrderedDict([[key, value], …])`, `Counter({…})`.
    mutating func buildDictionary(
        _ items: [PickleNode], callee: PickleNode, arguments: PickleNode
    ) throws(WeightsError) -> PickleNode {
        var flat: [PickleNode] = []
        switch items.first {
        case nil: break
        case .dictionary(let position):
            flat = arena.dictionaries[Int(position)].entries.flatMap { [$0.key, $0.value] }
        case let pairs?:
            guard items.count == 1, let pairs = arena.items(pairs) else {
                return try arena.makeObject(callee, arguments: arguments)
            }
            for pair in pairs {
                guard let pair = arena.items(pair), pair.count == 2 else {
                    return try arena.makeObject(callee, arguments: arguments)
                }
                flat += pair
            }
        }
        let dictionary = PickleNode.dictionary(try arena.makeDictionary())
        try arena.setItems(flat, of: dictionary)
        return dictionary
    }

    mutating func buildSequence(_ meaning: SymbolMeaning, _ items: [PickleNode]) throws(WeightsError) -> PickleNode? {
        guard items.count <= 1 else { return nil }
        let content: [PickleNode]
        switch items.first {
        case nil: content = []
        case .set(let position): content = arena.sequences[Int(position)].items
        case let node?:
            guard let nodes = arena.items(node) else { return nil }
            content = nodes
        }
        let position = try arena.makeSequence(content)
        switch meaning {
        case .list: return .list(position)
        case .set: return .set(position)
        default: return .tuple(position)
        }
    }

    /// `_codecs.encode(text, 'latin1')`, how protocol 2 spells bytes, and the constructors of bytes and bytearray.
    mutating func buildBytes(_ items: [PickleNode]) throws(WeightsError) -> PickleNode? {
        guard let first = items.first else { return try arena.makeBytes(EmptyCollection()) }
        switch first {
        case .bytes: return first
        case .text:
            guard items.count == 2, let text = arena.text(first), let encoding = arena.text(items[1]),
                ["latin1", "latin-1", "iso-8859-1"].contains(encoding)
            else { return nil }
            try arena.charge(text.utf8.count)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.utf8.count)
            for scalar in text.unicodeScalars {
                guard let byte = UInt8(exactly: scalar.value) else { return nil }
                bytes.append(byte)
            }
            return try arena.makeBytes(bytes)
        case .list:
            guard let values = arena.items(first) else { return nil }
            var bytes: [UInt8] = []
            for value in values {
                guard case .integer(let number) = value, let byte = UInt8(exactly: number) else { return nil }
                bytes.append(byte)
            }
            return try arena.makeBytes(bytes)
        default: return nil
        }
    }

    /// Paths, devices and layouts, all shown as text.
    mutating func buildText(_ meaning: SymbolMeaning, _ items: [PickleNode]) throws(WeightsError) -> PickleNode? {
        var parts: [String] = []
        var length = 0
        for item in items {
            guard let part = arena.text(item) ?? arena.integer(item).map(String.init) else { return nil }
            parts.append(part)
            length += part.utf8.count + 1
            guard length <= 65_536 else { return nil }
        }
        switch meaning {
        case .device: return try arena.makeText(parts.joined(separator: ":"))
        case .layout: return try arena.makeText(parts.first ?? "")
        default:
            let joined = parts.joined(separator: "/")
            return try arena.makeText(joined.hasPrefix("//") ? String(joined.dropFirst()) : joined)
        }
    }

    /// `scalar(dtype, bytes)`: a NumPy number, such as a learning rate.
    mutating func numpyScalar(_ items: [PickleNode]) throws(WeightsError) -> PickleNode? {
        guard items.count == 2, case .object(let position) = items[0] else { return nil }
        let object = arena.objects[Int(position)]
        guard arena.symbol(object.callee)?.name == "dtype",
            let code = arena.items(object.arguments)?.first.flatMap({ arena.text($0) }),
            let bytes = rawBytes(items[1]), bytes.count <= 8
        else { return nil }
        let order = arena.items(object.state).flatMap { $0.count > 1 ? arena.text($0[1]) : nil } ?? "<"
        var bits: UInt64 = 0
        for byte in order == ">" ? bytes : bytes.reversed() { bits = bits << 8 | UInt64(byte) }
        switch (code, bytes.count) {
        case ("f8", 8): return .float(Double(bitPattern: bits))
        case ("f4", 4): return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
        case ("f2", 2): return .float(Double(HalfPrecision.float(fromHalf: UInt16(truncatingIfNeeded: bits))))
        case ("b1", 1): return .bool(bits != 0)
        case ("i8", 8): return .integer(Int(Int64(bitPattern: bits)))
        case ("i4", 4): return .integer(Int(Int32(truncatingIfNeeded: bits)))
        case ("i2", 2): return .integer(Int(Int16(truncatingIfNeeded: bits)))
        case ("i1", 1): return .integer(Int(Int8(truncatingIfNeeded: bits)))
        case ("u4", 4), ("u2", 2), ("u1", 1): return .integer(Int(bits))
        case ("u8", 8): return Int(exactly: bits).map { .integer($0) }
        default: return nil
        }
    }

    /// The bytes of a byte string, or of a text that Python 2 meant as one.
    private func rawBytes(_ node: PickleNode) -> [UInt8]? {
        switch node {
        case .bytes(let position): arena.byteStrings[Int(position)]
        case .text: arena.text(node).map { [UInt8]($0.utf8) }
        default: nil
        }
    }
}
