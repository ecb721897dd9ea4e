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
        let bytes = try file.mapped()
        var position = 0
        var header: [(PickleMachine, PickleNode)] = []
        for name in ["magic number", "protocol version", "system information"] {
            header.append(try pickle(bytes, at: &position, name: "the \(name)", place: .absent))
            if header.count == 1 { try checkMagic(header[0]) }
        }
        guard header[1].0.arena.integer(header[1].1) == version else {
            throw WeightsError(.unsupportedContainer, "the stream's protocol version is not \(version)")
        }
        try checkSystem(header[2])
        var (machine, root) = try pickle(bytes, at: &position, name: "the object pickle", place: .stream)
        let keys = try pickle(bytes, at: &position, name: "the list of storage keys", place: .absent)
        try placeStorages(order: try storageKeys(keys), from: position, in: file, &machine.storages)
        file.release(0..<position)
        return DecodedCheckpoint(
            graph: PickleGraph(arena: machine.arena, storages: machine.storages), root: root)
    }

    /// Decodes the pickle at `position` and moves past it.
    private static func pickle(
        _ bytes: UnsafeRawBufferPointer, at position: inout Int, name: String, place: StorageTable.Place
    ) throws(WeightsError) -> (PickleMachine, PickleNode) {
        let limit = min(bytes.count, position + PickleLimits().pickleBytes)
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<limit])
        var machine = PickleMachine(slice, base: position, name: name, storages: StorageTable(place))
        let node = try machine.run()
        position += machine.cursor.position
        return (machine, node)
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

    /// Walks the counts once; from then on every storage's place is known.
    private static func placeStorages(
        order: [String], from start: Int, in file: InputFile, _ storages: inout StorageTable
    ) throws(WeightsError) {
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
