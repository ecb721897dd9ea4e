// SPDX-License-Identifier: MIT

/// What an ``EmbeddingJob`` did.
public struct EmbeddingSummary: Sendable {
    /// A picture that could not be read.
    public struct Failure: Sendable, Encodable {
        public let path: String
        public let reason: String
        /// Whether the file could not be opened at all, as against one whose content is wrong.
        let isMissing: Bool

        private enum CodingKeys: CodingKey { case path, reason }

        var code: MenagerieError.Code { isMissing ? .inputMissing : .badData }
    }

    public let model: String
    public let output: String
    /// Pictures in the output.
    public var succeeded = 0
    public var failures: [Failure] = []
    /// The shape of the output: [pictures, D] or [pictures, patches, D].
    public var shape: [Int] = []
}
