// SPDX-License-Identifier: MIT
public import BeastHub
internal import BeastWeights
private import Glibc

/// Fetches the tensors that a model needs out of a published file, by asking for parts of it: training checkpoints hold
/// the optimiser's state too, several times as much.
///
/// The whole file's digest cannot be checked in this way; every part that is used is checked by the archive's own
/// checksum of it. What is stored is what `beasts convert --model` makes of the whole file.
public struct SlimFetch {
    /// How it ended.
    public enum Outcome: Sendable {
        case stored(Summary)
        /// These tensors were here already, or the whole file is in the cache.
        case wasThere(path: String)
        /// The file cannot be had in parts, for a reason that ends a sentence; have it whole.
        case wholeFileNeeded(reason: String)
    }

    /// What came of it.
    public struct Summary: Sendable {
        public let path: String
        public let commit: String
        public let tensorCount: Int
        /// Of the stored file.
        public let byteCount: Int64
        /// What came over the network.
        public let receivedByteCount: Int64
        /// Of the whole file.
        public let wholeByteCount: Int64
    }

    /// From this size on a request is one for tensors.
    private static let largeByteCount: Int64 = 1 << 20

    private let client: HubClient
    private let store: SlimStore
    private let pending: PendingFiles

    public init(client: HubClient, pending: PendingFiles) {
        self.client = client
        store = SlimStore(home: client.settings.home)
        self.pending = pending
    }

    /// Does it.
    /// - Parameters:
    ///   - file: one of a model's.
    ///   - choice: which of its tensors.
    ///   - force: fetches again what is here.
    ///   - isStopped: see ``HubClient/fetch(_:policy:isStopped:report:)``.
    ///   - report: what happens, on this thread.
    /// - Throws: ``HubError``, `WeightsError` for a damaged file, ``MenagerieError``. Nothing is stored then.
    func run(
        _ file: HubFile, _ choice: TensorChoice, force: Bool = false, isStopped: @escaping () -> Bool = { false },
        report: @escaping (TransferEvent) -> Void = { _ in }
    ) throws -> Outcome {
        do {
            return try attempt(file, choice, force, isStopped, report)
        } catch let error as HubError where error.code == .changed {
            // The file was replaced between two requests: the parts belong together only if all are of the new one.
            report(.restarted(reason: "the hub has another file by now"))
            return try attempt(file, choice, force, isStopped, report)
        }
    }

    private func attempt(
        _ file: HubFile, _ choice: TensorChoice, _ force: Bool, _ isStopped: @escaping () -> Bool,
        _ report: @escaping (TransferEvent) -> Void
    ) throws -> Outcome {
        if client.settings.offlineReason != nil, !force, let found = here(file) { return .wasThere(path: found) }
        let remote: RemoteFile
        do throws(HubError) {
            let isHere = !force && here(file) != nil
            remote = try client.metadata(of: file, retryCount: isHere ? 0 : nil, isStopped: isStopped, report: report)
        } catch {
            guard error.code == .unreachable, !force, let found = here(file) else { throw error }
            report(.warning("\(error); what is here is used"))
            return .wasThere(path: found)
        }
        let path = store.path(of: file, commit: remote.commit)
        if !force {
            let exact = try HubFile(repository: file.repository, file: file.file, revision: remote.commit)
            if let whole = client.settings.cache.path(of: exact) { return .wasThere(path: whole) }
            if access(path, F_OK) == 0 {
                try store.setReference(of: file, to: remote.commit, pending: pending)
                return .wasThere(path: path)
            }
        }
        guard let size = remote.size, size > 0 else {
            return .wholeFileNeeded(reason: "the hub does not tell its size")
        }
        try SlimStore.makeFolders(for: path)
        SlimStore.removeLeftovers(beside: path)
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        let parts = try SparseFile(in: folder, size: size)
        let reader = client.rangeReader(of: remote)
        // Each request counts from zero; the user sees one count of all of them.
        var before: Int64 = 0
        report(.started(size: nil, resumedFrom: 0))
        let excerpt = CheckpointExcerpt(path: parts.path, name: "\(file)") { ranges in
            let wanted = ranges.map {
                RangeReader.ByteRange(offset: Int64($0.lowerBound), count: Int64($0.count))
            }
            let sum = wanted.reduce(0) { $0 + $1.count }
            // They are written twice: as they come, and as tensors.
            guard sum <= parts.freeByteCount / 2 else {
                throw HubError(
                    .diskFull,
                    "\(file): \(sum) bytes of it are needed, and as much room again to store them; \(folder) has "
                        + "\(parts.freeByteCount) bytes free: make room, or set HF_HOME to another disk",
                    repository: file.repository, file: file.file)
            }
            let tell: (TransferEvent) -> Void = { [before] event in
                guard case .progress(let done, _) = event else { return report(event) }
                // What comes before the tensors is small, and how much there is to come is not known yet.
                report(.progress(done: before + done, size: sum < Self.largeByteCount ? nil : before + sum))
            }
            try reader.read(wanted, isStopped: isStopped, report: tell) { offset, bytes in
                try parts.write(bytes, at: offset)
            }
            before += sum
        }
        do {
            switch try excerpt.read(
                select: choice.keys, stripping: choice.strippedPrefixes, isWanted: choice.isWanted)
            {
            case .wholeFileNeeded(let reason): return .wholeFileNeeded(reason: reason)
            case .tensors(let weights, let names):
                return .stored(try keep(weights, names, of: remote, size, at: path, received: reader))
            }
        } catch let error as HubError where error.code == .noRanges {
            return .wholeFileNeeded(reason: "the server sends whole files only")
        } catch let error as WeightsError {
            throw WeightsError(error.code, error.message, path: error.path == parts.path ? "\(file)" : error.path)
        }
    }

    /// The whole file or its tensors, without asking the hub.
    private func here(_ file: HubFile) -> String? {
        let cache = client.settings.cache
        return cache.path(of: file) ?? store.stored(file, commit: cache.commit(of: file))
    }

    private func keep(
        _ weights: CheckpointWeights, _ names: [String], of remote: RemoteFile, _ size: Int64, at path: String,
        received reader: RangeReader
    ) throws -> Summary {
        let file = remote.file
        guard !names.isEmpty else {
            throw MenagerieError(.badData, "\(file): holds no tensor of the model")
        }
        var provenance = [
            "beasts.repository": file.repository, "beasts.file": file.file, "beasts.commit": remote.commit,
            "beasts.etag": remote.etag, "beasts.whole_bytes": "\(size)",
            "beasts.checked": "CRC-32 of every member; the digest of the whole file was not checked",
        ]
        provenance["beasts.state_dictionary"] = weights.selectedKey
        let export = try TensorExport(weights, names: names, fileSize: Int(size), metadata: provenance)
        try export.write(to: path, pending: pending) { _ in }
        try store.setReference(of: file, to: remote.commit, pending: pending)
        var information = stat()
        return Summary(
            path: path, commit: remote.commit, tensorCount: export.tensorCount,
            byteCount: stat(path, &information) == 0 ? Int64(information.st_size) : 0,
            receivedByteCount: reader.receivedByteCount, wholeByteCount: size)
    }
}
