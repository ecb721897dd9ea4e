// SPDX-License-Identifier: MIT

/// What a removal did.
public struct CacheRemoval: Sendable, Equatable {
    /// Files of snapshots, or left-over content, that are gone.
    public var removed: [String] = []
    /// Bytes that are free again.
    public var freedByteCount: Int64 = 0
    /// What stayed, and why.
    public var kept: [Kept] = []

    /// Something that stayed.
    public struct Kept: Sendable, Equatable {
        public let path: String
        public let reason: String

        public init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }
    }

    /// Nothing yet.
    public init() {}
}
