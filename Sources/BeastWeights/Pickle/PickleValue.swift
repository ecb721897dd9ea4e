// SPDX-License-Identifier: MIT

/// A decoded value of a checkpoint: what the pickle describes, without any behaviour.
///
/// Containers are views into one graph which all values of a file share. They may contain themselves and
/// may be shared; a walk must bound its depth (as ``description`` does), identity is ``ValueIdentity``.
public enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits: decimal digits, or hexadecimal ones with `0x` in front.
    case bigInteger(String)
    case float(Double)
    case text(String)
    case bytes([UInt8])
    case tuple(PickleSequence)
    case list(PickleSequence)
    case set(PickleSequence)
    case dictionary(PickleDictionary)
    /// What a constructor that means nothing here was given.
    case object(PickleObject)
    /// A class or function that was named.
    case symbol(Symbol)
    case tensor(TensorDescription)
    /// A storage that no tensor wraps.
    case storage(key: String, elementType: ElementType, elementCount: Int)

    /// The kind of value with an article, for messages: `a list`, `an object of argparse.Namespace`.
    public var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a boolean"
        case .integer, .bigInteger: "an integer"
        case .float: "a number"
        case .text: "a text"
        case .bytes: "a byte string"
        case .tuple: "a tuple"
        case .list: "a list"
        case .set: "a set"
        case .dictionary: "a dictionary"
        case .object(let object):
            if case .symbol(let symbol) = object.callee { "an object of \(symbol)" } else { "an object" }
        case .symbol(let symbol): "the symbol \(symbol)"
        case .tensor: "a tensor"
        case .storage: "a storage"
        }
    }

    /// The value under a text key, where this is a dictionary that has one; the last where there are several.
    public subscript(key: String) -> PickleValue? {
        guard case .dictionary(let dictionary) = self else { return nil }
        return dictionary[key]
    }
}

/// Tells containers of one file apart; the same container met twice has the same identity.
public struct ValueIdentity: Hashable, Sendable {
    let kind: UInt8
    let position: Int32
}

/// All values of one checkpoint. Frozen once decoded.
final class PickleGraph: Sendable {
    let arena: PickleArena
    let storages: StorageTable

    init(arena: PickleArena, storages: StorageTable) {
        self.arena = arena
        self.storages = storages
    }

    func value(_ node: PickleNode) -> PickleValue {
        switch node {
        case .none: .none
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(Int(value))
        case .wideInteger(let position): .integer(Int(Int64(bitPattern: arena.numbers[Int(position)])))
        case .float(let position): .float(Double(bitPattern: arena.numbers[Int(position)]))
        case .bigInteger(let position): .bigInteger(arena.texts[Int(position)])
        case .text(let position): .text(arena.texts[Int(position)])
        case .bytes(let position): .bytes(arena.byteStrings[Int(position)])
        case .tuple(let position): .tuple(PickleSequence(graph: self, position: position, isTuple: true))
        case .list(let position): .list(PickleSequence(graph: self, position: position, isTuple: false))
        case .set(let position): .set(PickleSequence(graph: self, position: position, isTuple: false))
        case .dictionary(let position): .dictionary(PickleDictionary(graph: self, position: position))
        case .object(let position): .object(PickleObject(graph: self, position: position))
        case .symbol(let position): .symbol(arena.symbols[Int(position)])
        case .tensor(let position): .tensor(arena.tensors[Int(position)])
        case .storage(let position): storageValue(arena.storageNodes[Int(position)])
        }
    }

    private func storageValue(_ node: StorageNode) -> PickleValue {
        let storage = storages.storages[node.position]
        return .storage(key: storage.key, elementType: storage.elementType, elementCount: node.elementCount)
    }
}
