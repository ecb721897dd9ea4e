// SPDX-License-Identifier: MIT

/// What became of every case of a folder of fixtures.
public struct FixtureReport: Sendable {
    /// One case.
    public struct Entry: Sendable {
        /// The case's identifier in the manifest.
        public let id: String
        /// What became of it.
        public internal(set) var status: CaseStatus
        /// What was compared, or what went wrong.
        public internal(set) var detail: String
        /// The largest error of any output as a fraction of what is allowed.
        public var worstRatio = 0.0
        /// Whether every 8-bit output was equal to the expected one in every byte; nil where there was none.
        public var isIdentical: Bool?
    }

    /// Every case, in the order of the manifest.
    public internal(set) var entries: [Entry] = []
    /// Cases that were not run, since no worker got ready any more.
    public internal(set) var notRun = 0

    /// How many cases ended so.
    public var counts: StatusCounts { StatusCounts(entries.map(\.status)) }

    /// How many cases ended so.
    public func count(_ status: CaseStatus) -> Int { counts[status] }

    /// Whether any case makes the run fail, or was not run.
    public var hasFailed: Bool { counts.hasErrors || notRun > 0 }

    /// A line a case, then the counts. Kinds that are not supported yet take one line each.
    public var text: String {
        var lines: [String] = []
        for entry in entries where entry.status != .notSupportedYet {
            lines.append("\(entry.status.rawValue)  \(entry.id)  \(entry.detail)")
        }
        var kinds: [String: Int] = [:]
        for entry in entries where entry.status == .notSupportedYet { kinds[entry.detail, default: 0] += 1 }
        for (kind, count) in kinds.sorted(by: { $0.key < $1.key }) {
            lines.append("not supported yet  \(kind): \(count) cases")
        }
        if notRun > 0 { lines.append("not run, since no worker got ready any more: \(notRun) cases") }
        let pictures = entries.filter { $0.status == .passed }.compactMap(\.isIdentical)
        if !pictures.isEmpty {
            lines.append("pictures: \(pictures.count { $0 }) of \(pictures.count) cases are bit-identical")
        }
        if let worst = entries.filter({ $0.status == .passed }).max(by: { $0.worstRatio < $1.worstRatio }),
            worst.worstRatio > 0
        {
            lines.append("largest error: \(percent(worst.worstRatio)) of what is allowed, in \(worst.id)")
        }
        lines.append(
            "fixtures: \(counts.sentence(always: [.passed, .failed, .notSupportedYet, .optional]))")
        return lines.joined(separator: "\n")
    }

    /// The report for programs. The fields are promised.
    public var json: String {
        let statuses: [CaseStatus] = [
            .passed, .failed, .crashed, .hung, .knownFailure, .unexpectedPass, .notSupportedYet, .optional,
        ]
        let cases = entries.map { entry in
            JSONText.object([
                ("id", .string(entry.id)), ("outcome", .string(entry.status.rawValue)),
                ("detail", .string(entry.detail)), ("error_ratio", .number(entry.worstRatio)),
                ("bit_identical", entry.isIdentical.map(JSONText.bool) ?? .null),
            ])
        }
        return JSONText.object(
            [("conforms", .bool(!hasFailed))] + counts.jsonFields(of: statuses) + [
                ("not_run", .number(Double(notRun))), ("cases", .array(cases)),
            ]
        ).text
    }
}

extension FixtureReport.Entry {
    /// The entry in the light of what is known.
    func judged(by known: KnownFailures) -> FixtureReport.Entry {
        guard let reason = known.reason(for: id) else { return self }
        var entry = self
        let remark = reason.isEmpty ? "" : " (known: \(reason))"
        switch status {
        case .failed, .crashed, .hung:
            entry.detail = "\(status.rawValue): \(detail)\(remark)"
            entry.status = .knownFailure
        case .passed:
            entry.detail = "it passes now, so its line among the known failures can go\(remark)"
            entry.status = .unexpectedPass
        default: break
        }
        return entry
    }
}

/// A fraction as a percentage with one digit behind the point.
func percent(_ fraction: Double) -> String {
    guard fraction.isFinite, fraction < 1e6 else { return "more than 100 %" }
    let tenths = Int((fraction * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
}
