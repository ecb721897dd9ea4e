// SPDX-License-Identifier: MIT
internal import BeastCore

extension ConformanceReport {
    /// A table for people, the failures in full below it.
    public var text: String {
        var rows = [["op", "passed", "failed", "unsupported", "error / allowed"]]
        for line in lines {
            rows.append([
                line.subject, String(line.passed), String(line.failed), String(line.unsupported),
                line.largestErrorRatio.map(shortened) ?? "-",
            ])
        }
        rows.append(["all", String(passed), String(failed), String(unsupported), ""])
        var text = "Conformance of backend '\(backend)' \(version), \(path), seed \(seed)\n\n" + table(rows)
        if !absent.isEmpty {
            text += "\nNot in this backend, composed by the host: \(absent.map(\.name).joined(separator: ", "))\n"
        }
        for op in untested {
            text += "\n\(op.isRequired ? "FAILED" : "UNTESTED"): \(op.name): the backend has it and no case tests it\n"
        }
        for result in results {
            if let failure = result.failure { text += "\nFAILED: \(failure)\n" }
        }
        return text + "\nThe backend \(isConforming ? "conforms" : "does not conform").\n"
            + "conformance: \(passed) passed, \(failed) failed, \(unsupported) unsupported"
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
