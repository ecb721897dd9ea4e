// SPDX-License-Identifier: MIT

/// Reads the stream that `torch.save` wrote before PyTorch 1.6: five pickles, then the storages one after another,
/// each as a 64-bit count of elements and the elements.
///
/// Counts and elements are little-endian whatever machine wrote them (PyTorch's `THPStorage_writeFileRaw` converts);
/// a stream that claims otherwise is refused rather than guessed at.
enum LegacyStream {
    private static let magic = "0x1950a86a20f9469cfc6c"
    private static let version = 1_001
    private static let maximumPadding = 1 << 20

    static func decode(_ file: InputFile) throws(WeightsError) -> DecodedCheckpoint {
        var reader = try LegacyReader(file)
        do throws(WeightsError) {
            return try decode(&reader)
        } catch {
            // A Python loader runs each pickle before it looks at the next.
            throw error.with(reader.dangerousUses)
        }
    }

    private static func decode(_ reader: inout LegacyReader) throws(WeightsError) -> DecodedCheckpoint {
        try checkMagic(try reader.pickle("the magic number"))
        let protocolVersion = try reader.pickle("the protocol version")
        guard protocolVersion.0.arena.integer(protocolVersion.1) == version else {
            throw WeightsError(.unsupportedContainer, "the stream's protocol version is not \(version)")
        }
        try checkSystem(try reader.pickle("the system information"))
        var (machine, root) = try reader.pickle("the object pickle", place: .stream)
        let keys = try reader.pickle("the list of storage keys")
        let padding = try placeStorages(
            order: try storageKeys(keys), from: reader.position, in: reader.file, &machine.storages)
        reader.file.release(0..<reader.position)
        return DecodedCheckpoint(
            graph: PickleGraph(arena: machine.arena, storages: machine.storages), root: root, symbols: reader.symbols,
            dangerousUses: reader.dangerousUses,
            notes: padding > 0 ? ["\(padding) zero bytes follow the last storage"] : [])
    }

    private static func checkMagic(_ pickle: (PickleMachine, PickleNode)) throws(WeightsError) {
        if case .bigInteger(let position) = pickle.1, pickle.0.arena.texts[Int(position)] == magic { return }
        throw WeightsError(
            .unsupportedContainer,
            "is a pickle without PyTorch's magic number, so no checkpoint; save it again with torch.save")
    }

    private static func checkSystem(_ pickle: (PickleMachine, PickleNode)) throws(WeightsError) {
        let arena = pickle.0.arena
        guard case .dictionary(let position) = pickle.1 else {
            throw WeightsError(.malformedContainer, "the stream's system information is \(arena.kind(of: pickle.1))")
        }
        for entry in arena.dictionaries[Int(position)].entries where arena.text(entry.key) == "little_endian" {
            guard arena.integer(entry.value) == 1 else {
                throw WeightsError(
                    .unsupportedContainer,
                    "the stream says it was written by a big-endian machine; load and save it again with torch.save")
            }
        }
    }

    private static func storageKeys(_ pickle: (PickleMachine, PickleNode)) throws(WeightsError) -> [String] {
        guard case .list = pickle.1, let items = pickle.0.arena.items(pickle.1) else {
            throw WeightsError(.malformedContainer, "the storage keys are \(pickle.0.arena.kind(of: pickle.1))")
        }
        var keys: [String] = []
        for item in items {
            guard let key = pickle.0.arena.text(item) else {
                throw WeightsError(.malformedContainer, "a storage key is \(pickle.0.arena.kind(of: item))")
            }
            keys.append(key)
        }
        return keys
    }

    /// Walks the counts once; from then on every storage's place is known. Returns the number of bytes behind the last.
    private static func placeStorages(
        order: [String], from start: Int, in file: InputFile, _ storages: inout StorageTable
    ) throws(WeightsError) -> Int {
        var position = start
        var placed: Set<String> = []
        for key in order {
            guard let index = storages.positions[key], let size = storages.storages[index].elementType.byteCount else {
                throw WeightsError(
                    .malformedContainer, "the stream holds storage “\(key.shortened(to: 40))”, whose type is not known")
            }
            guard placed.insert(key).inserted else {
                throw WeightsError(.malformedContainer, "the stream lists storage \(key) twice")
            }
            let header = try file.read(at: position, count: 8, what: "the count of storage \(key)")
            let count = header.bytes.loadUnaligned(as: Int64.self).littleEndian
            let expected = storages.storages[index].elementCount
            guard count == Int64(expected) else {
                throw WeightsError(
                    .malformedTensor, "storage \(key) holds \(count) elements, the pickle announces \(expected)")
            }
            position += 8
            let byteCount = expected.multipliedReportingOverflow(by: size)
            guard !byteCount.overflow, byteCount.partialValue <= file.size - position else {
                throw WeightsError(
                    .malformedContainer,
                    "the file ends inside storage \(key): \(file.size - position) bytes are left where \(expected) × "
                        + "\(storages.storages[index].elementType) were announced; download or copy it again")
            }
            storages.place(index, at: position..<position + byteCount.partialValue)
            position += byteCount.partialValue
        }
        if let missing = storages.storages.first(where: { !placed.contains($0.key) }) {
            throw WeightsError(.malformedTensor, "storage \(missing.key) is used but not in the stream")
        }
        try checkPadding(from: position, in: file)
        return file.size - position
    }

    private static func checkPadding(from position: Int, in file: InputFile) throws(WeightsError) {
        let count = file.size - position
        var isZero = count <= maximumPadding
        if isZero {
            let rest = try file.read(at: position, count: count, what: "the end of the stream")
            isZero = rest.bytes.allSatisfy { $0 == 0 }
        }
        guard isZero else {
            throw WeightsError(.malformedContainer, "\(count) unexpected bytes follow the last storage of the stream")
        }
    }
}

/// Decodes one pickle after the other and remembers what they import.
private struct LegacyReader {
    let file: InputFile
    private(set) var position = 0
    private(set) var symbols: [Symbol] = []
    private(set) var dangerousUses: [DangerousUse] = []
    private var known: Set<Symbol> = []
    private let bytes: UnsafeRawBufferPointer

    init(_ file: InputFile) throws(WeightsError) {
        self.file = file
        bytes = try file.mapped()
    }

    mutating func pickle(
        _ name: String, place: StorageTable.Place = .absent
    ) throws(WeightsError) -> (PickleMachine, PickleNode) {
        let limits = if case .absent = place { PickleLimits.small } else { PickleLimits() }
        let end = min(bytes.count, position + limits.pickleBytes)
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<end])
        var machine = PickleMachine(
            slice, base: position, name: name, storages: StorageTable(place), limits: limits)
        let node = try machine.run()
        position += machine.cursor.position
        symbols += machine.arena.symbols.filter { known.insert($0).inserted }
        dangerousUses += PickleGraph(arena: machine.arena, storages: machine.storages).dangerousUses
        return (machine, node)
    }
}
