// SPDX-License-Identifier: MIT
import BeastCore
import Menagerie

/// What `beasts bench` measured of generators.
struct GenerationReport {
    let machine: MachineInformation
    let results: [GenerationBenchmark.Result]
    /// How fast memory was read; empty where that was not asked for.
    let memory: [MemoryReading]

    func text(_ format: BenchFormat) throws -> String {
        switch format {
        case .md: markdown
        case .csv: BenchReport.csv(table(isForPeople: false))
        case .json:
            try BenchReport.encode(
                Document(
                    machine: machine, results: results.map { Item($0, fraction($0)) }, memory: memory.map { Memory($0) }
                ),
                isPretty: true)
        case .jsonl:
            try
                (memory.map { try BenchReport.encode(Memory($0, machine: machine), isPretty: false) }
                + results.map { try BenchReport.encode(Item($0, fraction($0), machine: machine), isPretty: false) })
                .joined(separator: "\n")
        }
    }

    /// Of the rate at which as many threads read memory; nil for what is not bound by that, or where it was not measured.
    private func fraction(_ result: GenerationBenchmark.Result) -> Double? {
        guard result.readByteCount > 0, let reading = memory.first(where: { $0.threads == result.threads }) else {
            return nil
        }
        return reading.median > 0 ? result.readRate / reading.median : nil
    }

    private func table(isForPeople: Bool) -> [[String]] {
        let names = ["model", "backend", "threads", "precision", "task", "batch", "context"]
        let figures =
            isForPeople
            ? ["a second", "ms", "read GB/s", "of memory", "GFLOP/s", "peak MB"]
            : [
                "per_second", "milliseconds", "spread_milliseconds", "read_bytes_per_second", "fraction_of_memory",
                "gflops", "peak_bytes",
            ]
        let rows =
            [names + figures]
            + results.map { result in
                let steps = Double(result.unitCount)
                let (median, spread) = (
                    result.figures.samples.median * 1000 / steps, result.figures.samples.spread * 1000 / steps
                )
                let common = [
                    result.model, result.backend, "\(result.threads)", result.precision.rawValue,
                    result.task.rawValue, "\(result.batchSize)", result.context.map { "\($0)" } ?? "-",
                ]
                guard isForPeople else {
                    return common + [
                        "\(result.rate)", "\(median)", "\(spread)", "\(result.readRate)",
                        fraction(result).map { "\($0)" } ?? "", "\(result.figures.operationRate / 1e9)",
                        "\(result.figures.peakByteCount)",
                    ]
                }
                let rate = result.rate < 10 ? thousandths(result.rate) : tenths(result.rate)
                return common + [
                    rate, "\(tenths(median)) ± \(tenths(spread))",
                    result.readByteCount > 0 ? tenths(result.readRate / 1e9) : "-",
                    fraction(result).map(thousandths) ?? "-",
                    tenths(result.figures.operationRate / 1e9), tenths(Double(result.figures.peakByteCount) / 1e6),
                ]
            }
        return isForPeople && memory.isEmpty ? rows.map { Array($0[..<10] + $0[11...]) } : rows
    }

    private var markdown: String {
        var parts = [BenchReport.markdown(table(isForPeople: true))]
        for result in results where !result.figures.ops.isEmpty {
            parts.append(
                "Ops of \(result.model), \(result.backend), \(result.precision.rawValue), \(result.task.rawValue), batch "
                    + "\(result.batchSize), context \(result.context.map { "\($0)" } ?? "-"), one run:\n\n"
                    + BenchReport.markdown(OpReport(figures: result.figures).table))
        }
        if !memory.isEmpty {
            let rates = memory.map { "\($0.threads) threads: \(tenths($0.median / 1e9)) GB/s" }
            parts.append(
                "Memory is read by plain loads, before each run, median of \(memory[0].rates.count), "
                    + rates.joined(separator: "; "))
        }
        parts.append("\(machine.processor), \(machine.cores) cores, \(machine.system), beasts \(machine.version)")
        return parts.joined(separator: "\n\n")
    }

    // MARK: JSON

    private struct Document: Encodable {
        let machine: MachineInformation
        let results: [Item]
        let memory: [Memory]
    }

    private struct Memory: Encodable {
        let kind = "memory"
        let threads: Int
        let bytesPerSecond: Double
        let readings: [Double]
        let machine: MachineInformation?

        init(_ reading: MemoryReading, machine: MachineInformation? = nil) {
            threads = reading.threads
            bytesPerSecond = reading.median
            readings = reading.rates
            self.machine = machine
        }
    }

    private struct Item: Encodable {
        let kind = "generation"
        let model: String
        let backend: String
        let threads: Int
        let precision: String
        let task: String
        let batch: Int
        let context: Int?
        /// Codes or pictures of each sample in a run.
        let unitsPerRun: Int
        /// Of a run.
        let seconds: [Double]
        let medianSeconds: Double
        let perSecond: Double
        let readBytesPerSecond: Double
        let fractionOfMemory: Double?
        let operationsPerSecond: Double
        let peakBytes: Int
        /// Of a run.
        let ops: [OpReport.Item]?
        let machine: MachineInformation?

        init(_ result: GenerationBenchmark.Result, _ fraction: Double?, machine: MachineInformation? = nil) {
            fractionOfMemory = fraction
            model = result.model
            backend = result.backend
            threads = result.threads
            precision = result.precision.rawValue
            task = result.task.rawValue
            batch = result.batchSize
            context = result.context
            unitsPerRun = result.unitCount
            seconds = result.figures.samples.seconds
            medianSeconds = result.figures.samples.median
            perSecond = result.rate
            readBytesPerSecond = result.readRate
            operationsPerSecond = result.figures.operationRate
            peakBytes = result.figures.peakByteCount
            ops = result.figures.profiledRunCount > 0 ? OpReport(figures: result.figures).items : nil
            self.machine = machine
        }
    }
}
