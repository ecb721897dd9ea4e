// SPDX-License-Identifier: MIT

/// What can become of a case, in the words that reports use.
public enum CaseStatus: String, Sendable, CaseIterable, Codable {
    case passed
    case failed
    /// The process that ran it was killed by a signal or ended before it answered.
    case crashed
    /// It did not answer within its time.
    case hung
    /// The backend says that it does not do this, and may say so.
    case unsupported
    /// It failed, crashed or hung, and is listed as one that does.
    case knownFailure = "known failure"
    /// It passed though it is listed as one that does not.
    case unexpectedPass = "unexpected pass"
    /// A fixture of a kind or architecture that this version does not run. Never counted as passed.
    case notSupportedYet = "not supported yet"
    /// A fixture that is marked optional in the manifest; run, and listed apart whatever became of it.
    case optional

    /// Whether it makes the run fail.
    public var isError: Bool {
        switch self {
        case .failed, .crashed, .hung, .unexpectedPass: true
        case .passed, .unsupported, .knownFailure, .notSupportedYet, .optional: false
        }
    }

    /// The word that a table and the closing line count it under.
    var plural: String {
        switch self {
        case .knownFailure: "known failures"
        case .unexpectedPass: "unexpected passes"
        default: rawValue
        }
    }
}
