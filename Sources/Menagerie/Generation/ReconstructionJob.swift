// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastMedia

/// Turns pictures into codes and back, and measures what was lost.
public struct ReconstructionJob: Sendable {
    public var paths: [String]
    /// A grid with a row for each picture, original and reconstruction; a folder for each reconstruction. Neither is needed.
    public var output = PictureOutput()
    /// Sides of the pictures in pixels; nil for the model's own.
    public var size: Int?
    /// Threads that read pictures, 1 or more.
    public var threadCount = 1
    public var allowsTruncated = false
    public var pendingFiles = PendingFiles()

    public init(paths: [String]) {
        self.paths = paths
        output.range = .fixed
    }

    /// A picture, and how much its reconstruction is like it.
    public struct Item: Sendable, Encodable {
        public let path: String
        public let quality: PictureQuality
        /// Different codes among those of the picture.
        public let distinctCodes: Int
    }

    /// What was done.
    public struct Summary: Sendable {
        public var items: [Item] = []
        public var failures: [EmbeddingSummary.Failure] = []

        /// The means over all pictures.
        public var mean: PictureQuality {
            let count = Double(max(1, items.count))
            return PictureQuality(
                psnr: items.reduce(0) { $0 + $1.quality.psnr } / count,
                ssim: items.reduce(0) { $0 + $1.quality.ssim } / count)
        }
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    public func check(_ card: GeneratorCard) throws {
        _ = try inputs(card)
        try output.check(inputs: paths)
        var names = PictureNames()
        try names.check(paths, folder: output.folder)
    }

    private func inputs(_ card: GeneratorCard) throws -> TokenizerInputs {
        try TokenizerInputs(
            paths: paths, card: card, size: size, threadCount: threadCount, allowsTruncated: allowsTruncated)
    }

    /// Does it.
    /// - Parameter report: called on this thread.
    public func run(_ model: GenerativeModel, report: (EmbeddingJob.Event) -> Void = { _ in }) throws -> Summary {
        try check(model.card)
        let inputs = try inputs(model.card)
        let side = inputs.size / inputs.codeSide
        var names = PictureNames()
        let stems = paths.map { names.next(for: $0) }
        var summary = Summary()
        var writer = PictureWriter(output, pending: pendingFiles)
        func fail(_ failure: EmbeddingSummary.Failure) {
            summary.failures.append(failure)
            report(.failure(failure))
        }
        let atOnce = try model.tokenizer.picturesAtOnce(height: inputs.size, width: inputs.size)
        try inputs.forEachBatch(of: atOnce, pending: pendingFiles, fail: fail) { batch in
            let codes = try model.encode(batch.map(\.values), size: inputs.size)
            let decoded = try model.decode(codes, rows: side, columns: side)
            for (index, item) in batch.enumerated() {
                let original = GenerativeModel.Decoded(height: inputs.size, width: inputs.size, values: item.values)
                try writer.append(original, name: nil)
                try writer.append(decoded[index], name: stems[item.number])
                summary.items.append(
                    Item(
                        path: item.path,
                        quality: try PictureQuality(
                            of: try decoded[index].picture(),
                            comparedWith: try PictureGrid(range: .unit).picture(
                                of: [item.values.map { ($0 + 1) / 2 }], height: inputs.size, width: inputs.size)),
                        distinctCodes: Set(codes[index]).count))
            }
            report(.progress(summary.items.count + summary.failures.count))
            return true
        }
        try TokenizerInputs.refuseNothing(summary.items.count, summary.failures)
        try writer.finish(columns: 2)
        return summary
    }
}
