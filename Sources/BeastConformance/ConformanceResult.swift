// SPDX-License-Identifier: MIT
internal import BeastCore

/// What became of a case.
public struct ConformanceResult: Sendable {
    public enum Outcome: Sendable {
        case passed
        /// What is wrong: the worst element with its index, both values and what was allowed, or what else happened.
        case failed(String)
        /// The process that ran it ended before it answered: the signal or the exit code.
        case crashed(String)
        /// It did not answer in time.
        case hung(String)
        /// The backend says that it does not do this, and may say so; or the op is optional and it does not have it.
        case unsupported(String)
        /// It failed, crashed or hung, as is known: what happened, and the reason that was given for it.
        case knownFailure(String, reason: String)
        /// It passed though it is known to fail.
        case unexpectedPass(reason: String)
    }

    public let testCase: ConformanceCase
    public internal(set) var outcome: Outcome
    /// The largest distance from the right value as a part of what is allowed; nil where nothing was compared.
    public let largestErrorRatio: Double?
    /// The element it was found at, in words.
    public let worstElement: String?

    init(testCase: ConformanceCase, outcome: Outcome, worst: WorstElement? = nil) {
        self.init(testCase: testCase, outcome: outcome, largestErrorRatio: worst?.ratio, worstElement: worst?.text)
    }

    init(testCase: ConformanceCase, outcome: Outcome, largestErrorRatio: Double?, worstElement: String?) {
        self.testCase = testCase
        self.outcome = outcome
        self.largestErrorRatio = largestErrorRatio
        self.worstElement = worstElement
    }

    /// The outcome in a word.
    public var status: CaseStatus {
        switch outcome {
        case .passed: .passed
        case .failed: .failed
        case .crashed: .crashed
        case .hung: .hung
        case .unsupported: .unsupported
        case .knownFailure: .knownFailure
        case .unexpectedPass: .unexpectedPass
        }
    }

    /// What there is to say about the outcome; nil for a case that passed.
    public var detail: String? {
        switch outcome {
        case .passed: nil
        case .failed(let message), .crashed(let message), .hung(let message), .unsupported(let message): message
        case .knownFailure(let message, let reason): reason.isEmpty ? message : "\(message) (known: \(reason))"
        case .unexpectedPass(let reason):
            "it passes now, so its line among the known failures can go" + (reason.isEmpty ? "" : " (\(reason))")
        }
    }

    /// Whether it makes the run fail.
    public var isFailure: Bool { status.isError }

    /// What makes the run fail, nil for other outcomes: what to show, with the case and how the tolerance was derived.
    public var failure: String? {
        guard isFailure, let detail else { return nil }
        if case .failed = outcome { return "\(testCase.name): \(detail); tolerance: \(testCase.tolerance)" }
        return "\(testCase.name): \(detail)"
    }
}

extension ConformanceResult.Outcome {
    init(_ stop: CaseStop) {
        switch stop {
        case .failed(let message): self = .failed(message)
        case .unsupported(let message): self = .unsupported(message)
        }
    }
}
