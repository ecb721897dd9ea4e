// SPDX-License-Identifier: MIT
internal import BeastCore
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
    /// Names of the model's layers; none of them for the one that the embedding is taken from.
    public var layers: [String] = []
    /// nil for the model's standard: the CLS token, or the mean of a feature map.
    public var token: FeatureRequest.Token?
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

    /// The first pictures, read while something else is done: while the model is loaded, as a rule. Reading ends with it.
    public final class ReadAhead {
        fileprivate let stream: PictureStream
        fileprivate var isUsed = false
        fileprivate init(_ stream: PictureStream) { self.stream = stream }
        deinit { stream.cancel() }
    }

    /// Begins to read the pictures of this job, so many as it holds at a time.
    /// - Throws: ``MenagerieError`` when no thread can be started.
    public func readAhead() throws -> ReadAhead {
        ReadAhead(
            try PictureStream(
                paths: paths, threadCount: threadCount, capacity: 2 * batchSize + threadCount, prepare: preparation))
    }

    /// Does it.
    /// - Parameters:
    ///   - pictures: of this very job, where it has begun to read.
    ///   - report: called on this thread.
    /// - Throws: ``MenagerieError`` when the output cannot be created or written, when no picture at all could be read,
    ///   or at the first failure if asked to stop there; what the backend throws.
    public func run(_ model: EmbeddingModel, reading pictures: ReadAhead? = nil, report: (Event) -> Void = { _ in })
        throws
        -> EmbeddingSummary
    {
        let requests = try validate(model.card)
        let writer = try EmbeddingWriter(
            path: outputPath, format: format, names: EmbeddingJob.names(of: requests), expectedPaths: paths,
            pending: pendingFiles)
        let pictures = try pictures ?? readAhead()
        guard !pictures.isUsed else { throw MenagerieError(.usage, "pictures that were read ahead serve one run") }
        pictures.isUsed = true
        defer { pictures.stream.cancel() }
        var summary = EmbeddingSummary(model: model.card.name, output: outputPath)
        var batch: [(path: String, numbers: [Float])] = []
        while let (path, prepared) = pictures.stream.next() {
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
                try embed(&batch, model, requests, writer, &summary)
                report(.progress(summary.succeeded + summary.failures.count))
            }
        }
        try embed(&batch, model, requests, writer, &summary)
        report(.progress(summary.succeeded + summary.failures.count))
        guard summary.succeeded > 0 else {
            throw MenagerieError(
                summary.failures.first?.code ?? .inputMissing,
                "none of the \(summary.failures.count) pictures could be read; nothing was written")
        }
        try writer.finish(failures: summary.failures)
        if !summary.failures.isEmpty { summary.failureList = writer.failureListPath }
        return summary
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    /// - Throws: ``MenagerieError`` for numbers out of range, a layer the model does not have, an output that is also an
    ///   input, or an output that cannot be made.
    public func check(for card: ModelCard) throws {
        _ = try validate(card)
        let files = try EmbeddingFiles(path: outputPath, format: format)
        try files.checkAgainst(inputs: paths)
        try files.check()
    }

    /// What a user should know of the request although it can be done; nil when there is nothing to say.
    public func note(for card: ModelCard) -> String? {
        if card.isRetired {
            return "\(card.name) is no longer in the published list; its weights may be gone from the hub"
        }
        if let size = preprocessing.cropSize, case .visionTransformer(let network) = card.network,
            size % network.patchSize != 0
        {
            return "size \(size) is not a multiple of the patch size \(network.patchSize): the last "
                + "\(size % network.patchSize) rows and columns of pixels are not seen"
        }
        return nil
    }

    /// What is to be computed, checked.
    private func validate(_ card: ModelCard) throws -> [FeatureRequest] {
        guard batchSize >= 1 else { throw MenagerieError(.usage, "batch size \(batchSize): must be 1 or more") }
        guard threadCount >= 1 else { throw MenagerieError(.usage, "\(threadCount) threads: must be 1 or more") }
        if let size = preprocessing.cropSize, size < card.network.smallestImageSize {
            throw MenagerieError(
                .usage,
                "size \(size) is less than one patch: the patches of \(card.name) are "
                    + "\(card.network.smallestImageSize) wide")
        }
        let requests = try card.network.requests(layers: layers, token: token, ofModel: card.name)
        guard requests.count == 1 || format.holdsSeveralArrays else {
            throw MenagerieError(
                .usage, "\(outputPath): .npy holds one array; for several layers use .npz or .safetensors")
        }
        if format == .csv {
            let shapes = card.network.layers.filter { layers.contains($0.name) }.map(\.shape)
            guard Set(shapes.map { $0.last ?? 0 }).count <= 1 else {
                throw MenagerieError(
                    .usage, "\(outputPath): these layers have rows of different length; use .npz or .safetensors")
            }
        }
        return requests
    }

    /// The names of the arrays: `embeddings` for one, the layers' names for several.
    private static func names(of requests: [FeatureRequest]) -> [String] {
        requests.count == 1 ? ["embeddings"] : requests.map(\.layer)
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
        _ batch: inout [(path: String, numbers: [Float])], _ model: EmbeddingModel, _ requests: [FeatureRequest],
        _ writer: EmbeddingWriter, _ summary: inout EmbeddingSummary
    ) throws {
        guard !batch.isEmpty, let size = preprocessing.cropSize else { return }
        let input = try model.session.makeTensor([batch.count, size, size, 3])
        for (index, item) in batch.enumerated() {
            try model.session.upload(item.numbers, to: input.slice(0, index..<index + 1))
        }
        let features = try model.features(requests, of: input)
        let shapes = features.map { Array($0.shape.dropFirst()) }
        var arrays = try features.map { try model.session.download($0) }
        if normalizesRows {
            for index in arrays.indices { EmbeddingJob.normalize(&arrays[index], width: shapes[index].last ?? 1) }
        }
        for (index, item) in batch.enumerated() {
            try EmbeddingJob.withRows(index, of: arrays, pictures: batch.count) { rows in
                try writer.append(path: item.path, rows, shapes: shapes)
            }
        }
        try writer.flush()
        summary.succeeded += batch.count
        summary.arrays = zip(requests, shapes).map { .init(layer: $0.layer, shape: [summary.succeeded] + $1) }
        batch.removeAll(keepingCapacity: true)
    }

    /// Lends the part of each array that belongs to one picture.
    private static func withRows(
        _ picture: Int, of arrays: [[Float]], pictures: Int, _ body: ([UnsafeBufferPointer<Float>]) throws -> Void
    ) throws {
        func lend(_ index: Int, _ rows: [UnsafeBufferPointer<Float>]) throws {
            guard index < arrays.count else { return try body(rows) }
            try arrays[index].withUnsafeBufferPointer { numbers in
                let length = numbers.count / pictures
                let row = UnsafeBufferPointer(rebasing: numbers[picture * length..<(picture + 1) * length])
                try lend(index + 1, rows + [row])
            }
        }
        try lend(0, [])
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
