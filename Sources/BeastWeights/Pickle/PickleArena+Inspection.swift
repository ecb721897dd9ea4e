// SPDX-License-Identifier: MIT

extension PickleArena {
    func text(_ node: PickleNode) -> String? {
        guard case .text(let position) = node else { return nil }
        return texts[Int(position)]
    }

    func integer(_ node: PickleNode) -> Int? {
        switch node {
        case .integer(let value): Int(value)
        case .wideInteger(let position): Int(Int64(bitPattern: numbers[Int(position)]))
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    func symbol(_ node: PickleNode) -> Symbol? {
        guard case .symbol(let position) = node else { return nil }
        return symbols[Int(position)]
    }

    func meaning(_ node: PickleNode) -> SymbolMeaning? {
        guard case .symbol(let position) = node else { return nil }
        return meanings[Int(position)]
    }

    /// The items of a tuple or a list.
    func items(_ node: PickleNode) -> [PickleNode]? {
        switch node {
        case .tuple(let position): items(ofTuple: position)
        case .list(let position): sequences[Int(position)].items
        default: nil
        }
    }

    func items(ofTuple position: Int32) -> [PickleNode] {
        let tuple = tuples[Int(position)]
        return [PickleNode](tupleItems[Int(tuple.start)..<Int(tuple.start) + Int(tuple.count)])
    }

    /// What messages call a value: its kind with an article, and for symbols the name.
    func kind(of node: PickleNode) -> String {
        switch node {
        case .none: "None"
        case .bool: "a boolean"
        case .integer, .wideInteger, .bigInteger: "an integer"
        case .float: "a number"
        case .text: "a text"
        case .bytes: "a byte string"
        case .tuple: "a tuple"
        case .list: "a list"
        case .set: "a set"
        case .dictionary: "a dictionary"
        case .storage: "a storage"
        case .tensor: "a tensor"
        case .symbol(let position): "the symbol \(symbols[Int(position)])"
        case .object(let position):
            if let symbol = symbol(objects[Int(position)].callee) { "an object of \(symbol)" } else { "an object" }
        }
    }
}
