// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastMedia

/// Embeds the same pictures on two backends and tells how far the results lie apart.
public struct BackendComparison: Sendable {
    public var card: ModelCard
    /// The one that is taken as right, and the other.
    public var backends: (right: ChosenBackend, other: ChosenBackend)
    public var weights = WeightChoice.published
    /// How weights are had that are not here.
    public var hub = HubAccess()
    /// Picture files.
    public var paths: [String] = []
    /// How many pictures of noise are compared after them, 0 or more.
    public var randomCount = 0
    /// Of the noise.
    public var seed: UInt64 = 1
    /// Side of the pictures in pixels; nil for the model's own.
    public var size: Int?
    /// What the other computes in; the right one computes in f32.
    public var precision = ComputePrecision.f32
    /// Pictures at a time, 1 or more.
    public var batchSize = 8
    /// 0 for the backends' own choice.
    public var threadCount = 0

    public init(card: ModelCard, right: ChosenBackend, other: ChosenBackend) {
        self.card = card
        backends = (right, other)
    }

    private var preprocessing: Preprocessing { size.map { .evaluation(size: $0) } ?? card.preprocessing }

    /// Refuses what cannot be compared, before anything is loaded.
    /// - Throws: ``MenagerieError``.
    public func check() throws {
        if paths.isEmpty, randomCount < 1 { throw MenagerieError(.usage, "nothing to compare: no pictures, no noise") }
        if let size, size < card.network.smallestImageSize {
            throw MenagerieError(
                .usage,
                "size \(size) is less than one patch: the patches of \(card.name) are "
                    + "\(card.network.smallestImageSize) wide")
        }
    }

    /// Does it.
    /// - Parameter report: how many pictures are done.
    /// - Throws: ``MenagerieError``; what pictures, models and backends throw. A picture that cannot be read ends it.
    public func run(report: (Int) -> Void = { _ in }) throws -> EmbeddingDifference {
        try check()
        let models = try [(backends.right, .f32), (backends.other, precision)].map { backend, precision in
            try weights.load(
                card, session: try backend.makeSession(threadCount: threadCount, precision: precision),
                hub: hub)
        }
        let side = size ?? card.network.imageSize
        var difference = EmbeddingDifference()
        let total = paths.count + randomCount
        for start in stride(from: 0, to: total, by: max(1, batchSize)) {
            let pictures = start..<min(total, start + max(1, batchSize))
            let input = try pictures.flatMap { try values($0, side) }
            let embeddings = try models.map { model in
                let shape: Shape = [pictures.count, side, side, 3]
                return try model.session.download(try model.embed(try model.session.makeTensor(input, shape: shape)))
            }
            let width = card.width
            for (row, picture) in pictures.enumerated() {
                let range = row * width..<(row + 1) * width
                difference.add(name(picture), right: embeddings[0][range], other: embeddings[1][range])
            }
            report(pictures.upperBound)
        }
        return difference
    }

    private func name(_ picture: Int) -> String {
        picture < paths.count ? paths[picture] : "random \(picture - paths.count + 1) (seed \(seed))"
    }

    private func values(_ picture: Int, _ side: Int) throws -> [Float] {
        guard picture < paths.count else {
            let number = picture - paths.count
            return RandomPictures(seed: seed).values(number..<number + 1, size: side)
        }
        do throws(MediaError) {
            return try preprocessing.values(of: Picture(contentsOfFile: paths[picture]))
        } catch {
            let isMissing = [.notFound, .unreadable, .notARegularFile].contains(error.code)
            throw MenagerieError(
                isMissing ? .inputMissing : .badData, "\(paths[picture]): \(error.message)", cause: error)
        }
    }
}
