// SPDX-License-Identifier: MIT

/// A decoded value inside a ``PickleArena``: a plain number, or the position of something larger.
///
/// Eight bytes each: the lists of a training run can hold millions. Nodes own nothing. That makes the decoder's stack cheap, lets values contain themselves without leaking, and
/// frees the deepest graph without recursion.
enum PickleNode {
    case none
    case bool(Bool)
    case integer(Int32)
    /// Beyond 32 bits; its position among the arena's numbers, as for `float`.
    case wideInteger(Int32)
    case float(Int32)
    case bigInteger(Int32)
    case text(Int32)
    case bytes(Int32)
    case tuple(Int32)
    case list(Int32)
    case set(Int32)
    case dictionary(Int32)
    case object(Int32)
    case symbol(Int32)
    case storage(Int32)
    case tensor(Int32)
}

struct PickleEntry {
    var key: PickleNode
    var value: PickleNode
}

struct SequenceNode {
    var items: [PickleNode]
    var depth: Int
}

/// A tuple never changes, so its items lie in one array with those of all others.
struct TupleNode {
    var start: Int32
    var count: Int32
    var depth: Int32
}

struct DictionaryNode {
    var entries: [PickleEntry] = []
    /// What BUILD handed to the dictionary object itself, such as `_metadata` of a state dictionary.
    var state: PickleNode = .none
    var depth = 1
}

struct ObjectNode {
    var callee: PickleNode
    /// A tuple.
    var arguments: PickleNode
    /// A dictionary, or none.
    var keywordArguments: PickleNode = .none
    var state: PickleNode = .none
    var items: [PickleNode] = []
    var entries: [PickleEntry] = []
    var depth: Int
}

/// A storage as one tensor sees it: all of it, or (old streams) a window.
struct StorageNode {
    var position: Int
    var offset: Int
    var elementCount: Int
}
