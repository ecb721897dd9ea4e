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
            let entries = arena.dictionaries[Int(position)].entries
            try spend(4 * entries.count)
            try arena.charge(2 * PickleArena.nodeSize * entries.count)
            flat = entries.flatMap { [$0.key, $0.value] }
        case let pairs?:
            guard items.count == 1, let pairs = try contents(of: pairs) else {
                return try arena.makeObject(callee, arguments: arguments)
            }
            try spend(2 * pairs.count)
            for pair in pairs {
                guard let pair = try contents(of: pair), pair.count == 2 else {
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
            guard let nodes = try contents(of: node) else { return nil }
            try spend(nodes.count / 4)
            content = nodes
        }
        switch meaning {
        case .list: return .list(try arena.makeSequence(content))
        case .set: return .set(try arena.makeSequence(content))
        default: return try arena.makeTuple(content)
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
            try spend(text.utf8.count / 4)
            try arena.charge(text.utf8.count)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.utf8.count)
            for scalar in text.unicodeScalars {
                guard let byte = UInt8(exactly: scalar.value) else { return nil }
                bytes.append(byte)
            }
            return try arena.makeBytes(bytes)
        case .list:
            guard let values = try contents(of: first) else { return nil }
            try spend(values.count)
            var bytes: [UInt8] = []
            for value in values {
                guard let number = arena.integer(value), let byte = UInt8(exactly: number) else { return nil }
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
        try spend(4 * items.count)
        for item in items {
            guard let part = arena.text(item) ?? arena.integer(item).map(String.init) else { return nil }
            parts.append(part)
            length += part.utf8.count + 1
            guard length <= 4_096 else { return nil }
            try spend(part.utf8.count / 8)
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
            let code = try contents(of: object.arguments)?.first.flatMap({ arena.text($0) }),
            let bytes = shortBytes(items[1])
        else { return nil }
        let order = try contents(of: object.state).flatMap { $0.count > 1 ? arena.text($0[1]) : nil } ?? "<"
        var bits: UInt64 = 0
        for byte in order == ">" ? bytes : bytes.reversed() { bits = bits << 8 | UInt64(byte) }
        switch (code, bytes.count) {
        case ("f8", 8): return try arena.makeFloat(Double(bitPattern: bits))
        case ("f4", 4): return try arena.makeFloat(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
        case ("f2", 2):
            return try arena.makeFloat(Double(HalfPrecision.float(fromHalf: UInt16(truncatingIfNeeded: bits))))
        case ("b1", 1): return .bool(bits != 0)
        case ("i8", 8): return try arena.makeInteger(Int(Int64(bitPattern: bits)))
        case ("i4", 4): return try arena.makeInteger(Int(Int32(truncatingIfNeeded: bits)))
        case ("i2", 2): return try arena.makeInteger(Int(Int16(truncatingIfNeeded: bits)))
        case ("i1", 1): return try arena.makeInteger(Int(Int8(truncatingIfNeeded: bits)))
        case ("u4", 4), ("u2", 2), ("u1", 1): return try arena.makeInteger(Int(bits))
        case ("u8", 8):
            guard let value = Int(exactly: bits) else { return nil }
            return try arena.makeInteger(value)
        default: return nil
        }
    }

    /// At most eight bytes of a byte string, or of a text that Python 2 meant as one.
    private func shortBytes(_ node: PickleNode) -> [UInt8]? {
        let bytes: [UInt8]
        switch node {
        case .bytes(let position): bytes = arena.byteStrings[Int(position)]
        case .text: bytes = arena.text(node).map { [UInt8]($0.utf8.prefix(9)) } ?? []
        default: return nil
        }
        return bytes.count <= 8 ? bytes : nil
    }
}
