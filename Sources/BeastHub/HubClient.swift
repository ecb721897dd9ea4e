// SPDX-License-Identifier: MIT

/// Has files from a hub and keeps them in the cache that is shared with Python's `huggingface_hub`.
///
///     let client = HubClient(settings: try HubSettings.ofThisProcess())
///     let file = try HubFile(repository: "eminorhan/dino_s_vitb14", file: "dino_s_vitb14.pth")
///     let path = try client.fetch(file) { event in print(event) }.path
///
/// May be used by many threads at once; each call blocks until its file is there.
public final class HubClient: Sendable {
    /// What it goes by.
    public let settings: HubSettings

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
    }

    /// Asks the hub about a file (HEAD, redirects followed by hand).
    /// - Parameters:
    ///   - file: what is wanted.
    ///   - report: warnings and waits, on the calling thread.
    /// - Throws: ``HubError``: `offline`, `notFound`, `refused`, `unreachable`, `badReply`, `missingLibrary`.
    public func metadata(
        of file: HubFile, report: (TransferEvent) -> Void = { _ in }
    ) throws(HubError) -> RemoteFile {
        throw HubError(.missingLibrary, "not built yet")
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
        throw HubError(.missingLibrary, "not built yet")
    }

    /// Reads parts of a file. The whole file's digest is not checked: parts cannot tell it.
    public func rangeReader(of remote: RemoteFile) -> RangeReader { RangeReader(client: self, remote: remote) }
}
