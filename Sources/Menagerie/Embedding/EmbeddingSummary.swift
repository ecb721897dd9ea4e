// SPDX-License-Identifier: MIT
internal import BeastMedia

/// What an ``EmbeddingJob`` did.
public struct EmbeddingSummary: Sendable {
    /// A picture that could not be read.
    public struct Failure: Sendable, Encodable {
        public let path: String
        /// What was found, without the path.
        public let reason: String
        /// Whether the file could not be opened at all, as against one whose content is wrong.
        let isMissing: Bool

        private enum CodingKeys: CodingKey { case path, reason }

        init(path: String, _ error: MediaError) {
            self.path = path
            isMissing = [.notFound, .unreadable, .notARegularFile].contains(error.code)
            // A name in another encoding reaches us with replacement characters, which name no file.
            let isMisnamed = error.code == .notFound && path.unicodeScalars.contains("\u{FFFD}")
            reason = error.message + (isMisnamed ? "; file names must be UTF-8, rename it" : "")
        }

        var code: MenagerieError.Code { isMissing ? .inputMissing : .badData }
    }

    public let model: String
    public let output: String
    /// Pictures in the output.
    public var succeeded = 0
    public var failures: [Failure] = []
    /// The file that lists the failures; nil when there are none, or where there is no folder to put it in.
    public var failureList: String?
    /// The arrays of the output, one for each layer.
    public var arrays: [Array] = []

    /// An array of the output.
    public struct Array: Sendable, Encodable {
        public let layer: String
        /// [pictures, D], [pictures, patches, D] or [pictures, rows, columns, channels].
        public let shape: [Int]
    }
}
