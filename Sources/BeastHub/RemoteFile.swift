// SPDX-License-Identifier: MIT

/// What a hub tells about a file before a byte of it is sent.
public struct RemoteFile: Sendable, Equatable {
    /// What was asked for.
    public let file: HubFile
    /// The commit that the revision stands for: 40 hexadecimal digits.
    public let commit: String
    /// The name of the file's content, fit to be a file name. For a large file the SHA-256 of its bytes, for a small one
    /// git's number of it.
    public let etag: String
    /// Bytes; nil where the hub does not say.
    public let size: Int64?
    /// Whether the reply claimed that parts can be asked for. Only a reply to a ``RangeReader`` proves it: hubs that send the
    /// bytes from elsewhere often do not say.
    public let acceptsRanges: Bool
    /// Where the bytes are; signed addresses stop to work after a while. Never shown: it may hold a signature.
    let address: String
    /// The `ETag` as the server at ``address`` would send it; nil where another server has the bytes.
    let validator: String?

    /// How the bytes can be checked.
    var digestKind: DigestKind? { DigestKind(etag: etag) }
}
