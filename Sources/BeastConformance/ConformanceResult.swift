// SPDX-License-Identifier: MIT
internal import BeastCore

/// What became of a case.
public struct ConformanceResult: Sendable {
    public enum Outcome: Sendable {
        case passed
        /// What is wrong: the worst element with its index, both values and what was allowed, or what else happened.
        case failed(String)
        /// The backend says that it does not do this, and may say so; or the op is optional and it does not have it.
        case unsupported(String)
    }

    public let testCase: ConformanceCase
    public let outcome: Outcome
    /// The largest distance from the right value as a part of what is allowed; nil where nothing was compared.
    public let largestErrorRatio: Double?
    /// The element it was found at, in words.
    public let worstElement: String?

    init(testCase: ConformanceCase, outcome: Outcome, worst: WorstElement? = nil) {
        self.testCase = testCase
        self.outcome = outcome
        largestErrorRatio = worst?.ratio
        worstElement = worst?.text
    }

    public var isFailure: Bool { if case .failed = outcome { true } else { false } }

    /// The reason of a failure, nil for other outcomes: what to show, with the case and how the tolerance was derived.
    public var failure: String? {
        guard case .failed(let message) = outcome else { return nil }
        return "\(testCase.name): \(message); tolerance: \(testCase.tolerance)"
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
