// SPDX-License-Identifier: MIT

/// Why a file could not be had from a hub or its cache.
///
/// ``description`` is one readable line: what was tried, on which repository and file, what was found, what to do.
public struct HubError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. An open set: a later version may add kinds, so a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name in lowerCamel.
        public let description: String

        private init(_ name: String) { description = name }

        /// A name, variable or option that cannot be meant.
        public static let usage = Code("usage")
        /// The repository, revision or file does not exist, or may not be seen.
        public static let notFound = Code("notFound")
        /// The token was refused, or gives no right to the file.
        public static let refused = Code("refused")
        /// The hub cannot be reached, or answers with failures that did not pass.
        public static let unreachable = Code("unreachable")
        /// Not in the cache, and the network may not be used.
        public static let offline = Code("offline")
        /// The reply is none that a hub gives, or one that would be dangerous to follow.
        public static let badReply = Code("badReply")
        /// The bytes are not those that were announced.
        public static let corrupted = Code("corrupted")
        /// The file on the server is no longer the one that was asked for at first.
        public static let changed = Code("changed")
        /// The server gives whole files only.
        public static let noRanges = Code("noRanges")
        /// There is too little room on the disk.
        public static let diskFull = Code("diskFull")
        /// The cache cannot be read or written.
        public static let inputOutput = Code("inputOutput")
        /// A library that is opened at run time is not here.
        public static let missingLibrary = Code("missingLibrary")
        /// Whoever asked for the file wants it no more.
        public static let interrupted = Code("interrupted")
    }

    /// The kind of failure.
    public let code: Code
    /// One line.
    public let message: String
    /// The repository concerned, where there is one.
    public let repository: String?
    /// The file of the repository concerned, where there is one.
    public let file: String?
    /// The HTTP status that was received, where one was.
    public let status: Int?
    /// What lay underneath, for a detailed form.
    public let cause: (any Error)?
    /// Whether the hub itself says that there is no such revision or file, so that a copy in the cache is of something else.
    var isDefinite = false
    /// The commit that lacks the file, where the hub named it.
    var absentCommit: String?

    /// Creates an error.
    public init(
        _ code: Code, _ message: String, repository: String? = nil, file: String? = nil, status: Int? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.repository = repository
        self.file = file
        self.status = status
        self.cause = cause
    }

    /// The message, on one line whatever a server put into it; control characters are spelt out.
    public var description: String {
        var line = ""
        for scalar in message.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}
