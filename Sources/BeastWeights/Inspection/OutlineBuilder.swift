// SPDX-License-Identifier: MIT

/// Walks a graph of values once, front to back, and keeps what the limits allow.
struct OutlineBuilder {
    private let graph: PickleGraph
    private let limits: Outline.Limits
    private(set) var outline = Outline()
    /// The keys that lead to the value at hand.
    private var path: [Key] = []
    /// For each container by kind and position: 0 where it was not met, else the number of its row + 2, or 1 if hidden.
    private var met: [[Int32]]
    private var names: [Int32: String] = [:]
    /// Deeper than any value that a pickle can build in one go; only what grew afterwards gets there.
    private static let maximumDepth = 600
    /// Up to so many numbers are shown on one line.
    private static let lineItems = 8

    private enum Key {
        case value(PickleValue)
        case field(String)
        case index(Int)
    }

    init(graph: PickleGraph, limits: Outline.Limits) {
        self.graph = graph
        self.limits = limits
        met = [
            graph.arena.sequences.count, graph.arena.dictionaries.count, graph.arena.objects.count,
            graph.arena.tuples.count,
        ].map {
            [Int32](repeating: 0, count: $0)
        }
    }

    mutating func add(_ root: PickleValue) { add(root, isShown: true) }

    private mutating func add(_ value: PickleValue, isShown: Bool) {
        let isShown = isShown && outline.rows.count < limits.rows
        switch value {
        case .tuple(let sequence): addSequence(sequence, value, isShown)
        case .list(let sequence): addSequence(sequence, value, isShown)
        case .set(let sequence): addSequence(sequence, value, isShown)
        case .dictionary(let dictionary):
            guard enter(dictionary.identity, value, Self.count(dictionary.count, "entry", "entries"), isShown) else {
                return
            }
            addEntries(dictionary, isShown)
            if case .none = dictionary.state {
            } else {
                add(dictionary.state, under: .field("(attributes)"), isShown)
            }
        case .object(let object): addObject(object, value, isShown)
        case .tensor(let tensor):
            outline.tensorCount += 1
            if outline.tensors.count < limits.tensors {
                outline.tensors.append(Outline.Tensor(name: pathText, description: tensor))
            }
            if isShown { addRow(value, Self.text(of: tensor)) }
        default:
            if isShown { addRow(value, leafText(value)) }
        }
    }

    private mutating func addSequence(_ sequence: PickleSequence, _ value: PickleValue, _ isShown: Bool) {
        // Sizes, ranges and the like read better on one line.
        if sequence.count <= Self.lineItems, sequence.allSatisfy(Self.isNumber) {
            if isShown {
                addRow(value, value.rendered(maximumDepth: 1, maximumItems: Self.lineItems, maximumCharacters: 400))
            }
            return
        }
        guard enter(sequence.identity, value, Self.count(sequence.count, "item", "items"), isShown) else { return }
        addItems(sequence, isShown)
    }

    private mutating func addObject(_ object: PickleObject, _ value: PickleValue, _ isShown: Bool) {
        // A callee that is no symbol is a call, shown on one line.
        let callee: String
        if case .symbol = object.callee {
            callee = value.kind
        } else {
            callee = "an object of \(object.callee.rendered(maximumDepth: 4, maximumItems: 8, maximumCharacters: 300))"
        }
        guard enter(object.identity, value, "", isShown, kind: callee.escapingControlCharacters()) else { return }
        if case .tuple(let arguments) = object.arguments { addItems(arguments, isShown) }
        if case .dictionary(let keywords) = object.keywordArguments { addEntries(keywords, isShown) }
        switch object.state {
        case .none: break
        case .dictionary(let state) where mark(state.identity, row: 1) == 0: addEntries(state, isShown)
        default: add(object.state, under: .field("(state)"), isShown)
        }
        addItems(object.items, isShown)
        addEntries(object.entries, isShown)
    }

    // MARK: - Containers

    /// Adds the row of a container. False where its content is not to be unfolded here.
    private mutating func enter(
        _ identity: ValueIdentity, _ value: PickleValue, _ text: String, _ isShown: Bool, kind: String? = nil
    ) -> Bool {
        let row = isShown ? Int32(clamping: outline.rows.count + 2) : 1
        let earlier = mark(identity, row: row)
        guard earlier == 0 else {
            if isShown { addRow(value, "the same as \(names[earlier] ?? "one further up")", kind: kind) }
            return false
        }
        guard path.count < Self.maximumDepth else { return false }
        if isShown {
            names[row] = path.isEmpty ? "the top level" : pathText
            addRow(value, text, kind: kind, isContainer: true)
        }
        return true
    }

    /// Remembers a container and returns what was remembered before.
    private mutating func mark(_ identity: ValueIdentity, row: Int32) -> Int32 {
        let (kind, position) = (Int(identity.kind), Int(identity.position))
        let earlier = met[kind][position]
        if earlier == 0 { met[kind][position] = row }
        return earlier
    }

    private mutating func addItems(_ items: some RandomAccessCollection<PickleValue>, _ isShown: Bool) {
        addAll(items, isShown) { builder, index, item, isShown in builder.add(item, under: .index(index), isShown) }
    }

    private mutating func addEntries(
        _ entries: some RandomAccessCollection<(key: PickleValue, value: PickleValue)>, _ isShown: Bool
    ) {
        addAll(entries, isShown) { builder, _, entry, isShown in
            builder.add(entry.value, under: .value(entry.key), isShown)
        }
    }

    private mutating func addAll<Items: RandomAccessCollection>(
        _ items: Items, _ isShown: Bool, _ add: (inout OutlineBuilder, Int, Items.Element, Bool) -> Void
    ) {
        let shownCount = isShown && path.count < limits.depth ? min(items.count, limits.items) : 0
        for (index, item) in items.enumerated() {
            if index == shownCount, isShown { addRemark(items.count - shownCount) }
            add(&self, index, item, index < shownCount)
        }
    }

    private mutating func addRemark(_ count: Int) {
        guard outline.rows.count < limits.rows else { return }
        outline.rows.append(
            Outline.Row(depth: path.count + 1, key: "", kind: "", text: "… \(count) more", isContainer: false))
    }

    private mutating func add(_ value: PickleValue, under key: Key, _ isShown: Bool) {
        // Of what is hidden only tensors count, and what may hold them.
        guard isShown || Self.mayHoldTensors(value) else { return }
        path.append(key)
        add(value, isShown: isShown)
        path.removeLast()
    }

    // MARK: - Texts

    private mutating func addRow(
        _ value: PickleValue, _ text: String, kind: String? = nil, isContainer: Bool = false
    ) {
        outline.rows.append(
            Outline.Row(
                depth: path.count, key: path.last.map(keyText) ?? "",
                kind: kind ?? value.kind.escapingControlCharacters(), text: text, isContainer: isContainer))
    }

    private func leafText(_ value: PickleValue) -> String {
        guard case .text(let text) = value else {
            return value.rendered(maximumDepth: 1, maximumItems: 1, maximumCharacters: limits.characters)
        }
        return "'\(text.shortened(to: limits.characters).escapingControlCharacters())'"
    }

    private func keyText(_ key: Key) -> String {
        switch key {
        case .field(let name): name
        case .index(let index): "[\(index)]"
        case .value(.text(let text)): text.shortened(to: limits.characters).escapingControlCharacters()
        case .value(let value): value.rendered(maximumDepth: 2, maximumItems: 4, maximumCharacters: 120)
        }
    }

    private var pathText: String {
        let shown = path.suffix(8).map(keyText).joined(separator: " / ")
        return path.count > 8 ? "… / \(shown)" : shown
    }

    @inline(__always)
    private static func mayHoldTensors(_ value: PickleValue) -> Bool {
        switch value {
        case .tuple, .list, .set, .dictionary, .object, .tensor: true
        default: false
        }
    }

    private static func isNumber(_ value: PickleValue) -> Bool {
        switch value {
        case .none, .bool, .integer, .float: true
        default: false
        }
    }

    private static func count(_ count: Int, _ singular: String, _ plural: String) -> String {
        "\(count) \(count == 1 ? singular : plural)"
    }

    private static func text(of tensor: TensorDescription) -> String {
        let size = tensor.elementType.bitCount.map { ", \((tensor.elementCount * $0 + 7) / 8) bytes" } ?? ""
        return "\(tensor)\(size)\(tensor.isContiguous ? "" : ", strides \(tensor.strides)")".escapingControlCharacters()
    }
}
