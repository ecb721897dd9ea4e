// SPDX-License-Identifier: MIT

/// Reads tensors of a PyTorch zip of which no byte need be here yet: what is needed is asked for, and nothing else.
///
/// The local file has the size of the whole and holes where nothing was brought. Of it the same code reads that reads
/// whole files, with the same checks; members that are not here are listed and never touched. Every member that is used
/// must carry a checksum, since nothing else tells that the bytes are the right ones.
public final class CheckpointExcerpt {
    /// What became of it.
    public enum Outcome {
        /// The tensors, and which of them were wanted, by their names in the file, sorted.
        case tensors(CheckpointWeights, names: [String])
        /// It cannot be read in parts, for a reason that ends a sentence.
        case wholeFileNeeded(reason: String)
    }

    private let path: String
    private let name: String
    private let fetch: ([Range<Int>]) throws -> Void
    /// What is here: disjoint, sorted, not touching one another.
    private var present: [Range<Int>] = []

    /// What is brought of both ends before anything is known. The pickle is the first member and the directory lies at
    /// the end: most files need no third request before the tensors.
    private static let headByteCount = 64 << 10
    private static let tailByteCount = 256 << 10
    /// Ranges closer than this are brought as one: a request costs about as long as these bytes.
    private static let smallestGap = 256 << 10

    /// - Parameters:
    ///   - path: the local file, as large as the whole.
    ///   - name: what messages call the file.
    ///   - fetch: writes byte ranges of the whole into the local file, all of them or throws. They are disjoint and sorted.
    public init(path: String, name: String, fetch: @escaping ([Range<Int>]) throws -> Void) {
        self.path = path
        self.name = name
        self.fetch = fetch
    }

    /// Brings and checks the description, then brings the tensors. Their bytes are checked as they are read.
    ///
    /// - Parameters:
    ///   - candidates: as for ``Checkpoint/weights(select:stripping:allowForeign:)``.
    ///   - substrings: removed from names before they are compared with `wanted`.
    ///   - isWanted: whether a tensor is needed, by its name without the substrings.
    /// - Throws: ``WeightsError`` naming the file; what `fetch` throws.
    public func read(
        select candidates: [String], stripping substrings: [String], isWanted: (String) -> Bool
    ) throws -> Outcome {
        do {
            return try readParts(candidates, substrings, isWanted)
        } catch let error as WeightsError {
            throw error.replacingPath(path, by: name)
        }
    }

    private func readParts(
        _ candidates: [String], _ substrings: [String], _ isWanted: (String) -> Bool
    ) throws -> Outcome {
        let size = try InputFile(path: path).size
        try bring([0..<min(size, Self.headByteCount), max(0, size - Self.tailByteCount)..<size])
        let file = try InputFile(path: path)
        let kind = try ContainerKind.sniff(file)
        guard kind == .torchZip else { return .wholeFileNeeded(reason: "it is a \(kind.rawValue), not a zip archive") }
        try bring([try DirectoryLocation.find(in: file).directory])
        let archive = try ZipArchive(file) { _ in false }
        _ = try TorchArchive.rootFolder(of: archive)
        if let bare = try bringDescription(archive) { return bare }

        let outline = try Checkpoint(try InputFile(path: path), isPresent: TorchArchive.isDescription)
        let tensors = try outline.weights(select: candidates)
        let names = try outline.names(select: candidates, stripping: substrings, where: isWanted)
        let storages = Set(names.compactMap { tensors.tensorDescription(of: $0)?.storageIndex })
        let members = Set(storages.map { outline.lender.storages[$0].name })
        if let bare = archive.members.first(where: { members.contains($0.name) && $0.checksum == 0 && $0.byteCount > 0 }
        ) {
            return .wholeFileNeeded(reason: "its member “\(bare.name.shortened(to: 60))” has no checksum")
        }
        try bring(zip(archive.members, archive.slots).filter { members.contains($0.0.name) }.map(\.1))
        let excerpt = try Checkpoint(try InputFile(path: path)) {
            TorchArchive.isDescription($0) || members.contains($0)
        }
        return .tensors(try excerpt.weights(select: candidates), names: names)
    }

    /// Brings the pickle and what else must be known first.
    private func bringDescription(_ archive: ZipArchive) throws -> Outcome? {
        let limit = PickleLimits().pickleBytes
        var slots: [Range<Int>] = []
        for (member, slot) in zip(archive.members, archive.slots) where TorchArchive.isDescription(member.name) {
            guard member.byteCount <= limit else {
                throw WeightsError(
                    .limitExceeded, "“\(member.name)” has \(member.byteCount) bytes, at most \(limit) are read")
            }
            if member.checksum == 0, member.byteCount > 0 {
                return .wholeFileNeeded(reason: "its member “\(member.name.shortened(to: 60))” has no checksum")
            }
            slots.append(slot)
        }
        try bring(slots)
        return nil
    }

    /// Brings what of these ranges is not here yet, neighbours together.
    private func bring(_ ranges: [Range<Int>]) throws {
        let missing = Self.joined(ranges.flatMap { absent(of: $0) }, gap: Self.smallestGap)
        // A gap that was closed may hold what is here already: that is not asked for again.
        let wanted = missing.flatMap { absent(of: $0) }
        guard !wanted.isEmpty else { return }
        try fetch(wanted)
        present = Self.joined(present + wanted, gap: 0)
    }

    /// The parts of a range that are not here.
    private func absent(of range: Range<Int>) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var position = range.lowerBound
        for part in present where part.upperBound > position && part.lowerBound < range.upperBound {
            if part.lowerBound > position { result.append(position..<part.lowerBound) }
            position = max(position, part.upperBound)
        }
        if position < range.upperBound { result.append(position..<range.upperBound) }
        return result
    }

    /// Sorted ranges; those that are at most `gap` apart become one.
    static func joined(_ ranges: [Range<Int>], gap: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = result.last, range.lowerBound - last.upperBound <= gap {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}

extension WeightsError {
    /// The same error speaking of a file by another name.
    func replacingPath(_ old: String, by new: String) -> WeightsError {
        guard path == nil || path == old else { return self }
        var copy = self
        copy.path = new
        return copy
    }
}
