// SPDX-License-Identifier: MIT

/// What became of every case of a folder of fixtures.
public struct FixtureReport: Sendable {
    /// What can become of a case.
    public enum Outcome: String, Sendable {
        case passed
        case failed
        /// A kind or architecture that this version does not run. Never counted as passed.
        case notSupportedYet = "not supported yet"
        /// Marked optional in the manifest; run, and listed apart whatever became of it.
        case optional
    }

    /// One case.
    public struct Entry: Sendable {
        /// The case's identifier in the manifest.
        public let id: String
        /// What became of it.
        public let outcome: Outcome
        /// What was compared, or what went wrong.
        public let detail: String
        /// The largest error of any output as a fraction of what is allowed.
        public let worstRatio: Double
        /// Whether every 8-bit output was equal to the expected one in every byte; nil where there was none.
        public let isIdentical: Bool?
    }

    /// Every case, in the order of the manifest.
    public internal(set) var entries: [Entry] = []

    /// How many cases ended so.
    public func count(_ outcome: Outcome) -> Int { entries.count { $0.outcome == outcome } }

    /// Whether any case failed that is not optional.
    public var hasFailed: Bool { entries.contains { $0.outcome == .failed } }

    /// A line a case, then the counts. Kinds that are not supported yet take one line each.
    public var text: String {
        var lines: [String] = []
        for entry in entries where entry.outcome != .notSupportedYet {
            lines.append(
                "\(entry.outcome == .optional ? "optional" : entry.outcome.rawValue)  \(entry.id)  \(entry.detail)")
        }
        var kinds: [String: Int] = [:]
        for entry in entries where entry.outcome == .notSupportedYet { kinds[entry.detail, default: 0] += 1 }
        for (kind, count) in kinds.sorted(by: { $0.key < $1.key }) {
            lines.append("not supported yet  \(kind): \(count) cases")
        }
        let pictures = entries.filter { $0.outcome == .passed }.compactMap(\.isIdentical)
        if !pictures.isEmpty {
            lines.append("pictures: \(pictures.count { $0 }) of \(pictures.count) cases are bit-identical")
        }
        if let worst = entries.filter({ $0.outcome == .passed }).max(by: { $0.worstRatio < $1.worstRatio }),
            worst.worstRatio > 0
        {
            lines.append("largest error: \(percent(worst.worstRatio)) of what is allowed, in \(worst.id)")
        }
        lines.append(
            "fixtures: \(count(.passed)) passed, \(count(.failed)) failed, \(count(.notSupportedYet)) not supported yet, "
                + "\(count(.optional)) optional")
        return lines.joined(separator: "\n")
    }
}

/// A fraction as a percentage with one digit behind the point.
func percent(_ fraction: Double) -> String {
    guard fraction.isFinite, fraction < 1e6 else { return "more than 100 %" }
    let tenths = Int((fraction * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
}
