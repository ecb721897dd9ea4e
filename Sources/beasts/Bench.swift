// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Bench: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time models on backends.",
        discussion: """
            Options that take lists (A,B,C) are combined, each entry with each; repeats go round the combinations, so that \
            what else happens on the machine hits all of them alike. A timed run is upload, embedding and download of one \
            batch; short ones are repeated until they last 0.2 s, and their mean counts. Operations \
            are those of products and convolutions, 2 M N K each, the same for fused and composed ops. --limit alone \
            measures the backends and no model. Peak memory is the whole process's; for that of one combination, run it \
            alone.

            Of generators (--model say_gimel), steps of the transformer are timed at --contexts, codes up, logits down and \
            drawing included, or with --tasks the tokeniser. "read GB/s" is what a step has to read at least, matrices and \
            keys and values, by the time it took; --limit compares it with how fast memory is read.
            """)

    @Option(name: .long, help: "Models, a list (default: the built-in \(Catalogue.defaultName)).")
    var model: String?

    @Option(name: .long, help: "Backends, a list: names, NAME:DEVICE, FILE.so or auto.")
    var backend = "auto"

    @Option(name: .long, help: "Pictures computed at a time, a list (default: 8; of generators: 1).")
    var batchSize: String?

    @Option(name: .long, help: "Threads to compute with, a list (default: one a core).")
    var threads: String?

    @Option(name: .long, help: "Sides of the pictures in pixels, a list (default: the model's own).")
    var size: String?

    @Option(
        name: .long, help: "Precisions, a list of \(ComputePrecision.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var precision = "f32"

    @Option(name: .long, help: "Of generators: codes that were read before a step, a list.")
    var contexts = "0"

    @Option(name: .long, help: "Of generators: steps of a timed run.")
    var steps = 4

    @Option(
        name: .long,
        help: "Of generators: a list of \(GenerationBenchmark.Task.allCases.map(\.rawValue).joined(separator: ", ")).")
    var tasks = "tokens"

    @Option(name: .long, help: "Timed runs of each combination.")
    var repeats = 5

    @Option(name: .long, help: "Runs before them that are not timed.")
    var warmUp = 2

    @OptionGroup var weights: WeightOptions

    @Flag(name: .long, help: "Profile the ops, in runs of their own after the timed ones.")
    var ops = false

    @Flag(
        name: .long,
        help: """
            Measure the best rate of products of each backend (of generators: the rate at which memory is read), and what \
            fraction of it is reached.
            """)
    var limit = false

    @Option(
        name: .long, help: "How to print: md (default), csv, json or jsonl.",
        completion: .list(BenchFormat.allCases.map(\.rawValue)))
    var format: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        _ = try lists()
        if repeats < 1 || repeats > 10_000 { throw ValidationError("--repeats \(repeats): must be 1 to 10000") }
        if warmUp < 0 || warmUp > 10_000 { throw ValidationError("--warm-up \(warmUp): must be 0 to 10000") }
        if steps < 1 || steps > 1 << 16 { throw ValidationError("--steps \(steps): must be 1 to 65536") }
        if measuresNoModel, ops || weights.choice != .published || size != nil {
            throw ValidationError(
                "--limit without --model measures no model; name one, or leave out the model's options")
        }
    }

    private var measuresNoModel: Bool { limit && model == nil }

    private struct Lists {
        var models: [String]
        var backends: [String]
        var batchSizes: [Int]
        var threadCounts: [Int]
        var sizes: [Int?]
        var precisions: [ComputePrecision]
        var contexts: [Int]
        var tasks: [GenerationBenchmark.Task]
        var format: BenchFormat

        var areGenerators: Bool { models.contains(where: Catalogue.isGenerator) }
    }

    private func lists() throws -> Lists {
        let precisions = try CommaList.texts(precision, "--precision").map { text in
            guard let precision = ComputePrecision(rawValue: text) else {
                throw ValidationError(
                    "--precision '\(text)': precisions are "
                        + ComputePrecision.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return precision
        }
        guard let chosen = BenchFormat(rawValue: format ?? (common.json ? "json" : "md")) else {
            throw ValidationError("--format '\(format ?? "")': formats are md, csv, json and jsonl")
        }
        if common.json, chosen != .json { throw ValidationError("--json and --format \(chosen) exclude each other") }
        let tasks = try CommaList.texts(tasks, "--tasks").map { text in
            guard let task = GenerationBenchmark.Task(rawValue: text) else {
                throw ValidationError(
                    "--tasks '\(text)': tasks are "
                        + GenerationBenchmark.Task.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return task
        }
        let models = try CommaList.texts(model ?? Catalogue.defaultName, "--model")
        let standardBatch = models.contains(where: Catalogue.isGenerator) ? "1" : "8"
        return Lists(
            models: models,
            backends: try CommaList.texts(backend, "--backend"),
            batchSizes: try CommaList.numbers(batchSize ?? standardBatch, "--batch-size", 1...4096),
            threadCounts: try threads.map { try CommaList.numbers($0, "--threads", 1...1024) }
                ?? [ProcessorCount.available],
            sizes: try size.map { try CommaList.numbers($0, "--size", 1...8192) } ?? [nil], precisions: precisions,
            contexts: try CommaList.numbers(contexts, "--contexts", 0...1 << 16), tasks: tasks, format: chosen)
    }

    func run() throws {
        let lists = try lists()
        if lists.areGenerators { return try runGenerators(lists) }
        let cards = measuresNoModel ? [] : try lists.models.map { try Catalogue.model(named: $0) }
        let backends = try choose(lists)
        var benchmark = Benchmark(
            cards: cards, backends: backends, threadCounts: lists.threadCounts, precisions: lists.precisions,
            batchSizes: lists.batchSizes, sizes: lists.sizes)
        benchmark.weights = weights.choice
        benchmark.hub = weights.hub.access(common)
        benchmark.repeatCount = repeats
        benchmark.warmUpCount = warmUp
        benchmark.profilesOps = ops
        try benchmark.check()

        var measure = MatmulLimit()
        measure.repeatCount = repeats
        if limit, common.verbose { common.note("limit: products on \(backends.map(\.label).joined(separator: ", "))") }
        let limits =
            limit ? try measure.run(backends, threadCounts: lists.threadCounts, precisions: lists.precisions) : []
        let results = cards.isEmpty ? [] : try benchmark.run { line in if common.verbose { common.note(line) } }
        let report = BenchReport(
            machine: MachineInformation(cores: ProcessorCount.available), results: results, limits: limits)
        StandardOutput.print(try report.text(lists.format))
    }

    private func choose(_ lists: Lists) throws -> [ChosenBackend] {
        let discovery = BackendDiscovery.ofThisProcess()
        return try lists.backends.map { text in
            let chosen = try discovery.choose(try BackendChoice(text))
            if text == "auto" || common.verbose { common.note("backend: \(chosen.summary)") }
            return chosen
        }
    }

    private func runGenerators(_ lists: Lists) throws {
        if size != nil { throw ValidationError("--size is for models that embed; generators have one size") }
        var benchmark = GenerationBenchmark(
            cards: try lists.models.map { try Catalogue.generator(named: $0) }, backends: try choose(lists),
            threadCounts: lists.threadCounts)
        benchmark.precisions = lists.precisions
        benchmark.tasks = lists.tasks
        benchmark.batchSizes = lists.batchSizes
        benchmark.contexts = lists.contexts
        benchmark.stepCount = steps
        benchmark.weights = weights.choice
        benchmark.hub = weights.hub.access(common)
        benchmark.repeatCount = repeats
        benchmark.warmUpCount = warmUp
        benchmark.profilesOps = ops
        benchmark.measuresMemory = limit && lists.tasks.contains(.tokens)
        let (results, memory) = try benchmark.run { line in if common.verbose { common.note(line) } }
        let report = GenerationReport(
            machine: MachineInformation(cores: ProcessorCount.available), results: results, memory: memory)
        StandardOutput.print(try report.text(lists.format))
    }
}
