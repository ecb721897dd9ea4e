// SPDX-License-Identifier: MIT
public import BeastCore
private import Glibc

/// Keeps the upper half of pictures and lets a generator draw the lower half.
public struct GeneratorCompletionJob: Sendable {
    public var paths: [String]
    /// Completions of each picture, 1 or more.
    public var sampleCount = 2
    public var seed: UInt64 = 1
    public var rule = SamplingRule()
    /// Samples that go through the transformer together; nil for as many as a part of the memory has room for.
    public var batchSize: Int?
    /// The grid has a row for each picture: the original, its reconstruction from codes, its completions. The folder gets
    /// the completions as `NAME_1.png`, `NAME_2.png`, ...
    public var output: PictureOutput
    /// A `.npy` file for the codes, int32 [pictures, samples, codes].
    public var codesPath: String?
    /// Whether a grey line is drawn a little above the border, where the published pictures have it.
    public var drawsLine = false
    /// Threads that read pictures, 1 or more.
    public var threadCount = 1
    public var allowsTruncated = false
    public var pendingFiles = PendingFiles()
    /// Ends the job after the step it is at; pictures that are finished are written.
    public var stop = StopRequest()

    public init(paths: [String], output: PictureOutput) {
        self.paths = paths
        self.output = output
    }

    /// Something to tell.
    public enum Event: Sendable {
        /// Codes that are drawn, of all that will be if every picture can be read.
        case codes(done: Int, total: Int)
        case failure(EmbeddingSummary.Failure)
    }

    /// A picture that was completed.
    public struct Item: Sendable, Encodable {
        public let path: String
        /// The files of its completions; none without a folder.
        public let outputs: [String]
        /// All codes of each completion, row by row; the upper half is the picture's own.
        public let codes: [[Int32]]
        /// The smallest margin of each; see ``GenerativeModel/Samples/margins``.
        public let margins: [Double]
    }

    /// What was done.
    public struct Summary: Sendable {
        public var items: [Item] = []
        public var failures: [EmbeddingSummary.Failure] = []
        /// Whether fewer pictures were completed than asked for.
        public var isStopped = false
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    public func check(_ card: GeneratorCard) throws {
        guard sampleCount >= 1, sampleCount <= 4096 else {
            throw MenagerieError(.usage, "\(sampleCount) samples: 1 to 4096 completions of each picture")
        }
        try card.check(rule: rule, batchSize: batchSize)
        _ = try inputs(card)
        try output.check(orCodes: codesPath, inputs: paths)
        var names = PictureNames()
        try names.check(paths, folder: output.folder, suffixes: (1...sampleCount).map { "_\($0)" })
    }

    private func inputs(_ card: GeneratorCard) throws -> TokenizerInputs {
        try TokenizerInputs(
            paths: paths, card: card, size: nil, threadCount: threadCount, allowsTruncated: allowsTruncated)
    }

    /// Parts of the model that are needed.
    public var parts: GenerativeModel.Parts {
        output.isNowhere ? [.transformer, .encoder] : [.transformer, .encoder, .decoder]
    }

    /// Does it.
    /// - Parameter report: called on this thread.
    /// - Throws: ``MenagerieError`` when an output cannot be written, with the file that the codes were saved to, or when
    ///   nothing was finished; what the model and the backend throw.
    public func run(_ model: GenerativeModel, report: (Event) -> Void = { _ in }) throws -> Summary {
        let inputs = try inputs(model.card)
        let batch = batchSize ?? model.samplesAtOnce(cacheByteCount: CacheBudget.byteCount)
        var names = PictureNames()
        let stems = paths.map { names.next(for: $0) }
        var summary = Summary()
        var writer = PictureWriter(output, pending: pendingFiles)
        var rescue = CodeRescue(outputs: [output.gridPath, output.folder], model: model.card.name)
        func fail(_ failure: EmbeddingSummary.Failure) {
            summary.failures.append(failure)
            report(.failure(failure))
        }
        try inputs.forEachBatch(of: max(1, batch / sampleCount), pending: pendingFiles, fail: fail) { items in
            guard let drawn = try complete(items, model, batch, summary, report) else {
                summary.isStopped = true
                return false
            }
            var finished: [Item] = []
            for (index, item) in items.enumerated() {
                let outputs = output.folder.map { folder in
                    (1...sampleCount).map { "\(folder)/\(stems[item.number])_\($0).png" }
                }
                finished.append(
                    Item(
                        path: item.path, outputs: outputs ?? [], codes: drawn.completed[index].codes,
                        margins: drawn.completed[index].margins))
            }
            summary.items += finished
            if !output.isNowhere {
                try rescue.guarding(summary.items.flatMap(\.codes), pendingFiles) {
                    for (index, item) in items.enumerated() {
                        try write(
                            item, drawn.original[index], finished[index].codes, stems[item.number], model, &writer)
                    }
                }
            }
            let handled = summary.items.count + summary.failures.count
            if stop.isMade, handled < paths.count { summary.isStopped = true }
            return !summary.isStopped
        }
        if summary.items.isEmpty, summary.isStopped {
            throw MenagerieError(.interrupted, "interrupted before a picture was finished; nothing was written")
        }
        try TokenizerInputs.refuseNothing(summary.items.count, summary.failures)
        let codes = summary.items.flatMap(\.codes)
        if let codesPath {
            let shape = [summary.items.count, sampleCount, model.card.codesPerPicture]
            try rescue.guarding(codes, pendingFiles) {
                try PictureWriter.write(try CodeFile.bytes(codes, shape: shape), to: codesPath, pendingFiles)
            }
            rescue.isSaved = true
        }
        try rescue.guarding(codes, pendingFiles) { try writer.finish(columns: 2 + sampleCount) }
        return summary
    }

    /// - Returns: the codes of each picture and its completions; nil when the job was stopped.
    private func complete(
        _ items: [TokenizerInputs.Item], _ model: GenerativeModel, _ batch: Int, _ summary: Summary,
        _ report: (Event) -> Void
    ) throws -> (original: [[Int32]], completed: [(codes: [[Int32]], margins: [Double])])? {
        let steps = model.completionSteps
        let original = try model.encode(items.map(\.values), size: model.card.imageSize)
        var completed = items.map { _ in (codes: [[Int32]](), margins: [Double]()) }
        // The samples of one picture alone may be more than a batch.
        for start in stride(from: 0, to: sampleCount, by: batch) {
            let samples = start..<min(sampleCount, start + batch)
            let before = (summary.items.count * sampleCount + items.count * start) * steps
            let drawn = try model.complete(
                original, numbers: items.map(\.number), samples: samples, seed: seed, rule: rule
            ) { done in
                report(
                    .codes(
                        done: before + done * items.count * samples.count,
                        total: (paths.count - summary.failures.count) * sampleCount * steps))
                return !stop.isMade && !pendingFiles.isAbandoned
            }
            guard let drawn else { return nil }
            for row in drawn.codes.indices {
                completed[row / samples.count].codes.append(drawn.codes[row])
                completed[row / samples.count].margins.append(drawn.margins[row])
            }
        }
        return (original, completed)
    }

    private func write(
        _ item: TokenizerInputs.Item, _ original: [Int32], _ completed: [[Int32]], _ stem: String,
        _ model: GenerativeModel, _ writer: inout PictureWriter
    ) throws {
        let side = model.card.imageSize
        try writer.append(GenerativeModel.Decoded(height: side, width: side, values: item.values), name: nil)
        for (index, picture) in try model.decode([original] + completed).enumerated() {
            let shown = drawsLine ? picture.withLine() : picture
            try writer.append(shown, name: index > 0 ? "\(stem)_\(index)" : nil)
        }
    }
}

extension GenerativeModel.Decoded {
    /// Row 126 of 256 in grey, as published: the border between what was kept and what was drawn is below row 127.
    fileprivate func withLine() -> GenerativeModel.Decoded {
        let row = max(0, height / 2 - 2)
        var values = values
        for index in row * width * 3..<(row + 1) * width * 3 { values[index] = 0 }
        return GenerativeModel.Decoded(height: height, width: width, values: values)
    }
}
