// SPDX-License-Identifier: MIT

/// All values that one pickle decodes to, in flat arrays that refer to each other by position.
struct PickleArena {
    private(set) var texts: [String] = []
    /// Bit patterns of integers beyond 32 bits and of floats.
    private(set) var numbers: [UInt64] = []
    private(set) var byteStrings: [[UInt8]] = []
    /// Lists and sets.
    var sequences: [SequenceNode] = []
    private(set) var tuples: [TupleNode] = []
    private(set) var tupleItems: [PickleNode] = []
    var dictionaries: [DictionaryNode] = []
    var objects: [ObjectNode] = []
    private(set) var symbols: [Symbol] = []
    /// What each symbol means, looked up once.
    private(set) var meanings: [SymbolMeaning?] = []
    private(set) var storageNodes: [StorageNode] = []
    private(set) var tensors: [TensorDescription] = []
    private var symbolPositions: [Symbol: Int32] = [:]

    let limits: PickleLimits
    private let memoryLimit: Int
    private(set) var memory = 0
    private var textBytes = 0

    init(limits: PickleLimits, pickleBytes: Int) {
        self.limits = limits
        memoryLimit = limits.memory(pickleBytes: pickleBytes)
    }

    static let nodeSize = MemoryLayout<PickleNode>.stride

    /// Accounts for memory before it is taken.
    mutating func charge(_ bytes: Int) throws(WeightsError) {
        let sum = memory.addingReportingOverflow(bytes)
        guard !sum.overflow, sum.partialValue <= memoryLimit else {
            throw WeightsError(
                .limitExceeded,
                "the values would need more than \(memoryLimit >> 20) MiB, out of proportion to the file")
        }
        memory = sum.partialValue
    }

    private mutating func chargeText(_ count: Int) throws(WeightsError) {
        guard count <= limits.textBytes else {
            throw WeightsError(.limitExceeded, "a text of \(count) bytes, at most \(limits.textBytes) are read")
        }
        textBytes += count
        guard textBytes <= limits.totalTextBytes else {
            throw WeightsError(.limitExceeded, "more than \(limits.totalTextBytes) bytes of text in all")
        }
        // Up to 15 bytes are kept inside the array's own element.
        try charge(count <= 15 ? 32 : count + 88)
    }

    // MARK: - Making values

    @inline(__always)
    mutating func makeInteger(_ value: Int) throws(WeightsError) -> PickleNode {
        if let small = Int32(exactly: value) { return .integer(small) }
        return .wideInteger(try makeNumber(UInt64(bitPattern: Int64(value))))
    }

    mutating func makeFloat(_ value: Double) throws(WeightsError) -> PickleNode {
        .float(try makeNumber(value.bitPattern))
    }

    private mutating func makeNumber(_ bits: UInt64) throws(WeightsError) -> Int32 {
        try charge(2 * MemoryLayout<UInt64>.stride)
        numbers.append(bits)
        return Int32(numbers.count - 1)
    }

    mutating func makeText(_ text: String) throws(WeightsError) -> PickleNode {
        try chargeText(text.utf8.count)
        texts.append(text)
        return .text(Int32(texts.count - 1))
    }

    mutating func makeText(utf8 bytes: UnsafeRawBufferPointer) throws(WeightsError) -> PickleNode {
        try chargeText(bytes.count)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw WeightsError(.malformedPickle, "a text is not valid UTF-8")
        }
        texts.append(text)
        return .text(Int32(texts.count - 1))
    }

    mutating func makeBytes(_ bytes: some Collection<UInt8>) throws(WeightsError) -> PickleNode {
        try chargeText(bytes.count)
        try charge(64)
        byteStrings.append([UInt8](bytes))
        return .bytes(Int32(byteStrings.count - 1))
    }

    /// `text` is decimal, or hexadecimal with `0x` in front.
    mutating func makeBigInteger(_ text: String) throws(WeightsError) -> PickleNode {
        try chargeText(text.utf8.count)
        texts.append(text)
        return .bigInteger(Int32(texts.count - 1))
    }

    mutating func makeTuple(_ items: some Collection<PickleNode>) throws(WeightsError) -> PickleNode {
        try charge(2 * (MemoryLayout<TupleNode>.stride + items.count * Self.nodeSize))
        let depth = try nesting(over: items)
        tuples.append(
            TupleNode(
                start: Int32(tupleItems.count), count: Int32(items.count), depth: Int32(truncatingIfNeeded: depth)))
        tupleItems.append(contentsOf: items)
        return .tuple(Int32(tuples.count - 1))
    }

    /// A list or a set.
    mutating func makeSequence(_ items: some Collection<PickleNode>) throws(WeightsError) -> Int32 {
        try charge(64 + items.count * Self.nodeSize)
        let depth = try nesting(over: items)
        sequences.append(SequenceNode(items: [PickleNode](items), depth: depth))
        return Int32(sequences.count - 1)
    }

    mutating func makeDictionary() throws(WeightsError) -> Int32 {
        try charge(80)
        dictionaries.append(DictionaryNode())
        return Int32(dictionaries.count - 1)
    }

    mutating func makeObject(
        _ callee: PickleNode, arguments: PickleNode, keywordArguments: PickleNode = .none
    ) throws(WeightsError) -> PickleNode {
        try charge(192)
        let depth = try nesting(over: [callee, arguments, keywordArguments])
        objects.append(
            ObjectNode(callee: callee, arguments: arguments, keywordArguments: keywordArguments, depth: depth))
        return .object(Int32(objects.count - 1))
    }

    mutating func makeSymbol(_ symbol: Symbol) throws(WeightsError) -> PickleNode {
        if let position = symbolPositions[symbol] { return .symbol(position) }
        guard symbols.count < limits.symbols else {
            throw WeightsError(.limitExceeded, "more than \(limits.symbols) different symbols")
        }
        try chargeText(symbol.module.utf8.count + symbol.name.utf8.count)
        try charge(128)
        let position = Int32(symbols.count)
        symbols.append(symbol)
        meanings.append(symbol.meaning)
        symbolPositions[symbol] = position
        return .symbol(position)
    }

    mutating func makeStorage(_ storage: StorageNode) throws(WeightsError) -> PickleNode {
        try charge(32)
        storageNodes.append(storage)
        return .storage(Int32(storageNodes.count - 1))
    }

    mutating func makeTensor(_ tensor: TensorDescription) throws(WeightsError) -> PickleNode {
        try charge(224 + 16 * tensor.shape.count)
        tensors.append(tensor)
        return .tensor(Int32(tensors.count - 1))
    }

    // MARK: - Changing containers

    mutating func append(_ items: some Collection<PickleNode>, toSequence position: Int32) throws(WeightsError) {
        try charge(items.count * 2 * Self.nodeSize)
        let depth = try nesting(over: items)
        sequences[Int(position)].depth = max(sequences[Int(position)].depth, depth)
        sequences[Int(position)].items.append(contentsOf: items)
    }

    mutating func append(_ items: some Collection<PickleNode>, toObject position: Int32) throws(WeightsError) {
        try charge(items.count * 2 * Self.nodeSize)
        let depth = try nesting(over: items)
        objects[Int(position)].depth = max(objects[Int(position)].depth, depth)
        objects[Int(position)].items.append(contentsOf: items)
    }

    /// Adds one key and its value.
    mutating func setItem(_ key: PickleNode, _ value: PickleNode, of container: PickleNode) throws(WeightsError) {
        try charge(4 * Self.nodeSize)
        let depth = try max(nesting(over: CollectionOfOne(key)), nesting(over: CollectionOfOne(value)))
        switch container {
        case .dictionary(let position):
            dictionaries[Int(position)].depth = max(dictionaries[Int(position)].depth, depth)
            dictionaries[Int(position)].entries.append(PickleEntry(key: key, value: value))
        case .object(let position):
            objects[Int(position)].depth = max(objects[Int(position)].depth, depth)
            objects[Int(position)].entries.append(PickleEntry(key: key, value: value))
        default: throw withoutItems(container)
        }
    }

    private func withoutItems(_ container: PickleNode) -> WeightsError {
        WeightsError(.malformedPickle, "items are set on \(kind(of: container)), which has none")
    }

    /// Adds keys and values that alternate; their number must be even.
    mutating func setItems(
        _ items: some RandomAccessCollection<PickleNode>, of container: PickleNode
    ) throws(WeightsError) {
        guard items.count.isMultiple(of: 2) else {
            throw WeightsError(.malformedPickle, "a dictionary is given a key without a value")
        }
        try charge(items.count * 2 * Self.nodeSize)
        let depth = try nesting(over: items)
        var entries: [PickleEntry] = []
        entries.reserveCapacity(items.count / 2)
        var iterator = items.makeIterator()
        while let key = iterator.next(), let value = iterator.next() {
            entries.append(PickleEntry(key: key, value: value))
        }
        switch container {
        case .dictionary(let position):
            dictionaries[Int(position)].depth = max(dictionaries[Int(position)].depth, depth)
            dictionaries[Int(position)].entries.append(contentsOf: entries)
        case .object(let position):
            objects[Int(position)].depth = max(objects[Int(position)].depth, depth)
            objects[Int(position)].entries.append(contentsOf: entries)
        default:
            throw withoutItems(container)
        }
    }

    mutating func setState(_ state: PickleNode, of target: PickleNode) throws(WeightsError) {
        let depth = try nesting(over: CollectionOfOne(state))
        switch target {
        case .dictionary(let position):
            dictionaries[Int(position)].state = state
            dictionaries[Int(position)].depth = max(dictionaries[Int(position)].depth, depth)
        case .object(let position):
            objects[Int(position)].state = state
            objects[Int(position)].depth = max(objects[Int(position)].depth, depth)
        default:
            throw WeightsError(.malformedPickle, "a state is set on \(kind(of: target)), which has none")
        }
    }

    // MARK: - Nesting

    /// One more than the deepest of the values. A value that grows after it was put into another is not followed;
    /// whoever walks the graph bounds its own depth as well.
    @inline(__always)
    private func nesting(over items: some Collection<PickleNode>) throws(WeightsError) -> Int {
        var deepest = 0
        for item in items { deepest = max(deepest, depth(of: item)) }
        guard deepest < limits.nesting else {
            throw WeightsError(.limitExceeded, "values are nested deeper than \(limits.nesting)")
        }
        return deepest + 1
    }

    private func depth(of node: PickleNode) -> Int {
        switch node {
        case .tuple(let position): Int(tuples[Int(position)].depth)
        case .list(let position), .set(let position): sequences[Int(position)].depth
        case .dictionary(let position): dictionaries[Int(position)].depth
        case .object(let position): objects[Int(position)].depth
        default: 0
        }
    }
}
