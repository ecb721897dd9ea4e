// SPDX-License-Identifier: MIT
internal import BeastCore

extension ConformanceReport {
    /// The statuses that a table has a column for, whatever happened.
    static let columns: [CaseStatus] = [.passed, .failed, .unsupported]

    /// A table for people, what makes the run fail in full below it.
    public var text: String {
        let statuses = counts.shown(always: Self.columns)
        var rows = [["op"] + statuses.map(\.plural) + ["error / allowed"]]
        for line in lines {
            rows.append(
                [line.subject] + statuses.map { String(line.counts[$0]) } + [
                    line.largestErrorRatio.map(shortened) ?? "-"
                ])
        }
        rows.append(["all"] + statuses.map { String(counts[$0]) } + [""])
        var text =
            "Conformance of backend '\(backend)'\(version.isEmpty ? "" : " " + version), \(path), seed \(seed)\n\n"
            + table(rows)
        let native = self.native
        if !native.isEmpty { text += "\nNative: \(native.map(\.name).joined(separator: ", "))\n" }
        if !absent.isEmpty {
            text += "\nNot in this backend, composed by the host: \(absent.map(\.name).joined(separator: ", "))\n"
        }
        for op in untested {
            text += "\n\(op.isRequired ? "FAILED" : "UNTESTED"): \(op.name): the backend has it and no case tests it\n"
        }
        for pattern in unusedKnownFailures { text += "\nNot among the cases, though known to fail: \(pattern)\n" }
        for result in results where result.status == .knownFailure {
            text += "\nknown failure: \(result.testCase.name): \(result.detail ?? "")\n"
        }
        for result in results {
            if let failure = result.failure { text += "\n\(result.status.rawValue.uppercased()): \(failure)\n" }
        }
        if notRun > 0 { text += "\nNot run, since no worker got ready any more: \(notRun) cases\n" }
        return text + "\nThe backend \(isConforming ? "conforms" : "does not conform").\n"
            + "conformance: \(counts.sentence(always: Self.columns))"
    }

    /// The first column to the left, the others to the right.
    private func table(_ rows: [[String]]) -> String {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for row in rows {
            let cells = zip(row, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + space : space + cell.0
            }
            text += cells.joined(separator: "  ") + "\n"
        }
        return text
    }

    private func shortened(_ ratio: Double) -> String {
        guard ratio.isFinite else { return "wrong" }
        let thousandths = (min(ratio, 1e9) * 1000).rounded() / 1000
        return ratio > 0 && thousandths == 0 ? "<0.001" : String(thousandths)
    }
}
