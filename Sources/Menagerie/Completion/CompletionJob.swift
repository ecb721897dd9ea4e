// SPDX-License-Identifier: MIT
internal import BeastMedia
private import Glibc

/// Hides a part of pictures and lets a masked autoencoder complete them.
public struct CompletionJob: Sendable {
    public var paths: [String]
    /// A PNG file with one row a picture: original, seen, predicted, completed.
    public var sheetPath: String?
    /// A folder that gets each completed picture as `NAME.png`; it is made if its parent is there.
    public var folder: String?
    /// The part of the patches that is hidden, 0 to 1.
    public var maskRatio = 0.75
    public var seed: UInt64 = 1
    /// Pictures computed at a time, 1 or more.
    public var batchSize = 8
    /// Threads that read pictures, 1 or more.
    public var threadCount = 1
    public var allowsTruncated = false
    /// Where the job lists its temporary files while it runs. Abandoning the list, from any thread, ends the job.
    public var pendingFiles = PendingFiles()

    public init(paths: [String]) { self.paths = paths }

    /// A picture that was completed.
    public struct Item: Sendable, Encodable {
        public let path: String
        /// The file it was written to; nil without a folder.
        public let output: String?
        /// Over the hidden patches, in normalised units.
        public let meanSquaredError: Double
    }

    /// What was done.
    public struct Summary: Sendable {
        public var items: [Item] = []
        public var failures: [EmbeddingSummary.Failure] = []

        /// Over all pictures.
        public var meanSquaredError: Double {
            items.isEmpty ? 0 : items.map(\.meanSquaredError).reduce(0, +) / Double(items.count)
        }
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    public func check() throws {
        guard maskRatio >= 0, maskRatio < 1 else {
            throw MenagerieError(.usage, "mask ratio \(maskRatio): must be at least 0 and less than 1")
        }
        guard sheetPath != nil || folder != nil else {
            throw MenagerieError(.usage, "no output is named; give a sheet (.png) or a folder")
        }
        if let sheetPath {
            guard sheetPath.lowercased().hasSuffix(".png") else {
                throw MenagerieError(.usage, "\(sheetPath): a sheet is a .png file")
            }
            if let identity = FileIdentity(sheetPath), let same = paths.first(where: { FileIdentity($0) == identity }) {
                throw MenagerieError(
                    .usage, "\(sheetPath): the sheet is also an input (\(same)); choose another name")
            }
            try OutputFile.check(sheetPath)
        }
        if let folder {
            let code = mkdir(folder, 0o777)
            guard code == 0 || errno == EEXIST else {
                throw MenagerieError(
                    .outputCannotBeCreated, "\(folder): cannot create the folder: \(String(cString: strerror(errno)))")
            }
            var names = CompletionNames(folder: folder)
            for path in paths {
                let output = names.next(for: path)
                if let identity = FileIdentity(output), let same = paths.first(where: { FileIdentity($0) == identity })
                {
                    throw MenagerieError(.usage, "\(output): would be written over an input (\(same))")
                }
            }
        }
    }

    /// Does it.
    /// - Parameter report: called on this thread.
    /// - Throws: ``MenagerieError`` when an output cannot be written or no picture at all could be read; what the model
    ///   and the backend throw.
    public func run(_ model: CompletionModel, report: (EmbeddingJob.Event) -> Void = { _ in }) throws -> Summary {
        try check()
        let (preprocessing, options) = (model.preprocessing, PictureOptions(allowsTruncated: allowsTruncated))
        let stream = try PictureStream(
            paths: paths, threadCount: threadCount, capacity: 2 * batchSize + threadCount,
            prepare: { path in
                Result { () throws(MediaError) in
                    try preprocessing.values(of: Picture(contentsOfFile: path, options: options))
                }
            })
        defer { stream.cancel() }
        var summary = Summary()
        var sheet = CompletionSheet()
        var names = folder.map { CompletionNames(folder: $0) }
        var batch: [(sample: Int, path: String, output: String?, numbers: [Float])] = []
        func completeBatch() throws {
            let masks = batch.map { model.mask(ratio: maskRatio, seed: seed, sample: $0.sample) }
            for (item, completion) in zip(batch, try model.complete(batch.map(\.numbers), masks: masks)) {
                if sheetPath != nil { sheet.append(completion) }
                if let output = item.output { try write(try completion.completed.pngBytes(), to: output) }
                summary.items.append(
                    Item(path: item.path, output: item.output, meanSquaredError: completion.meanSquaredError))
            }
            batch.removeAll(keepingCapacity: true)
            report(.progress(summary.items.count + summary.failures.count))
        }
        var sample = 0
        while let (path, prepared) = stream.next() {
            if pendingFiles.isAbandoned { throw MenagerieError(.interrupted, "interrupted") }
            let output = names?.next(for: path)
            switch prepared {
            case .success(let numbers): batch.append((sample, path, output, numbers))
            case .failure(let error):
                let failure = EmbeddingSummary.Failure(path: path, error)
                if paths.count == 1 { throw MenagerieError(failure.code, "\(path): \(failure.reason)", cause: error) }
                summary.failures.append(failure)
                report(.failure(failure))
            }
            sample += 1
            if batch.count == batchSize { try completeBatch() }
        }
        try completeBatch()
        guard !summary.items.isEmpty else {
            throw MenagerieError(
                summary.failures.first?.code ?? .inputMissing,
                "none of the \(summary.failures.count) pictures could be read; nothing was written")
        }
        if let sheetPath { try write(try sheet.pngBytes(), to: sheetPath) }
        return summary
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = try OutputFile(path: path, pending: pendingFiles)
        try file.write(bytes)
        try file.commit()
    }
}

/// File names for completed pictures.
private struct CompletionNames {
    let folder: String
    private var names = PictureNames()

    init(folder: String) { self.folder = folder }

    mutating func next(for path: String) -> String { "\(folder)/\(names.next(for: path)).png" }
}
