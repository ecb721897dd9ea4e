// SPDX-License-Identifier: MIT
internal import BeastCore

/// Times models on backends, every combination of some lists.
///
/// A timed run is what a user waits for: the pictures' numbers go to the backend, are embedded, and the embeddings come
/// back. Repeats go round the combinations.
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
    /// How weights are had that are not here.
    public var hub = HubAccess()
    /// Timed runs of each combination, 1 or more.
    public var repeatCount = 5
    /// Runs before them that are not timed.
    public var warmUpCount = 2
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
        public fileprivate(set) var figures = RunFigures()

        public var picturesPerSecond: Double {
            figures.samples.median > 0 ? Double(batchSize) / figures.samples.median : 0
        }
    }

    /// A combination, ready to run.
    private struct Entry {
        let work: TimedRounds.Work
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
        let entries = try makeEntries(report)
        let rounds = TimedRounds(repeatCount: repeatCount, warmUpCount: warmUpCount, profilesOps: profilesOps)
        return try zip(entries, rounds.run(entries.map(\.work), report)).map { entry, figures in
            var result = entry.result
            result.figures = figures
            return result
        }
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
                        let model = try weights.load(card, session: session, hub: hub)
                        for batch in batchSizes {
                            for size in sizes {
                                let size = size ?? card.network.imageSize
                                let result = Result(
                                    model: card.name, backend: backend.label, threads: threads, precision: precision,
                                    batchSize: batch, size: size)
                                let input = RandomPictures(seed: 1).values(0..<batch, size: size)
                                let work = TimedRounds.Work(session: session) {
                                    let pictures = try session.makeTensor(input, shape: [batch, size, size, 3])
                                    _ = try session.download(try model.embed(pictures))
                                }
                                entries.append(Entry(work: work, result: result))
                            }
                        }
                    }
                }
            }
        }
        return entries
    }
}

extension ChosenBackend {
    /// Its name, and the number of the device where one was asked for.
    public var label: String { library.name + (device.map { ":\($0)" } ?? "") }
}
