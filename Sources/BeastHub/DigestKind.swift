// SPDX-License-Identifier: MIT

/// How a file's content can be checked against the name the hub gives it.
enum DigestKind: Sendable, Equatable {
    /// SHA-256 of the bytes.
    case sha256
    /// SHA-1 of `blob LENGTH NUL` and the bytes: git's number of the content.
    case gitBlob

    /// nil for an etag that is neither, as some mirrors send.
    init?(etag: String) {
        guard etag.utf8.allSatisfy(HubName.isHexadecimal) else { return nil }
        switch etag.utf8.count {
        case 64: self = .sha256
        case 40: self = .gitBlob
        default: return nil
        }
    }

    /// What messages call it.
    var name: String { self == .sha256 ? "SHA-256" : "git's SHA-1" }
}
