// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastMedia

/// Pictures on their way to a tokeniser: read and prepared ahead, given out in batches.
struct TokenizerInputs {
    let paths: [String]
    /// Sides of what the tokeniser gets, in pixels.
    let size: Int
    let preprocessing: Preprocessing
    /// Pixels of a code: a picture that is smaller has none.
    let codeSide: Int
    let threadCount: Int
    let allowsTruncated: Bool

    /// A picture that was read.
    struct Item {
        /// Its place among the paths.
        let number: Int
        let path: String
        /// [size, size, 3], -1 to 1.
        let values: [Float]
    }

    /// - Throws: ``MenagerieError`` for a size that is no whole number of codes.
    init(
        paths: [String], card: GeneratorCard, size: Int?, threadCount: Int, allowsTruncated: Bool
    ) throws {
        let codeSide = card.tokenizer.downsampling
        self.size = size ?? card.imageSize
        guard self.size >= codeSide, self.size % codeSide == 0 else {
            throw MenagerieError(
                .usage,
                "size \(self.size): \(card.name) has a code for each \(codeSide) x \(codeSide) pixels, so sizes are "
                    + "multiples of \(codeSide)")
        }
        self.paths = paths
        self.codeSide = codeSide
        self.threadCount = threadCount
        self.allowsTruncated = allowsTruncated
        preprocessing = card.preprocessing(size: self.size)
    }

    /// Runs `body` for each batch, until it says no.
    /// - Parameters:
    ///   - fail: told of each picture that could not be read, on this thread.
    ///   - pending: abandoning it ends the run.
    /// - Throws: what `body` throws; ``MenagerieError`` when the only picture could not be read.
    func forEachBatch(
        of count: Int, pending: PendingFiles, fail: (EmbeddingSummary.Failure) -> Void, body: ([Item]) throws -> Bool
    ) throws {
        let (preprocessing, codeSide) = (preprocessing, codeSide)
        let options = PictureOptions(allowsTruncated: allowsTruncated)
        let stream = try PictureStream(
            paths: paths, threadCount: threadCount, capacity: 2 * count + threadCount,
            prepare: { path in
                Result { () throws(MediaError) in
                    let picture = try Picture(contentsOfFile: path, options: options)
                    guard min(picture.width, picture.height) >= codeSide else {
                        throw MediaError(
                            .invalidArgument,
                            "the picture has \(picture.width) x \(picture.height) pixels, and one code stands for "
                                + "\(codeSide) x \(codeSide)")
                    }
                    return try preprocessing.values(of: picture)
                }
            })
        defer { stream.cancel() }
        var batch: [Item] = []
        var number = 0
        while let (path, prepared) = stream.next() {
            if pending.isAbandoned { throw MenagerieError(.interrupted, "interrupted") }
            switch prepared {
            case .success(let values): batch.append(Item(number: number, path: path, values: values))
            case .failure(let error):
                let failure = EmbeddingSummary.Failure(path: path, error)
                if paths.count == 1 { throw MenagerieError(failure.code, "\(path): \(failure.reason)", cause: error) }
                fail(failure)
            }
            number += 1
            if batch.count == count {
                guard try body(batch) else { return }
                batch.removeAll(keepingCapacity: true)
            }
        }
        if !batch.isEmpty { _ = try body(batch) }
    }

    /// - Throws: ``MenagerieError`` when not one picture could be read.
    static func refuseNothing(_ count: Int, _ failures: [EmbeddingSummary.Failure]) throws {
        guard count == 0 else { return }
        throw MenagerieError(
            failures.first?.code ?? .inputMissing,
            "none of the \(failures.count) pictures could be read; nothing was written")
    }
}
