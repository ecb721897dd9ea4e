// SPDX-License-Identifier: MIT
internal import BeastCore

/// Times what generators do: steps of the transformer at some contexts, encoding and decoding of pictures.
/// Repeats go round the combinations.
public struct GenerationBenchmark: Sendable {
    /// What is timed.
    public enum Task: String, Sendable, CaseIterable {
        /// Steps of the transformer: codes go up, logits come back, a code is drawn for each sample.
        case tokens
        /// Pictures to codes.
        case encode
        /// Codes to pictures.
        case decode
    }

    public var cards: [GeneratorCard]
    public var backends: [ChosenBackend]
    public var threadCounts: [Int]
    public var precisions: [ComputePrecision] = [.f32]
    public var tasks: [Task] = [.tokens]
    /// Samples or pictures at a time, 1 or more each.
    public var batchSizes: [Int] = [1]
    /// Codes that the transformer has read before a step.
    public var contexts: [Int] = [0]
    /// Steps of a timed run.
    public var stepCount = 4
    public var weights = WeightChoice.published
    /// How weights are had that are not here.
    public var hub = HubAccess()
    /// Timed runs of each combination, 1 or more.
    public var repeatCount = 5
    /// Runs before them that are not timed.
    public var warmUpCount = 2
    /// Whether to profile the ops, in runs of their own after the timed ones.
    public var profilesOps = false
    /// Whether to measure how fast memory is read, before each timed run.
    public var measuresMemory = false

    public init(cards: [GeneratorCard], backends: [ChosenBackend], threadCounts: [Int]) {
        self.cards = cards
        self.backends = backends
        self.threadCounts = threadCounts
    }

    /// What was measured of one combination.
    public struct Result: Sendable {
        public let model: String
        public let backend: String
        public let threads: Int
        public let precision: ComputePrecision
        public let task: Task
        public let batchSize: Int
        /// Of `tokens`; nil for the others.
        public let context: Int?
        /// Codes or pictures of each sample in a timed run.
        public let unitCount: Int
        /// What a step must read at least: every matrix once, and the keys and values of all samples. 0 for other tasks.
        public let readByteCount: Double
        public fileprivate(set) var figures = RunFigures()

        /// Codes or pictures a second, all samples together.
        public var rate: Double { perSecond(Double(unitCount * batchSize)) }
        /// Bytes that had to be read, a second.
        public var readRate: Double { perSecond(readByteCount * Double(unitCount)) }

        private func perSecond(_ amount: Double) -> Double {
            figures.samples.median > 0 ? amount / figures.samples.median : 0
        }
    }

    /// A combination, ready to run.
    private struct Entry {
        let work: TimedRounds.Work
        var result: Result
    }

    /// Refuses what cannot be measured, before anything is loaded.
    public func check() throws {
        for backend in backends {
            for precision in precisions { _ = try precision.resolved(on: backend) }
        }
        if case .file(let path) = weights, cards.count > 1 || tasks.contains(where: { $0 != .tokens }) {
            throw MenagerieError(
                .usage, "\(path): one file of weights is for one transformer and the task tokens; take random weights")
        }
        guard tasks.contains(.tokens) else { return }
        for card in cards {
            let block = card.transformer.blockLength
            if let context = contexts.first(where: { $0 + stepCount > block }) {
                throw MenagerieError(
                    .usage, "context \(context) and \(stepCount) steps: \(card.name) has \(block) positions")
            }
        }
    }

    /// Does it.
    /// - Parameter report: told before each round and each model that is loaded, in words.
    /// - Returns: the results; and how fast memory was read by each count of threads, nothing unless ``measuresMemory``.
    /// - Throws: ``MenagerieError``; what models and backends throw.
    public func run(report: (String) -> Void = { _ in }) throws -> (results: [Result], memory: [MemoryReading]) {
        try check()
        let entries = try makeEntries(report)
        var memory = measuresMemory ? threadCounts.map { MemoryReading(threads: $0) } : []
        var rounds = TimedRounds(repeatCount: repeatCount, warmUpCount: warmUpCount, profilesOps: profilesOps)
        rounds.beforeTimedRun = { for index in memory.indices { memory[index].take() } }
        let results = try zip(entries, rounds.run(entries.map(\.work), report)).map { entry, figures in
            var result = entry.result
            result.figures = figures
            return result
        }
        return (results, memory)
    }

    private func makeEntries(_ report: (String) -> Void) throws -> [Entry] {
        var parts: GenerativeModel.Parts = []
        if tasks.contains(.tokens) { parts.insert(.transformer) }
        if tasks.contains(.encode) { parts.insert(.encoder) }
        if tasks.contains(.decode) { parts.insert(.decoder) }
        var entries: [Entry] = []
        for card in cards {
            for backend in backends {
                for threads in threadCounts {
                    for precision in precisions {
                        report("loading \(card.name) on \(backend.library.name), \(threads) threads")
                        let precision = try precision.resolved(on: backend)
                        let session = try backend.makeSession(threadCount: threads, precision: precision)
                        let model = try weights.loadGenerator(
                            card, session: session, parts: parts, threadCount: threads, hub: hub)
                        for task in tasks {
                            for batch in batchSizes {
                                for context in task == .tokens ? contexts : [nil] as [Int?] {
                                    entries.append(
                                        try entry(
                                            model, task, batch: batch, context: context,
                                            (backend.label, threads, precision)))
                                }
                            }
                        }
                    }
                }
            }
        }
        return entries
    }

    private func entry(
        _ model: GenerativeModel, _ task: Task, batch: Int, context: Int?,
        _ place: (backend: String, threads: Int, precision: ComputePrecision)
    ) throws -> Entry {
        let work: () throws -> Void
        var bytes = 0.0
        switch task {
        case .tokens:
            let steps = try TokenSteps(model, rows: batch, context: context ?? 0, steps: stepCount)
            work = steps.run
            bytes = steps.readByteCount
        case .encode:
            let size = model.card.imageSize
            let all = RandomPictures(seed: 1).values(0..<batch, size: size)
            let pictures = (0..<batch).map { index in
                all[index * size * size * 3..<(index + 1) * size * size * 3].map { $0 / 2 }
            }
            work = { _ = try model.encode(pictures, size: size) }
        case .decode:
            var generator = CounterGenerator(seed: 1, stream: 0)
            let codes = (0..<batch).map { _ in
                (0..<model.card.codesPerPicture).map { _ in
                    Int32(generator.nextIndex(below: model.card.tokenizer.codeCount))
                }
            }
            work = { _ = try model.decode(codes) }
        }
        return Entry(
            work: TimedRounds.Work(session: model.session, run: work),
            result: Result(
                model: model.card.name, backend: place.backend, threads: place.threads, precision: place.precision,
                task: task, batchSize: batch, context: context, unitCount: task == .tokens ? stepCount : 1,
                readByteCount: bytes))
    }
}

/// The loop of generation at one context, again and again.
private final class TokenSteps {
    private let model: GenerativeModel
    private let cache: KeyValueCache
    private let context: Int
    private let steps: Int
    private var codes: [Int32]
    private var logits: [Float]
    private var sampler: CodeSampler
    private var generator = CounterGenerator(seed: 1, stream: 0)

    init(_ model: GenerativeModel, rows: Int, context: Int, steps: Int) throws {
        self.model = model
        self.context = context
        self.steps = steps
        cache = try model.transformer.makeCache(rowCount: rows, capacity: context + steps)
        try cache.fill(to: context)
        codes = [Int32](repeating: 0, count: rows)
        logits = [Float](repeating: 0, count: rows * model.card.transformer.codeCount)
        sampler = CodeSampler(SamplingRule(topK: min(128, model.card.transformer.codeCount)))
    }

    var readByteCount: Double {
        let configuration = model.card.transformer
        let matrices =
            12 * configuration.depth * configuration.width * configuration.width
            + configuration.codeCount * configuration.width
        let precision = model.session.precision
        let cached = cache.rowCount * (context + steps / 2) * configuration.cacheElementCount
        return Double(matrices * precision.matrices.byteCount) + Double(cached * precision.activations.byteCount)
    }

    func run() throws {
        let (transformer, count) = (try model.transformer, model.card.transformer.codeCount)
        cache.truncate(to: context)
        for _ in 0..<steps {
            try model.session.download(try transformer.append(codes, to: cache), into: &logits)
            try logits.withUnsafeBufferPointer { logits in
                for row in codes.indices {
                    let part = UnsafeBufferPointer(rebasing: logits[row * count..<(row + 1) * count])
                    codes[row] = try sampler.draw(part, uniform: generator.nextDouble()).code
                }
            }
        }
    }
}
