// SPDX-License-Identifier: MIT
public import BeastCore

/// What a conformance run found.
public struct ConformanceReport: Sendable {
    /// What a backend did with the cases of one op, or of what belongs to no op.
    public struct Line: Sendable {
        public let subject: String
        public let counts: StatusCounts
        /// The largest distance from the right value as a part of what is allowed, over all cases that compare.
        public let largestErrorRatio: Double?
        /// The case it was found in.
        public let worstCase: String?
    }

    /// The backend's own name; the file's where it could not be opened.
    public let backend: String
    public let version: String
    /// The library's file.
    public let path: String
    public let seed: UInt64
    public internal(set) var results: [ConformanceResult]
    /// Ops that the backend has and no case tests.
    public let untested: [BackendOp]
    /// Optional ops that it leaves out; they are composed from required ones.
    public let absent: [BackendOp]
    /// Cases that were not run, since no worker got ready any more.
    public internal(set) var notRun = 0
    /// Lines among the known failures that mean no case.
    public internal(set) var unusedKnownFailures: [String] = []

    /// How many cases ended so. Required ops that no case tests count as failed.
    public var counts: StatusCounts {
        var counts = StatusCounts(results.map(\.status))
        counts[.failed] += untested.count(where: \.isRequired)
        return counts
    }

    public var passed: Int { counts[.passed] }
    public var failed: Int { counts[.failed] }
    public var unsupported: Int { counts[.unsupported] }

    /// The ops that the backend has itself and did right in at least one case.
    public var native: [BackendOp] {
        let passed = Set(results.filter { $0.status == .passed }.compactMap(\.testCase.op))
        return BackendOp.allCases.filter { passed.contains($0) && !absent.contains($0) }
    }

    /// Whether nothing made the run fail and something ran.
    public var isConforming: Bool { !counts.hasErrors && notRun == 0 && passed + counts[.knownFailure] > 0 }

    /// One line for each op, in the order of the cases.
    public var lines: [Line] {
        var order: [String] = []
        for result in results where !order.contains(result.testCase.subject) { order.append(result.testCase.subject) }
        return order.map { subject in line(subject, results.filter { $0.testCase.subject == subject }) }
    }

    private func line(_ subject: String, _ results: [ConformanceResult]) -> Line {
        let worst = results.filter { $0.largestErrorRatio != nil }
            .max { ($0.largestErrorRatio ?? 0) < ($1.largestErrorRatio ?? 0) }
        return Line(
            subject: subject, counts: StatusCounts(results.map(\.status)),
            largestErrorRatio: worst?.largestErrorRatio, worstCase: worst?.testCase.name)
    }
}
