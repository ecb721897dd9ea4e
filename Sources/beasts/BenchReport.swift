// SPDX-License-Identifier: MIT
import BeastCore
import FoundationEssentials
import Menagerie

/// How `beasts bench` prints.
enum BenchFormat: String, CaseIterable { case md, csv, json, jsonl }

/// What `beasts bench` measured.
struct BenchReport {
    let machine: MachineInformation
    let results: [Benchmark.Result]
    let limits: [MatmulLimit.Result]

    func text(_ format: BenchFormat) throws -> String {
        switch format {
        case .md: markdown
        case .csv: csv
        case .json: try BenchReport.encode(document, isPretty: true)
        case .jsonl: try jsonLines
        }
    }

    // MARK: Tables

    private static func giga(_ rate: Double) -> String { tenths(rate / 1e9) }

    private func limit(of result: Benchmark.Result) -> Double? {
        limits.first {
            $0.backend == result.backend && $0.threads == result.threads && $0.precision == result.precision
        }.map(\.operationRate)
    }

    private func fraction(_ rate: Double, of result: Benchmark.Result) -> Double? {
        limit(of: result).flatMap { $0 > 0 ? rate / $0 : nil }
    }

    private func resultTable(isForPeople: Bool) -> [[String]] {
        var rows = [
            ["model", "backend", "threads", "precision", "batch", "size"]
                + (isForPeople
                    ? ["pictures/s", "ms", "GFLOP/s", "of limit", "peak MB"]
                    : [
                        "pictures_per_second", "milliseconds", "spread_milliseconds", "gflops", "fraction_of_limit",
                        "peak_bytes",
                    ])
        ]
        for result in results {
            let (median, spread) = (result.figures.samples.median * 1000, result.figures.samples.spread * 1000)
            let fraction = fraction(result.figures.operationRate, of: result)
            let common = [
                result.model, result.backend, "\(result.threads)", result.precision.rawValue, "\(result.batchSize)",
                "\(result.size)",
            ]
            let figures =
                isForPeople
                ? [
                    tenths(result.picturesPerSecond), "\(tenths(median)) ± \(tenths(spread))",
                    BenchReport.giga(result.figures.operationRate), fraction.map(thousandths) ?? "-",
                    tenths(Double(result.figures.peakByteCount) / 1e6),
                ]
                : [
                    "\(result.picturesPerSecond)", "\(median)", "\(spread)", "\(result.figures.operationRate / 1e9)",
                    fraction.map { "\($0)" } ?? "", "\(result.figures.peakByteCount)",
                ]
            rows.append(common + figures)
        }
        if isForPeople, limits.isEmpty { rows = rows.map { Array($0[..<9] + $0[10...]) } }
        return rows
    }

    private func ops(_ result: Benchmark.Result) -> OpReport {
        OpReport(figures: result.figures, limit: limit(of: result))
    }

    private var limitTable: [[String]] {
        [["backend", "threads", "precision", "op", "M", "N", "K", "ms best", "GFLOP/s best"]]
            + limits.flatMap { limit in
                limit.shapes.map { shape in
                    [
                        limit.backend, "\(limit.threads)", limit.precision.rawValue, shape.op.name, "\(shape.m)",
                        "\(shape.n)", "\(shape.k)",
                        thousandths((shape.samples.seconds.min() ?? 0) * 1000), BenchReport.giga(shape.operationRate),
                    ]
                }
            }
    }

    private var markdown: String {
        var parts: [String] = []
        if !results.isEmpty { parts.append(BenchReport.markdown(resultTable(isForPeople: true))) }
        for result in results where !result.figures.ops.isEmpty {
            parts.append(
                "Ops of \(result.model), \(result.backend), \(result.threads) threads, batch \(result.batchSize), size "
                    + "\(result.size), one run:\n\n" + BenchReport.markdown(ops(result).table))
        }
        if !limits.isEmpty {
            let best = limits.map { limit in
                "\(limit.backend), \(limit.threads) threads, \(limit.precision.rawValue): "
                    + "\(BenchReport.giga(limit.operationRate)) GFLOP/s"
            }
            parts.append("Limit: " + best.joined(separator: "; "))
            parts.append(BenchReport.markdown(limitTable))
        }
        parts.append("\(machine.processor), \(machine.cores) cores, \(machine.system), beasts \(machine.version)")
        return parts.joined(separator: "\n\n")
    }

    static func markdown(_ rows: [[String]]) -> String {
        let rows = rows.map { row in row.map { StandardError.visible($0).replacing("|", with: "\\|") } }
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = rows.map { row in
            "| " + zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: " | ")
                + " |"
        }
        lines.insert("|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|", at: 1)
        return lines.joined(separator: "\n")
    }

    /// One table: the profile where there is one, the limits where there is no model, the results otherwise.
    private var csv: String {
        if results.isEmpty { return BenchReport.csv(limitTable) }
        guard results.contains(where: { !$0.figures.ops.isEmpty }) else {
            return BenchReport.csv(resultTable(isForPeople: false))
        }
        var rows: [[String]] = []
        for (result, row) in zip(results, resultTable(isForPeople: false).dropFirst()) {
            let table = ops(result).table
            if rows.isEmpty { rows.append(["model", "backend", "threads", "precision", "batch", "size"] + table[0]) }
            rows += table.dropFirst().map { Array(row[..<6]) + $0 }
        }
        return BenchReport.csv(rows)
    }

    static func csv(_ rows: [[String]]) -> String {
        rows.map { row in
            row.map { field in
                field.contains { $0 == "," || $0 == "\"" || $0.isNewline }
                    ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
            }.joined(separator: ",")
        }.joined(separator: "\n")
    }

    // MARK: JSON

    private struct Document: Encodable {
        let machine: MachineInformation
        let results: [ResultItem]
        let limits: [LimitItem]
    }

    private struct ResultItem: Encodable {
        let kind = "result"
        let model: String
        let backend: String
        let threads: Int
        let precision: String
        let batch: Int
        let size: Int
        let seconds: [Double]
        let medianSeconds: Double
        let spreadSeconds: Double
        let picturesPerSecond: Double
        /// Of one run.
        let operations: Double
        let operationsPerSecond: Double
        let fractionOfLimit: Double?
        let peakBytes: Int
        /// Of one run.
        let ops: [OpReport.Item]?
        var machine: MachineInformation?
    }

    private struct LimitItem: Encodable {
        struct Shape: Encodable {
            let op: String
            let m: Int
            let n: Int
            let k: Int
            let seconds: [Double]
            let operationsPerSecond: Double
        }

        let kind = "limit"
        let backend: String
        let threads: Int
        let precision: String
        let operationsPerSecond: Double
        let shapes: [Shape]
        var machine: MachineInformation?
    }

    private func item(_ result: Benchmark.Result) -> ResultItem {
        let figures = result.figures
        return ResultItem(
            model: result.model, backend: result.backend, threads: result.threads, precision: result.precision.rawValue,
            batch: result.batchSize, size: result.size, seconds: figures.samples.seconds,
            medianSeconds: figures.samples.median, spreadSeconds: figures.samples.spread,
            picturesPerSecond: result.picturesPerSecond, operations: figures.operationCount,
            operationsPerSecond: result.figures.operationRate,
            fractionOfLimit: fraction(result.figures.operationRate, of: result),
            peakBytes: figures.peakByteCount, ops: figures.profiledRunCount > 0 ? ops(result).items : nil)
    }

    private func item(_ limit: MatmulLimit.Result) -> LimitItem {
        LimitItem(
            backend: limit.backend, threads: limit.threads, precision: limit.precision.rawValue,
            operationsPerSecond: limit.operationRate,
            shapes: limit.shapes.map { shape in
                LimitItem.Shape(
                    op: shape.op.name, m: shape.m, n: shape.n, k: shape.k, seconds: shape.samples.seconds,
                    operationsPerSecond: shape.operationRate)
            })
    }

    private var document: Document {
        Document(machine: machine, results: results.map(item), limits: limits.map(item))
    }

    /// Every line stands on its own, so each tells the machine.
    private var jsonLines: String {
        get throws {
            let limits = try self.limits.map { limit in
                var line = item(limit)
                line.machine = machine
                return try BenchReport.encode(line, isPretty: false)
            }
            let results = try self.results.map { result in
                var line = item(result)
                line.machine = machine
                return try BenchReport.encode(line, isPretty: false)
            }
            return (limits + results).joined(separator: "\n")
        }
    }

    static func encode(_ value: some Encodable, isPretty: Bool) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
