// SPDX-License-Identifier: MIT
private import Glibc

/// Where files come from and go to, and with which rights: from the environment, changed by options.
public struct HubSettings: Sendable {
    /// A secret, and where it came from. Its value is never shown.
    public struct Token: Sendable, CustomStringConvertible {
        /// The secret.
        let value: String
        /// `the option --token`, `the variable HF_TOKEN`, `the file ...`.
        public let origin: String

        /// - Throws: ``HubError`` (`usage`) for a text with spaces, control characters or nothing in it.
        public init(_ value: String, origin: String) throws(HubError) {
            guard !value.isEmpty, value.utf8.allSatisfy({ (33...126).contains($0) }), value.utf8.count <= 4096 else {
                throw HubError(.usage, "the token of \(origin) is empty or holds characters that no token has")
            }
            self.value = value
            self.origin = origin
        }

        public var description: String { "the token of \(origin)" }
    }

    /// The cache that is read and filled.
    public var cache: HubCache
    /// The folder that holds cache, token and what beasts keeps beside them (`HF_HOME`).
    public var home: String
    /// The hub's address, without `/` at its end.
    public var endpoint: String
    /// Sent to the endpoint's own origin only.
    public var token: Token?
    /// What forbids the network: the name of a variable or option; nil when nothing does.
    public var offlineReason: String?
    /// Seconds that a question about a file may take, and a connection.
    public var metadataTimeout: Int
    /// Seconds without a byte after which a transfer is broken.
    public var downloadTimeout: Int
    /// Whether `snapshots/` may hold symbolic links.
    public var usesSymbolicLinks: Bool
    /// Whether progress may be shown.
    public var showsProgress: Bool
    /// How often a failure that may pass is tried again.
    public var retryCount: Int
}
