// SPDX-License-Identifier: MIT
public import BeastCore

/// What a conformance run found.
public struct ConformanceReport: Sendable {
    /// What a backend did with the cases of one op, or of what belongs to no op.
    public struct Line: Sendable {
        public let subject: String
        public let passed: Int
        public let failed: Int
        public let unsupported: Int
        /// The largest distance from the right value as a part of what is allowed, over all cases that compare.
        public let largestErrorRatio: Double?
        /// The case it was found in.
        public let worstCase: String?
    }

    /// The backend's own name.
    public let backend: String
    public let version: String
    /// The library's file.
    public let path: String
    public let seed: UInt64
    public let results: [ConformanceResult]
    /// Ops that the backend has and no case tests.
    public let untested: [BackendOp]
    /// Optional ops that it leaves out; they are composed from required ones.
    public let absent: [BackendOp]

    public var passed: Int { results.count - failed - unsupported }
    public var failed: Int { results.count(where: \.isFailure) + untested.count(where: \.isRequired) }
    public var unsupported: Int {
        results.count { if case .unsupported = $0.outcome { true } else { false } }
    }

    /// Whether nothing failed and something ran.
    public var isConforming: Bool { failed == 0 && passed > 0 }

    /// One line for each op, in the order of the cases.
    public var lines: [Line] {
        var order: [String] = []
        for result in results where !order.contains(result.testCase.subject) { order.append(result.testCase.subject) }
        return order.map { subject in line(subject, results.filter { $0.testCase.subject == subject }) }
    }

    private func line(_ subject: String, _ results: [ConformanceResult]) -> Line {
        let failed = results.count(where: \.isFailure)
        let unsupported = results.count { if case .unsupported = $0.outcome { true } else { false } }
        let worst = results.filter { $0.largestErrorRatio != nil }
            .max { ($0.largestErrorRatio ?? 0) < ($1.largestErrorRatio ?? 0) }
        return Line(
            subject: subject, passed: results.count - failed - unsupported, failed: failed, unsupported: unsupported,
            largestErrorRatio: worst?.largestErrorRatio, worstCase: worst?.testCase.name)
    }
}
