// SPDX-License-Identifier: MIT

/// A decoded checkpoint, whatever its container: the values, and where the bytes of its tensors lie.
struct DecodedCheckpoint {
    let graph: PickleGraph
    let root: PickleNode
    /// True where multi-byte elements have their highest byte first.
    var isBigEndian = false
    /// Members of the archive that nothing refers to.
    var extraMembers: [String] = []
    /// Byte ranges with a checksum, for a check of the whole file.
    var checksummed: [ZipMember] = []
    /// Every name that is imported, by whichever pickle of the file.
    var symbols: [Symbol] = []
    var dangerousUses: [DangerousUse] = []
    /// What is unusual without being wrong.
    var notes: [String] = []
    /// Further files that hold tensors.
    var shards: [InputFile] = []
}

/// Reads the zip form of `torch.save`.
enum TorchArchive {
    /// - Parameter isPresent: see ``ZipArchive/init(_:isPresent:)``. The pickle and the byte order must be here.
    static func decode(
        _ file: InputFile, isPresent: ((String) -> Bool)? = nil
    ) throws(WeightsError) -> DecodedCheckpoint {
        let archive = try ZipArchive(file, isPresent: isPresent)
        let root = try rootFolder(of: archive)
        let isBigEndian = try readByteOrder(archive, root: root, file: file)
        let (bytes, damage) = try readPickle(archive, root: root, file: file)
        let name = "\(root)data.pkl"
        var machine = PickleMachine(bytes.bytes, name: name, storages: StorageTable(.zip(archive, root: root)))
        let node: PickleNode
        do throws(WeightsError) {
            node = try machine.run()
        } catch {
            throw damage?.with(error.dangerousUses) ?? error
        }
        let graph = PickleGraph(arena: machine.arena, storages: machine.storages)
        let uses = graph.dangerousUses
        // Loaders that do not look at checksums run such a pickle, so what it would do is told all the same.
        if let damage { throw damage.with(uses) }
        guard machine.cursor.isAtEnd else {
            throw WeightsError(
                .malformedPickle, "\(name) holds \(machine.cursor.remaining) bytes behind the end of its pickle"
            ).with(uses)
        }
        withExtendedLifetime(bytes) {}
        let known =
            ["data.pkl", "version", "byteorder", ".format_version", ".storage_alignment"]
            + [".data/serialization_id"]
        let used = Set(machine.storages.storages.map(\.name) + known.map { root + $0 })
        let extra = archive.members.map(\.name).filter { !used.contains($0) }
        return DecodedCheckpoint(
            graph: graph, root: node, isBigEndian: isBigEndian, extraMembers: extra,
            checksummed: archive.members.filter(\.isResolved),
            symbols: machine.arena.symbols, dangerousUses: uses,
            notes: notes(archive, machine.storages, isBigEndian: isBigEndian))
    }

    private static func notes(_ archive: ZipArchive, _ storages: StorageTable, isBigEndian: Bool) -> [String] {
        var notes: [String] = []
        if isBigEndian { notes.append("elements are big-endian; they are swapped as they are read") }
        let bare = archive.members.count { $0.checksum == 0 && $0.byteCount > 0 }
        if bare > 0 {
            notes.append("\(bare) of \(archive.members.count) members have no checksum, so damage cannot be noticed")
        }
        let unaligned = storages.storages.count { $0.range.lowerBound % ($0.elementType.byteCount ?? 1) != 0 }
        if unaligned > 0 {
            notes.append(
                "\(unaligned) of \(storages.storages.count) storages are not aligned; they are copied when read")
        }
        return notes
    }

    /// Whether a member is needed to make sense of the others.
    static func isDescription(_ name: String) -> Bool { name.hasSuffix("/data.pkl") || name.hasSuffix("/byteorder") }

    /// The folder of the one member that ends in `/data.pkl`, with the slash.
    static func rootFolder(of archive: ZipArchive) throws(WeightsError) -> String {
        let isScript = archive.members.contains { member in
            let parts = member.name.split(separator: "/", maxSplits: 2)
            return parts.count >= 2 && (parts[1] == "constants.pkl" || parts[1] == "code")
        }
        guard !isScript else {
            throw WeightsError(
                .unsupportedContainer,
                "is a TorchScript archive, which holds a program; save its state_dict() with torch.save instead")
        }
        let candidates = archive.members.filter { $0.name.hasSuffix("/data.pkl") }
        guard let only = candidates.first else {
            throw WeightsError(
                .unsupportedContainer,
                "is a zip archive without a data.pkl, so no PyTorch checkpoint; \(archive.members.count) members, the "
                    + "first is “\(archive.members.first?.name.shortened(to: 60) ?? "none")”")
        }
        guard candidates.count == 1 else {
            throw WeightsError(
                .malformedContainer,
                "holds \(candidates.count) members named data.pkl, “\(only.name)” and “\(candidates[1].name)”")
        }
        return String(only.name.dropLast("data.pkl".count))
    }

    /// Big-endian data is read: elements are swapped as they are lent.
    private static func readByteOrder(
        _ archive: ZipArchive, root: String, file: InputFile
    ) throws(WeightsError) -> Bool {
        guard let member = archive[root + "byteorder"] else { return false }
        let bytes = try file.read(at: member.dataOffset, count: min(member.byteCount, 16), what: member.name)
        switch String(decoding: bytes.bytes, as: UTF8.self) {
        case "little": return false
        case "big": return true
        case let other:
            throw WeightsError(.malformedContainer, "the byte order is “\(other)”, neither “little” nor “big”")
        }
    }

    /// The bytes of the pickle, and the error of its checksum where that is wrong.
    private static func readPickle(
        _ archive: ZipArchive, root: String, file: InputFile
    ) throws(WeightsError) -> (bytes: OwnedBytes, damage: WeightsError?) {
        guard let member = archive[root + "data.pkl"] else {
            throw WeightsError(.malformedContainer, "the archive has no data.pkl")
        }
        let limit = PickleLimits().pickleBytes
        guard member.byteCount <= limit else {
            throw WeightsError(
                .limitExceeded, "“\(member.name)” has \(member.byteCount) bytes, at most \(limit) are read")
        }
        let bytes = try file.read(at: member.dataOffset, count: member.byteCount, what: member.name)
        return (bytes, Checksum.damage(of: bytes.bytes, member))
    }
}
