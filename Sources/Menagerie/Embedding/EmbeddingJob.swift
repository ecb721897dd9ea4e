// SPDX-License-Identifier: MIT
public import BeastCore
public import BeastMedia

/// The main job: many pictures through one model into one file.
///
/// Pictures are read and prepared on threads of their own while the backend computes; order of output is order of input;
/// memory is bounded by the batch and the read-ahead, not by the number of pictures.
public struct EmbeddingJob: Sendable {
    public var paths: [String]
    public var outputPath: String
    public var format: OutputFormat
    /// Pictures computed at a time, 1 or more.
    public var batchSize = 8
    /// Threads that read pictures, 1 or more.
    public var threadCount = 1
    public var preprocessing: Preprocessing
    public var layer: VisionTransformer.Layer = .norm
    public var token: EmbeddingModel.Token = .cls
    /// Scale every row to length 1. A row of zeros stays as it is.
    public var normalizesRows = false
    /// Stop at the first picture that cannot be read.
    public var stopsAtFailure = false
    public var allowsTruncated = false
    /// Where the job lists its temporary files while it runs. Abandoning the list, from any thread, ends the job.
    public var pendingFiles = PendingFiles()

    public init(paths: [String], outputPath: String, format: OutputFormat, preprocessing: Preprocessing) {
        self.paths = paths
        self.outputPath = outputPath
        self.format = format
        self.preprocessing = preprocessing
    }

    /// What happens along the way.
    public enum Event: Sendable {
        /// This many pictures are done, failed ones included.
        case progress(Int)
        case failure(EmbeddingSummary.Failure)
    }

    /// Does it.
    /// - Parameter report: called on this thread.
    /// - Throws: ``MenagerieError`` when the output cannot be created or written, when no picture at all could be read,
    ///   or at the first failure if asked to stop there; what the backend throws.
    public func run(_ model: EmbeddingModel, report: (Event) -> Void = { _ in }) throws -> EmbeddingSummary {
        try validate(model.card)
        let writer = try EmbeddingWriter(path: outputPath, format: format, expectedPaths: paths, pending: pendingFiles)
        let stream = try PictureStream(
            paths: paths, threadCount: threadCount, capacity: 2 * batchSize + threadCount, prepare: preparation)
        defer { stream.cancel() }
        var summary = EmbeddingSummary(model: model.card.name, output: outputPath)
        var batch: [(path: String, numbers: [Float])] = []
        while let (path, prepared) = stream.next() {
            if pendingFiles.isAbandoned { throw MenagerieError(.interrupted, "interrupted; nothing was written") }
            switch prepared {
            case .success(let numbers): batch.append((path, numbers))
            case .failure(let error):
                let failure = EmbeddingSummary.Failure(path: path, error)
                // Said once: the error that ends the job tells it.
                if stopsAtFailure || paths.count == 1 {
                    throw MenagerieError(failure.code, "\(path): \(failure.reason); nothing was written", cause: error)
                }
                summary.failures.append(failure)
                report(.failure(failure))
            }
            if batch.count == batchSize {
                try embed(&batch, model, writer, &summary)
                report(.progress(summary.succeeded + summary.failures.count))
            }
        }
        try embed(&batch, model, writer, &summary)
        report(.progress(summary.succeeded + summary.failures.count))
        guard summary.succeeded > 0 else {
            throw MenagerieError(
                summary.failures.first?.code ?? .inputMissing,
                "none of the \(summary.failures.count) pictures could be read; nothing was written")
        }
        try writer.finish(failures: summary.failures)
        return summary
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    /// - Throws: ``MenagerieError`` for numbers out of range, a layer the model does not have, an output that is also an
    ///   input, or an output that cannot be made.
    public func check(for card: ModelCard) throws {
        try validate(card)
        let files = try EmbeddingFiles(path: outputPath, format: format)
        try files.checkAgainst(inputs: paths)
        try files.check()
    }

    private func validate(_ card: ModelCard) throws {
        guard batchSize >= 1 else { throw MenagerieError(.usage, "batch size \(batchSize): must be 1 or more") }
        guard threadCount >= 1 else { throw MenagerieError(.usage, "\(threadCount) threads: must be 1 or more") }
        guard VisionTransformer.layers(of: card.configuration).contains(layer) else {
            throw MenagerieError(
                .usage, "\(card.name) has no layer '\(layer.name)'; beasts show \(card.name) lists them")
        }
        if let size = preprocessing.cropSize, size < card.configuration.patchSize {
            throw MenagerieError(
                .usage,
                "size \(size) is less than one patch: the patches of \(card.name) are \(card.configuration.patchSize) wide"
            )
        }
    }

    /// Reads a picture and makes it the model's input.
    private var preparation: @Sendable (String) -> PictureStream.Prepared {
        let (preprocessing, options) = (preprocessing, PictureOptions(allowsTruncated: allowsTruncated))
        return { path in
            Result { () throws(MediaError) in
                try preprocessing.values(of: Picture(contentsOfFile: path, options: options))
            }
        }
    }

    /// Computes a batch and writes its rows. The batch is empty afterwards.
    private func embed(
        _ batch: inout [(path: String, numbers: [Float])], _ model: EmbeddingModel, _ writer: EmbeddingWriter,
        _ summary: inout EmbeddingSummary
    ) throws {
        guard !batch.isEmpty, let size = preprocessing.cropSize else { return }
        let input = try model.session.makeTensor([batch.count, size, size, 3])
        for (index, item) in batch.enumerated() {
            try model.session.upload(item.numbers, to: input.slice(0, index..<index + 1))
        }
        let embedded = try model.embed(input, layer: layer, token: token)
        let rowShape = Array(embedded.shape.dropFirst())
        var numbers = try model.session.download(embedded)
        let rowLength = rowShape.reduce(1, *)
        if normalizesRows { EmbeddingJob.normalize(&numbers, width: rowShape.last ?? 1) }
        try numbers.withUnsafeBufferPointer { numbers in
            for (index, item) in batch.enumerated() {
                let row = UnsafeBufferPointer(rebasing: numbers[index * rowLength..<(index + 1) * rowLength])
                try writer.append(path: item.path, row, rowShape: rowShape)
            }
        }
        try writer.flush()
        summary.succeeded += batch.count
        summary.shape = [summary.succeeded] + rowShape
        batch.removeAll(keepingCapacity: true)
    }

    /// Scales each row to Euclidean length 1.
    static func normalize(_ numbers: inout [Float], width: Int) {
        for start in stride(from: 0, to: numbers.count, by: max(1, width)) {
            var squares = 0.0
            for index in start..<start + width { squares += Double(numbers[index]) * Double(numbers[index]) }
            guard squares > 0 else { continue }
            let factor = 1 / squares.squareRoot()
            for index in start..<start + width { numbers[index] = Float(Double(numbers[index]) * factor) }
        }
    }
}

extension Preprocessing {
    /// The numbers of a picture, [height, width, 3].
    func values(of picture: Picture) throws(MediaError) -> [Float] {
        let size = try outputSize(for: picture)
        var values = [Float](repeating: 0, count: size.width * size.height * 3)
        let result = values.withUnsafeMutableBufferPointer { buffer in
            Result { () throws(MediaError) in try apply(to: picture, into: buffer) }
        }
        try result.get()
        return values
    }
}
