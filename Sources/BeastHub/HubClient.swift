// SPDX-License-Identifier: MIT
private import Glibc
private import Synchronization

/// Has files from a hub and keeps them in the cache that is shared with Python's `huggingface_hub`.
///
///     let client = HubClient(settings: try HubSettings.ofThisProcess())
///     let file = try HubFile(repository: "eminorhan/dino_s_vitb14", file: "dino_s_vitb14.pth")
///     let path = try client.fetch(file, report: { print($0) }).path
///
/// May be used by many threads at once; each call blocks until its file is there.
public final class HubClient: Sendable {
    /// What it goes by.
    public let settings: HubSettings

    /// Whether the cache can hold links; nil before it was tried.
    private let canLink = Mutex<Bool?>(nil)

    /// Opens nothing and sends nothing yet.
    public init(settings: HubSettings) { self.settings = settings }

    /// What to do about a file that is in the cache already.
    public enum CachePolicy: Sendable, Equatable {
        /// The hub is asked which commit the revision stands for; what is here already is not had again.
        case current
        /// What the cache has for the revision is taken without asking the hub.
        case cacheFirst
        /// The bytes are had again even when they are here.
        case again
    }

    /// A file that is in the cache now.
    public struct FetchedFile: Sendable, Equatable {
        /// Where it is, below `snapshots/`.
        public let path: String
        /// The commit whose file it is.
        public let commit: String
        /// The name of its content; nil where the hub was not asked.
        public let etag: String?
        /// Bytes.
        public let size: Int64
        /// How many bytes came over the network in this call.
        public let receivedByteCount: Int64
        /// Whether its bytes were held against the hub's digest in this call.
        public let isVerified: Bool
    }

    /// Asks the hub about a file (HEAD, redirects followed by hand).
    /// - Parameters:
    ///   - file: what is wanted.
    ///   - retryCount: how often a failure that may pass is tried again; nil for what the settings say.
    ///   - isStopped: asked many times a second; when true, the call ends with `interrupted`.
    ///   - report: warnings and waits, on the calling thread.
    /// - Throws: ``HubError``: `offline`, `notFound`, `refused`, `unreachable`, `badReply`, `missingLibrary`.
    public func metadata(
        of file: HubFile, retryCount: Int? = nil, isStopped: @escaping () -> Bool = { false },
        report: @escaping (TransferEvent) -> Void = { _ in }
    ) throws(HubError) -> RemoteFile {
        if let reason = settings.offlineReason { throw offline(file, reason) }
        return try HubRequests(settings: settings, file: file, isStopped: isStopped, report: report).metadata(
            retryCount: retryCount ?? settings.retryCount)
    }

    /// Has a file, from the cache where it is there, else from the hub: resumed, verified, locked.
    /// - Parameters:
    ///   - file: what is wanted.
    ///   - policy: whether the hub is asked and bytes are had although the cache has them.
    ///   - isStopped: asked many times a second; when true, the call ends with `interrupted` and what has come stays.
    ///   - report: what happens, on the calling thread.
    /// - Throws: ``HubError``.
    public func fetch(
        _ file: HubFile, policy: CachePolicy = .current, isStopped: @escaping () -> Bool = { false },
        report: @escaping (TransferEvent) -> Void = { _ in }
    ) throws(HubError) -> FetchedFile {
        let mayAsk = settings.offlineReason == nil
        if policy != .again, !mayAsk || policy == .cacheFirst || HubName.isCommit(file.revision) {
            if let found = cached(file) { return found }
        }
        if let reason = settings.offlineReason { throw offline(file, reason) }
        let requests = try HubRequests(settings: settings, file: file, isStopped: isStopped, report: report)
        // A branch may move while it is looked at: then it is looked at again, but not for ever.
        for round in 1...3 {
            let remote: RemoteFile
            do throws(HubError) {
                let isHere = policy != .again && cached(file) != nil
                remote = try requests.metadata(retryCount: isHere ? 0 : settings.retryCount)
            } catch {
                return try fallBack(to: file, policy, error, report)
            }
            do throws(HubError) {
                return try fetch(remote, policy: policy, requests: requests)
            } catch {
                guard error.code == .changed || error.code == .corrupted, round < 3 else { throw error }
                let now = try requests.metadata(retryCount: settings.retryCount)
                guard now.etag != remote.etag || now.size != remote.size else { throw error }
                report(.restarted(reason: "the hub has another file by now"))
                if now.etag != remote.etag { PartialFile.removeLeftovers(of: remote, in: blobs(file)) }
            }
        }
        throw requests.interrupted()
    }

    /// Reads parts of a file. The whole file's digest is not checked: parts cannot tell it.
    public func rangeReader(of remote: RemoteFile) -> RangeReader { RangeReader(client: self, remote: remote) }

    // MARK: - The cache's copy

    /// What the cache has for a revision.
    private func cached(_ file: HubFile) -> FetchedFile? {
        guard let commit = settings.cache.commit(of: file) else { return nil }
        return cached(file, commit: commit, etag: nil)
    }

    private func cached(_ file: HubFile, commit: String, etag: String?) -> FetchedFile? {
        let path = settings.cache.snapshotPath(file, commit: commit)
        guard let size = Entry.size(path) else { return nil }
        return FetchedFile(path: path, commit: commit, etag: etag, size: size, receivedByteCount: 0, isVerified: false)
    }

    /// When the hub does not answer, what the cache has must do; when it says that there is no such file, it must not.
    private func fallBack(
        to file: HubFile, _ policy: CachePolicy, _ error: HubError, _ report: (TransferEvent) -> Void
    ) throws(HubError) -> FetchedFile {
        guard error.code != .interrupted, policy != .again, !error.isDefinite, let found = cached(file) else {
            if let commit = error.absentCommit {
                CacheWriter(cache: settings.cache, usesSymbolicLinks: true).noteAbsence(file, commit: commit)
            }
            throw error
        }
        report(.warning("\(error); the copy in the cache is used"))
        return found
    }

    private func offline(_ file: HubFile, _ reason: String) -> HubError {
        HubError(
            .offline,
            "\(file): not in the cache \(settings.cache.root), and \(reason) forbids to download it",
            repository: file.repository, file: file.file)
    }

    // MARK: - The hub's copy

    private func fetch(_ remote: RemoteFile, policy: CachePolicy, requests: HubRequests) throws(HubError) -> FetchedFile
    {
        let (file, cache) = (remote.file, settings.cache)
        let writer = CacheWriter(cache: cache, usesSymbolicLinks: usesLinks)
        if policy != .again, let found = whole(cached(file, commit: remote.commit, etag: remote.etag), remote, requests)
        {
            writer.setReference(remote)
            return found
        }
        try writer.prepare(file)
        let lock = try CacheLock.take(
            cache, file, etag: remote.etag, isStopped: requests.isStopped, report: requests.report)
        return try withExtendedLifetime(lock) { () throws(HubError) -> FetchedFile in
            // Whoever had the lock before may have brought it, and another name may have the same content.
            let blob = cache.blobPath(file, etag: remote.etag)
            var (received, isVerified) = (Int64(0), false)
            let isHere = policy != .again && isWhole(blob, remote)
            if !isHere {
                if policy != .again,
                    let found = whole(cached(file, commit: remote.commit, etag: remote.etag), remote, requests)
                {
                    writer.setReference(remote)
                    return found
                }
                (received, isVerified) = try download(
                    remote, requests: requests, writer: writer, mayAdopt: lock.isExclusive)
            }
            if isHere || usesLinks { try writer.link(remote) }
            writer.setReference(remote)
            guard let found = cached(file, commit: remote.commit, etag: remote.etag) else {
                throw HubError(
                    .inputOutput,
                    "\(file): what was written to \(cache.folder(file)) is gone again; is somebody tidying up?",
                    repository: file.repository, file: file.file)
            }
            return FetchedFile(
                path: found.path, commit: found.commit, etag: found.etag, size: found.size, receivedByteCount: received,
                isVerified: isVerified)
        }
    }

    private var usesLinks: Bool {
        settings.usesSymbolicLinks
            && canLink.withLock { known in
                let result = known ?? CacheWriter.canLink(in: settings.cache)
                known = result
                return result
            }
    }

    private func isWhole(_ path: String, _ remote: RemoteFile) -> Bool {
        guard let size = Entry.size(path) else { return false }
        return size == remote.size ?? size
    }

    /// A copy of another length than the hub's is none.
    private func whole(_ found: FetchedFile?, _ remote: RemoteFile, _ requests: HubRequests) -> FetchedFile? {
        guard let found, let size = remote.size, found.size != size else { return found }
        requests.report(
            .warning(
                "\(remote.file): the copy in the cache has \(found.size) bytes, the hub's has \(size): it is replaced"))
        return nil
    }

    /// Brings a blob, with the lock held.
    /// - Returns: bytes received, and whether they could be verified.
    private func download(
        _ remote: RemoteFile, requests: HubRequests, writer: CacheWriter, mayAdopt: Bool
    ) throws(HubError) -> (Int64, Bool) {
        let folder = blobs(remote.file)
        let partial = try PartialFile.open(remote, in: folder, mayAdopt: mayAdopt)
        try checkRoom(remote, partial, folder)
        requests.report(.started(size: remote.size, resumedFrom: partial.count))
        let download = FileDownload(remote, into: partial, requests: requests)
        var (isSecondTry, isVerified) = (false, false)
        while true {
            do throws(HubError) {
                try download.run()
                isVerified = try partial.verify()
                if !isVerified {
                    requests.report(
                        .warning(
                            "\(remote.file): its content cannot be verified, since the ETag '\(remote.etag)' is no digest"
                        ))
                }
                break
            } catch {
                switch error.code {
                // What was here or how it was put together may be wrong: once more, from the first byte.
                case .corrupted where download.isPieced && !isSecondTry:
                    isSecondTry = true
                    try download.restart("its bytes were not those of the file")
                case .corrupted:
                    partial.discard()
                    throw error
                // One odd reply, as of a failing proxy, is no proof that the hub has another file: what has come stays.
                default: throw error
                }
            }
        }
        try partial.sync()
        try writer.publish(partial, remote)
        return (download.receivedByteCount, isVerified)
    }

    private func blobs(_ file: HubFile) -> String { "\(settings.cache.folder(file))/blobs" }

    private func checkRoom(_ remote: RemoteFile, _ partial: PartialFile, _ folder: String) throws(HubError) {
        guard let size = remote.size, let free = Folder.freeByteCount(folder), size - partial.count > free else {
            return
        }
        let missing = size - partial.count
        if partial.count == 0 { partial.discard() }
        throw HubError(
            .diskFull,
            "\(remote.file): \(missing) bytes are to come, and the disk of \(folder) has room for \(free); make room, or set "
                + "HF_HOME to a folder on another disk",
            repository: remote.file.repository, file: remote.file.file)
    }
}
