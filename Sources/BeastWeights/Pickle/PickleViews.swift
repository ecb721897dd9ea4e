// SPDX-License-Identifier: MIT

/// The items of a tuple, list or set, in order.
public struct PickleSequence: RandomAccessCollection, Sendable {
    let graph: PickleGraph
    let position: Int32
    let isTuple: Bool

    public var startIndex: Int { 0 }
    public var endIndex: Int {
        isTuple ? Int(graph.arena.tuples[Int(position)].count) : graph.arena.sequences[Int(position)].items.count
    }
    public subscript(index: Int) -> PickleValue {
        guard isTuple else { return graph.value(graph.arena.sequences[Int(position)].items[index]) }
        let tuple = graph.arena.tuples[Int(position)]
        precondition(index >= 0 && index < tuple.count, "item \(index) of \(tuple.count)")
        return graph.value(graph.arena.tupleItems[Int(tuple.start) + index])
    }

    /// Which sequence of the file this is.
    public var identity: ValueIdentity { ValueIdentity(kind: isTuple ? 3 : 0, position: position) }
}

/// The entries of a dictionary in the order in which they were set; keys may be of any kind and are not compared.
public struct PickleDictionary: RandomAccessCollection, Sendable {
    let graph: PickleGraph
    let position: Int32

    private var node: DictionaryNode { graph.arena.dictionaries[Int(position)] }

    public var startIndex: Int { 0 }
    public var endIndex: Int { node.entries.count }
    public subscript(index: Int) -> (key: PickleValue, value: PickleValue) {
        let entry = node.entries[index]
        return (graph.value(entry.key), graph.value(entry.value))
    }

    /// The value under a text key; the last one set where there are several.
    ///
    /// - Complexity: O(*n*).
    public subscript(key: String) -> PickleValue? {
        let entry = node.entries.last { graph.arena.text($0.key) == key }
        return entry.map { graph.value($0.value) }
    }

    /// All keys that are texts, in order.
    public var textKeys: [String] { node.entries.compactMap { graph.arena.text($0.key) } }

    /// Attributes of the dictionary object itself, such as the `_metadata` of a state dictionary.
    public var state: PickleValue { graph.value(node.state) }

    /// Which dictionary of the file this is.
    public var identity: ValueIdentity { ValueIdentity(kind: 1, position: position) }
}

/// What a file wants built by a class or function that means nothing to this reader.
public struct PickleObject: Sendable {
    let graph: PickleGraph
    let position: Int32

    private var node: ObjectNode { graph.arena.objects[Int(position)] }

    /// The class or function, usually a symbol.
    public var callee: PickleValue { graph.value(node.callee) }
    /// The constructor's arguments, a tuple.
    public var arguments: PickleValue { graph.value(node.arguments) }
    /// Named arguments, a dictionary, or none.
    public var keywordArguments: PickleValue { graph.value(node.keywordArguments) }
    /// What BUILD handed over: for most classes the dictionary of attributes.
    public var state: PickleValue { graph.value(node.state) }
    /// What was appended to the object.
    public var items: [PickleValue] { node.items.map(graph.value) }
    /// What was set on the object by key.
    public var entries: [(key: PickleValue, value: PickleValue)] {
        node.entries.map { (graph.value($0.key), graph.value($0.value)) }
    }

    /// Which object of the file this is.
    public var identity: ValueIdentity { ValueIdentity(kind: 2, position: position) }
}
