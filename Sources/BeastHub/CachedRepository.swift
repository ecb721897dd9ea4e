// SPDX-License-Identifier: MIT

/// A repository's folder in the cache, as it was found.
public struct CachedRepository: Sendable {
    /// A file of a snapshot.
    public struct File: Sendable, Hashable {
        /// From the top of the repository.
        public let name: String
        /// Where it is, below `snapshots/`.
        public let path: String
        /// The name of its content; nil for a plain file and for a link that leads elsewhere.
        public let etag: String?
        /// Bytes; nil for a link that leads nowhere.
        public let size: Int64?
    }

    /// The files of a commit that are here.
    public struct Revision: Sendable {
        public let commit: String
        /// The branches and tags that stand for it.
        public let references: [String]
        public let files: [File]
    }

    /// The content of files.
    public struct Blob: Sendable, Hashable {
        /// The name of the content.
        public let etag: String
        public let path: String
        /// Bytes, of what a link leads to.
        public let size: Int64
        /// Whether a file of a snapshot has it.
        public let isUsed: Bool
    }

    /// What a download left, or is writing.
    public struct Partial: Sendable, Hashable {
        public let path: String
        public let size: Int64
        /// Whether somebody writes it at this moment.
        public let isBeingWritten: Bool
    }

    /// `model`, `dataset` or `space`.
    public let kind: String
    /// `owner/name`.
    public let name: String
    /// How commands tell it from a repository of another kind: `owner/name` for a model, `datasets/owner/name` for a dataset.
    public var qualifiedName: String { kind == "model" ? name : "\(kind)s/\(name)" }
    /// The folder `models--OWNER--NAME`.
    public let path: String
    public let revisions: [Revision]
    public let blobs: [Blob]
    public let partials: [Partial]

    /// Bytes that it takes, each content once.
    public var byteCount: Int64 {
        let plain = revisions.flatMap(\.files).filter { $0.etag == nil }.reduce(0) { $0 + ($1.size ?? 0) }
        return plain + (blobs.map(\.size) + partials.map(\.size)).reduce(0, +)
    }

    /// Bytes that nothing needs: content of no snapshot, and what downloads left.
    public var unusedByteCount: Int64 {
        blobs.filter { !$0.isUsed }.reduce(0) { $0 + $1.size }
            + partials.filter { !$0.isBeingWritten }.reduce(0) { $0 + $1.size }
    }
}
