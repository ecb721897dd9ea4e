// SPDX-License-Identifier: MIT

extension PickleMachine {
    /// What looking a name up and building a value cost, in plain operations.
    private static let symbolCost = 12
    private static let buildCost = 10

    mutating func performObject(_ operation: PickleOpcode) throws(WeightsError) {
        switch operation {
        case .global:
            try spend(Self.symbolCost)
            let module = try textLine(limit: limits.symbolBytes)
            let name = try textLine(limit: limits.symbolBytes)
            try push(try arena.makeSymbol(Symbol(module: module, name: name)))
        case .stackGlobal:
            let name = try pop()
            let module = try pop()
            guard let name = arena.text(name), let module = arena.text(module) else {
                throw WeightsError(.malformedPickle, "a symbol is not named by two texts")
            }
            guard max(name.utf8.count, module.utf8.count) <= limits.symbolBytes else {
                throw WeightsError(.limitExceeded, "a symbol's name is longer than \(limits.symbolBytes) bytes")
            }
            try spend(Self.symbolCost)
            try push(try arena.makeSymbol(Symbol(module: module, name: name)))
        case .reduce:
            let arguments = try pop()
            let callee = try pop()
            try push(try build(callee, arguments: arguments))
        case .newObj:
            let arguments = try pop()
            let callee = try pop()
            try push(try build(callee, arguments: arguments))
        case .newObjEx:
            let keywords = try pop()
            let arguments = try pop()
            let callee = try pop()
            guard case .dictionary = keywords else {
                throw WeightsError(.malformedPickle, "keyword arguments are \(arena.kind(of: keywords))")
            }
            _ = try argumentList(arguments)
            try checkCallee(callee)
            try push(try arena.makeObject(callee, arguments: arguments, keywordArguments: keywords))
        case .build:
            let state = try pop()
            try arena.setState(state, of: try top())
        case .binPersID: try push(try persistentValue(try pop()))
        default:
            let text = try textLine(limit: 65_536)
            throw WeightsError(.malformedPickle, "the persistent id “\(text.shortened(to: 40))” is not a tuple")
        }
    }

    /// Makes the object of INST or OBJ, so that what the refused operation would have called is known.
    mutating func recordCall(_ operation: PickleOpcode) throws(WeightsError) {
        var callee: PickleNode?
        if operation == .inst {
            let module = try textLine(limit: limits.symbolBytes)
            let name = try textLine(limit: limits.symbolBytes)
            callee = try arena.makeSymbol(Symbol(module: module, name: name))
        }
        var items = try popMark()[...]
        guard let callee = callee ?? items.popFirst(), isCallable(callee) else { return }
        _ = try arena.makeObject(callee, arguments: try arena.makeTuple(items))
    }

    // MARK: - Persistent ids

    /// `('storage', type, key, location, count[, view])`; the location names a device and is ignored.
    private mutating func persistentValue(_ node: PickleNode) throws(WeightsError) -> PickleNode {
        guard case .tuple = node, let items = try contents(of: node) else {
            throw WeightsError(.malformedPickle, "a persistent id is \(arena.kind(of: node)), not a tuple")
        }
        guard let tag = items.first.flatMap({ arena.text($0) }) else {
            throw WeightsError(.malformedPickle, "a persistent id does not start with a text")
        }
        // Streams of the first releases also named whole classes this way, with their source text.
        if tag == "module", items.count >= 2, arena.symbol(items[1]) != nil { return items[1] }
        guard tag == "storage", items.count == 5 || items.count == 6 else {
            throw WeightsError(
                .malformedPickle, "a persistent id “\(tag.shortened(to: 40))” of \(items.count) items is no storage")
        }
        guard case .storage(let elementType) = arena.meaning(items[1]) else {
            throw WeightsError(.malformedTensor, "a storage's type is \(arena.kind(of: items[1]))")
        }
        guard let key = arena.text(items[2]), let count = arena.integer(items[4]) else {
            throw WeightsError(
                .malformedTensor,
                "a storage's key and count are \(arena.kind(of: items[2])) and \(arena.kind(of: items[4]))")
        }
        try spend(Self.buildCost)
        let known = storages.storages.count
        let position = try storages.register(key: key, elementType: elementType, elementCount: count)
        if storages.storages.count > known { try arena.charge(StorageTable.costOfStorage) }
        var window = StorageNode(position: position, offset: 0, elementCount: count)
        if items.count == 6, let view = try contents(of: items[5]) {
            guard view.count == 3, let offset = arena.integer(view[1]), let viewCount = arena.integer(view[2]),
                offset >= 0, viewCount >= 0, offset <= count, viewCount <= count - offset
            else {
                throw WeightsError(.malformedTensor, "a view of storage \(key) leaves its \(count) elements")
            }
            window.offset = offset
            window.elementCount = viewCount
        }
        return try arena.makeStorage(window)
    }

    // MARK: - Building

    /// What REDUCE and NEWOBJ yield. Nothing is called: known symbols give plain values, all others inert objects.
    mutating func build(_ callee: PickleNode, arguments: PickleNode) throws(WeightsError) -> PickleNode {
        let items = try argumentList(arguments)
        try checkCallee(callee)
        try spend(Self.buildCost)
        guard let meaning = arena.meaning(callee) else {
            return try arena.makeObject(callee, arguments: arguments)
        }
        switch meaning {
        case .rebuildTensor(let function): return try rebuildTensor(function, items)
        case .rebuildParameter:
            guard let tensor = items.first, items.count >= 2 else {
                throw WeightsError(.malformedTensor, "a parameter is built from \(items.count) values")
            }
            return tensor
        case .rebuildFromType: return try rebuildFromType(items, callee: callee, arguments: arguments)
        case .dictionary: return try buildDictionary(items, callee: callee, arguments: arguments)
        case .defaultDictionary:
            return try buildDictionary(Array(items.dropFirst()), callee: callee, arguments: arguments)
        case .list, .tuple, .set:
            if let sequence = try buildSequence(meaning, items) { return sequence }
        case .byteArray, .encode:
            if let bytes = try buildBytes(items) { return bytes }
        case .path, .device, .layout:
            if let text = try buildText(meaning, items) { return text }
        case .reconstructor, .newObject:
            // copyreg's spellings of NEWOBJ; _reconstructor adds a base class and a value for it.
            if let type = items.first, isCallable(type) {
                return try arena.makeObject(
                    type, arguments: try arena.makeTuple(Self.constructorArguments(meaning, items)))
            }
        case .numpyScalar:
            if let number = try numpyScalar(items) { return number }
        case .storage, .elementType: break
        }
        return try arena.makeObject(callee, arguments: arguments)
    }

    private static func constructorArguments(_ meaning: SymbolMeaning, _ items: [PickleNode]) -> [PickleNode] {
        guard case .reconstructor = meaning else { return Array(items.dropFirst()) }
        guard items.count == 3 else { return [] }
        if case .none = items[2] { return [] }
        return [items[2]]
    }

    private mutating func argumentList(_ node: PickleNode) throws(WeightsError) -> [PickleNode] {
        guard case .tuple = node, let items = try contents(of: node) else {
            throw WeightsError(.malformedPickle, "arguments are \(arena.kind(of: node)), not a tuple")
        }
        return items
    }

    private func checkCallee(_ node: PickleNode) throws(WeightsError) {
        guard isCallable(node) else {
            throw WeightsError(.malformedPickle, "an object is built from \(arena.kind(of: node)), not from a symbol")
        }
    }

    private func isCallable(_ node: PickleNode) -> Bool {
        switch node {
        case .symbol, .object: true
        default: false
        }
    }
}
