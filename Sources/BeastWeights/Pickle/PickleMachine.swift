// SPDX-License-Identifier: MIT

/// Decodes one pickle into inert values.
///
/// The machine knows the operations of protocols 0 to 5 and nothing else: it imports nothing, calls nothing and makes
/// no object with behaviour. Symbols that the pickle imports stay pairs of texts; what building from them yields is
/// decided by ``Symbol/meaning``. Every count and length is checked against the bytes that are there before it is
/// used, every container against ``PickleLimits``.
/// Format: CPython's `pickletools.py`, whose operation names are used in messages.
struct PickleMachine {
    var cursor: ByteCursor
    var arena: PickleArena
    var storages: StorageTable
    let limits: PickleLimits

    private(set) var stack: [PickleNode] = []
    /// Heights of the stack at which MARK was met.
    private var marks: [Int] = []
    var memo = PickleMemo()
    /// Operations so far; the expensive ones count several times.
    private var operations = 0
    /// Where the operation at hand starts.
    private var operationStart = 0
    private let name: String

    /// - Parameters:
    ///   - bytes: the pickle, perhaps with more behind it; must outlive the machine.
    ///   - base: where `bytes` starts, for messages.
    ///   - name: what messages call the pickle.
    init(
        _ bytes: UnsafeRawBufferPointer, base: Int = 0, name: String, storages: StorageTable,
        limits: PickleLimits = PickleLimits()
    ) {
        cursor = ByteCursor(bytes, base: base)
        arena = PickleArena(limits: limits, pickleBytes: bytes.count)
        self.storages = storages
        self.limits = limits
        self.name = name
    }

    /// Decodes up to and including STOP.
    ///
    /// - Throws: an error that names the byte and the operation.
    mutating func run() throws(WeightsError) -> PickleNode {
        do throws(WeightsError) {
            while true {
                operationStart = cursor.position
                try spend(1)
                guard let byte = cursor.nextByte() else {
                    throw WeightsError(.malformedPickle, "the pickle ends without STOP")
                }
                guard let operation = PickleOpcode(rawValue: byte) else {
                    throw WeightsError(
                        .malformedPickle, "unknown operation 0x\(String(byte, radix: 16, uppercase: true))")
                }
                if operation == .stop { return try pop() }
                try perform(operation)
            }
        } catch {
            let uses = PickleGraph(arena: arena, storages: storages).dangerousUses
            throw located(error).with(uses)
        }
    }

    /// Counts work that takes about as long as `count` plain operations.
    @inline(__always)
    mutating func spend(_ count: Int) throws(WeightsError) {
        operations += count
        guard operations <= limits.operations else {
            throw WeightsError(.limitExceeded, "more than \(limits.operations) operations")
        }
    }

    /// The items of a tuple or a list. Those of a tuple are copied, which is counted.
    mutating func contents(of node: PickleNode) throws(WeightsError) -> [PickleNode]? {
        guard let items = arena.items(node) else { return nil }
        try spend(items.count / 8)
        return items
    }

    private func located(_ error: WeightsError) -> WeightsError {
        var place = "byte \(cursor.base + operationStart) of \(name)"
        if operationStart < cursor.bytes.count, let operation = PickleOpcode(rawValue: cursor.bytes[operationStart]) {
            place += " (\(operation))"
        }
        let code: WeightsError.Code = error.code == .malformedContainer ? .malformedPickle : error.code
        return WeightsError(code, "\(place): \(error.message)", path: error.path)
    }

    // MARK: - Stack

    @inline(__always)
    mutating func push(_ node: PickleNode) throws(WeightsError) {
        guard stack.count < limits.stackDepth else {
            throw WeightsError(.limitExceeded, "the stack is deeper than \(limits.stackDepth)")
        }
        stack.append(node)
    }

    /// Takes the topmost value; a mark is a floor.
    @inline(__always)
    mutating func pop() throws(WeightsError) -> PickleNode {
        guard stack.count > marks.last ?? 0, let top = stack.popLast() else { throw Self.underflow }
        return top
    }

    mutating func top() throws(WeightsError) -> PickleNode {
        guard stack.count > marks.last ?? 0, let top = stack.last else { throw Self.underflow }
        return top
    }

    mutating func mark() throws(WeightsError) {
        guard marks.count < limits.stackDepth else {
            throw WeightsError(.limitExceeded, "more than \(limits.stackDepth) marks")
        }
        marks.append(stack.count)
    }

    /// Takes everything above the last mark, and the mark.
    mutating func popMark() throws(WeightsError) -> [PickleNode] {
        guard let height = marks.popLast() else {
            throw WeightsError(.malformedPickle, "a mark is missing")
        }
        let items = [PickleNode](stack[height...])
        stack.removeLast(stack.count - height)
        return items
    }

    /// Takes the topmost values, in the order in which they were pushed.
    mutating func popLast(_ count: Int) throws(WeightsError) -> [PickleNode] {
        guard stack.count - count >= marks.last ?? 0 else { throw Self.underflow }
        let items = [PickleNode](stack[(stack.count - count)...])
        stack.removeLast(count)
        return items
    }

    /// POP drops a value, or the mark where it is topmost.
    mutating func drop() throws(WeightsError) {
        if let height = marks.last, height == stack.count {
            marks.removeLast()
        } else {
            _ = try pop()
        }
    }

    private static let underflow = WeightsError(.malformedPickle, "a value is taken from an empty stack")

    // MARK: - Operations

    private mutating func perform(_ operation: PickleOpcode) throws(WeightsError) {
        switch operation {
        case .binGet, .binPut, .longBinGet, .longBinPut, .get, .put, .memoize:
            try performMemo(operation)
        case .binUnicode, .shortBinUnicode, .binUnicode8, .unicode, .string, .binString, .shortBinString,
            .binBytes, .shortBinBytes, .binBytes8, .byteArray8:
            try performText(operation)
        case .none, .newTrue, .newFalse, .int, .binInt, .binInt1, .binInt2, .long, .long1, .long4, .float, .binFloat:
            try performNumber(operation)
        case .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3, .emptyList, .list, .append, .appends, .emptyDict, .dict,
            .setItem, .setItems, .emptySet, .addItems, .frozenSet:
            try performContainer(operation)
        case .global, .stackGlobal, .reduce, .build, .newObj, .newObjEx, .persID, .binPersID:
            try performObject(operation)
        case .mark: try mark()
        case .pop: try drop()
        case .popMark: _ = try popMark()
        case .dup: try push(try top())
        case .proto:
            let version = try cursor.byte()
            guard version <= 5 else {
                throw WeightsError(.malformedPickle, "pickle protocol \(version), this reader knows 0 to 5")
            }
        case .frame:
            let count = try cursor.integer(UInt64.self)
            guard count <= UInt64(cursor.remaining) else {
                throw WeightsError(.malformedPickle, "a frame of \(count) bytes where \(cursor.remaining) are left")
            }
        case .stop: break
        case .inst, .obj:
            // Whatever is wrong with its operands, the operation itself is the error.
            try? recordCall(operation)
            throw WeightsError(.malformedPickle, "operation \(operation) is refused: torch.save never writes it")
        case .ext1, .ext2, .ext4, .nextBuffer, .readOnlyBuffer:
            throw WeightsError(
                .malformedPickle, "operation \(operation) is refused: torch.save never writes it")
        }
    }

    private mutating func performMemo(_ operation: PickleOpcode) throws(WeightsError) {
        switch operation {
        case .binGet: try push(try memo.get(Int(try cursor.byte())))
        case .longBinGet: try push(try memo.get(Int(try cursor.integer(UInt32.self))))
        case .get: try push(try memo.get(try decimalLine()))
        case .binPut: try store(at: Int(try cursor.byte()))
        case .longBinPut: try store(at: Int(try cursor.integer(UInt32.self)))
        case .put: try store(at: try decimalLine())
        default: try store(at: memo.count)
        }
    }

    private mutating func store(at index: Int) throws(WeightsError) {
        let node = try top()
        guard index >= 0, memo.count < limits.memoEntries else {
            throw WeightsError(.limitExceeded, "more than \(limits.memoEntries) memo entries, or a negative one")
        }
        try arena.charge(memo.cost(of: index))
        memo.put(node, at: index)
    }
}

/// What PUT operations remembered. Picklers number from 0 or 1 upwards; other numbers are kept, at a price.
struct PickleMemo {
    private var dense: [PickleNode?] = []
    private var sparse: [Int: PickleNode] = [:]
    private(set) var count = 0

    func get(_ index: Int) throws(WeightsError) -> PickleNode {
        if dense.indices.contains(index), let node = dense[index] { return node }
        if let node = sparse[index] { return node }
        throw WeightsError(.malformedPickle, "memo entry \(index) was never stored")
    }

    /// What another entry takes in memory, in bytes.
    func cost(of index: Int) -> Int { index <= dense.count + 1 ? 2 * PickleArena.nodeSize : 96 }

    mutating func put(_ node: PickleNode, at index: Int) {
        if index < dense.count {
            if dense[index] == nil, sparse.removeValue(forKey: index) == nil { count += 1 }
            dense[index] = node
        } else if index <= dense.count + 1 {
            while dense.count < index { dense.append(nil) }
            dense.append(node)
            if sparse.removeValue(forKey: index) == nil { count += 1 }
        } else if sparse.updateValue(node, forKey: index) == nil {
            count += 1
        }
    }
}
