// SPDX-License-Identifier: MIT
internal import BeastCore

/// Turns pictures into codes.
public struct EncodingJob: Sendable {
    public var paths: [String]
    /// A `.npy` file: int32 [pictures, codes], or [pictures, rows, columns] for another size than the model's own. The paths
    /// stand in `NAME.paths.txt`. nil for no file.
    public var outputPath: String?
    /// Sides of the pictures in pixels; nil for the model's own.
    public var size: Int?
    /// Threads that read pictures, 1 or more.
    public var threadCount = 1
    public var allowsTruncated = false
    public var pendingFiles = PendingFiles()

    public init(paths: [String]) { self.paths = paths }

    /// A picture and its codes.
    public struct Item: Sendable, Encodable {
        public let path: String
        /// Row by row.
        public let codes: [Int32]
    }

    /// What was done.
    public struct Summary: Sendable {
        public var items: [Item] = []
        public var failures: [EmbeddingSummary.Failure] = []
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    public func check(_ card: GeneratorCard) throws {
        _ = try inputs(card)
        guard let outputPath else { return }
        guard outputPath.lowercased().hasSuffix(".npy") else {
            throw MenagerieError(.usage, "\(outputPath): codes are written to a .npy file")
        }
        let files = try EmbeddingFiles(path: outputPath, format: .npy)
        try files.checkAgainst(inputs: paths)
        try files.check()
    }

    private func inputs(_ card: GeneratorCard) throws -> TokenizerInputs {
        try TokenizerInputs(
            paths: paths, card: card, size: size, threadCount: threadCount, allowsTruncated: allowsTruncated)
    }

    /// Does it.
    /// - Parameters:
    ///   - report: called on this thread.
    ///   - give: gets each picture's codes as they are found.
    public func run(
        _ model: GenerativeModel, report: (EmbeddingJob.Event) -> Void = { _ in },
        give: (Item) throws -> Void = { _ in }
    ) throws -> Summary {
        try check(model.card)
        let inputs = try inputs(model.card)
        var summary = Summary()
        func fail(_ failure: EmbeddingSummary.Failure) {
            summary.failures.append(failure)
            report(.failure(failure))
        }
        let atOnce = try model.tokenizer.picturesAtOnce(height: inputs.size, width: inputs.size)
        try inputs.forEachBatch(of: atOnce, pending: pendingFiles, fail: fail) { batch in
            for (item, codes) in zip(batch, try model.encode(batch.map(\.values), size: inputs.size)) {
                let item = Item(path: item.path, codes: codes)
                try give(item)
                summary.items.append(item)
            }
            report(.progress(summary.items.count + summary.failures.count))
            return true
        }
        try TokenizerInputs.refuseNothing(summary.items.count, summary.failures)
        if let outputPath { try write(summary, to: outputPath, inputs) }
        return summary
    }

    private func write(_ summary: Summary, to path: String, _ inputs: TokenizerInputs) throws {
        let (count, side) = (summary.items.count, inputs.size / inputs.codeSide)
        let files = try EmbeddingFiles(path: path, format: .npy)
        let array = try OutputFile(path: path, pending: pendingFiles)
        try array.write(
            try CodeFile.bytes(
                summary.items.map(\.codes), shape: size == nil ? [count, side * side] : [count, side, side]))
        var lists: [OutputFile] = []
        if let list = files.pathList {
            let file = try OutputFile(path: list, pending: pendingFiles)
            for item in summary.items { try file.write(PathList.line(item.path)) }
            lists.append(file)
        }
        if let list = files.failureList {
            if summary.failures.isEmpty {
                OutputFile.removeIfThere(list)
            } else {
                lists.append(try EmbeddingWriter.failureList(summary.failures, path: list, pending: pendingFiles))
            }
        }
        try OutputFile.commit(lists + [array])
    }
}
