// SPDX-License-Identifier: MIT
public import BeastCore

/// Times models on backends, every combination of some lists.
///
/// A timed run is what a user waits for: the pictures' numbers go to the backend, are embedded, and the embeddings come
/// back. Repeats go round the combinations, so that what else happens on the machine hits all of them alike.
public struct Benchmark: Sendable {
    /// What is combined.
    public var cards: [ModelCard]
    public var backends: [ChosenBackend]
    /// 1 or more each.
    public var threadCounts: [Int]
    public var precisions: [ComputePrecision]
    /// Pictures at a time, 1 or more each.
    public var batchSizes: [Int]
    /// Sides of the pictures in pixels; nil for the model's own.
    public var sizes: [Int?]
    public var weights = WeightChoice.published
    /// Timed runs of each combination, 1 or more.
    public var repeatCount = 5
    /// Runs before them that are not timed.
    public var warmUpCount = 1
    /// Whether to profile the ops, in runs of their own after the timed ones.
    public var profilesOps = false

    public init(
        cards: [ModelCard], backends: [ChosenBackend], threadCounts: [Int], precisions: [ComputePrecision] = [.f32],
        batchSizes: [Int] = [8], sizes: [Int?] = [nil]
    ) {
        self.cards = cards
        self.backends = backends
        self.threadCounts = threadCounts
        self.precisions = precisions
        self.batchSizes = batchSizes
        self.sizes = sizes
    }

    /// What was measured of one combination.
    public struct Result: Sendable {
        public let model: String
        public let backend: String
        public let threads: Int
        public let precision: ComputePrecision
        public let batchSize: Int
        /// Side of the pictures in pixels.
        public let size: Int
        public fileprivate(set) var samples = TimeSamples()
        /// Multiplications and additions of a run's products and convolutions.
        public fileprivate(set) var operationCount = 0.0
        /// The most memory that the process held in a run, the models of all combinations included.
        public fileprivate(set) var peakByteCount = 0
        /// The ops of ``profiledRunCount`` runs; empty where no profile was asked for.
        public fileprivate(set) var ops: [OpProfile.Entry] = []
        public fileprivate(set) var profiledRunCount = 0

        public var picturesPerSecond: Double { samples.median > 0 ? Double(batchSize) / samples.median : 0 }
        /// Multiplications and additions a second.
        public var operationRate: Double { samples.median > 0 ? operationCount / samples.median : 0 }
    }

    /// A combination, ready to run.
    private struct Entry {
        let model: EmbeddingModel
        let input: [Float]
        let shape: Shape
        var result: Result
    }

    /// Refuses what cannot be measured, before anything is loaded.
    /// - Throws: ``MenagerieError``.
    public func check() throws {
        for backend in backends {
            for precision in precisions { _ = try precision.resolved(on: backend) }
        }
        if case .file(let path) = weights, cards.count > 1 {
            throw MenagerieError(.usage, "\(path): one file of weights cannot serve \(cards.count) models")
        }
        for card in cards {
            for case let size? in sizes where size < card.network.smallestImageSize {
                throw MenagerieError(
                    .usage,
                    "size \(size) is less than one patch: the patches of \(card.name) are "
                        + "\(card.network.smallestImageSize) wide")
            }
        }
    }

    /// Does it.
    /// - Parameter report: told before each round and each model that is loaded, in words.
    /// - Throws: ``MenagerieError``; what models and backends throw.
    public func run(report: (String) -> Void = { _ in }) throws -> [Result] {
        try check()
        var entries = try makeEntries(report)
        let roundCount = warmUpCount + repeatCount
        for round in 0..<roundCount {
            report(
                round < warmUpCount
                    ? "warm-up \(round + 1) of \(warmUpCount)" : "repeat \(round + 1 - warmUpCount) of \(repeatCount)")
            for index in entries.indices {
                try Benchmark.time(&entries[index], isFirst: round == 0, isTimed: round >= warmUpCount)
            }
        }
        if profilesOps { try profile(&entries, report) }
        return entries.map(\.result)
    }

    private func makeEntries(_ report: (String) -> Void) throws -> [Entry] {
        var entries: [Entry] = []
        for card in cards {
            for backend in backends {
                for threads in threadCounts {
                    for precision in precisions {
                        report("loading \(card.name) on \(backend.library.name), \(threads) threads")
                        let precision = try precision.resolved(on: backend)
                        let session = try backend.makeSession(threadCount: threads, precision: precision)
                        let model = try weights.load(card, session: session)
                        for batch in batchSizes {
                            for size in sizes {
                                let size = size ?? card.network.imageSize
                                let result = Result(
                                    model: card.name, backend: backend.label, threads: threads, precision: precision,
                                    batchSize: batch, size: size)
                                entries.append(
                                    Entry(
                                        model: model,
                                        input: RandomPictures(seed: 1).values(0..<batch, size: size),
                                        shape: [batch, size, size, 3], result: result))
                            }
                        }
                    }
                }
            }
        }
        return entries
    }

    /// Counting the operations of the first run costs nothing that could be measured, should it be a timed one.
    private static func time(_ entry: inout Entry, isFirst: Bool, isTimed: Bool) throws {
        let counter = OperationCounter()
        if isFirst { entry.model.session.observer = counter }
        PeakMemory.reset()
        let seconds = try measure(entry)
        entry.result.peakByteCount = max(entry.result.peakByteCount, PeakMemory.byteCount)
        if isFirst {
            entry.model.session.observer = nil
            entry.result.operationCount = counter.operationCount
        }
        if isTimed { entry.result.samples.seconds.append(seconds) }
    }

    private func profile(_ entries: inout [Entry], _ report: (String) -> Void) throws {
        for index in entries.indices {
            report("profile \(index + 1) of \(entries.count)")
            let profile = OpProfile()
            entries[index].model.session.observer = profile
            for _ in 0..<repeatCount { _ = try Benchmark.measure(entries[index]) }
            entries[index].model.session.observer = nil
            entries[index].result.ops = profile.entries
            entries[index].result.profiledRunCount = repeatCount
        }
    }

    /// Upload, embedding, download.
    private static func measure(_ entry: Entry) throws -> Double {
        let session = entry.model.session
        let start = ContinuousClock.now
        let input = try session.makeTensor(entry.input, shape: entry.shape)
        _ = try session.download(try entry.model.embed(input))
        return (ContinuousClock.now - start) / .seconds(1)
    }
}

extension ChosenBackend {
    /// Its name, and the number of the device where one was asked for.
    public var label: String { library.name + (device.map { ":\($0)" } ?? "") }
}
