// SPDX-License-Identifier: MIT
internal import BeastCore

/// Turns codes back into pictures.
public struct DecodingJob: Sendable {
    /// A `.npy` file of codes.
    public var codesPath: String
    public var output: PictureOutput
    public var pendingFiles = PendingFiles()

    public init(codesPath: String, output: PictureOutput) {
        self.codesPath = codesPath
        self.output = output
    }

    /// Refuses what cannot work, before anything is loaded or computed, and reads the codes.
    public func check(_ card: GeneratorCard) throws -> CodeFile {
        guard !output.isNowhere else {
            throw MenagerieError(.usage, "no output is named; give a grid (.png) or a folder")
        }
        let file = try CodeFile(contentsOfFile: codesPath)
        let count = file.codes[0].count
        guard file.grid != nil || count == card.codesPerPicture else {
            throw MenagerieError(
                .badData,
                "\(codesPath): \(count) codes a picture; \(card.name) has \(card.codesPerPicture), a grid of "
                    + "\(card.tokenizer.gridSize) x \(card.tokenizer.gridSize) (for another grid give [pictures, rows, columns])"
            )
        }
        for (picture, codes) in file.codes.enumerated() {
            if let position = codes.firstIndex(where: { $0 < 0 || $0 >= card.tokenizer.codeCount }) {
                throw MenagerieError(
                    .badData,
                    "\(codesPath): code \(codes[position]) at position \(position) of picture \(picture); the codes of "
                        + "\(card.name) are 0 to \(card.tokenizer.codeCount - 1)")
            }
        }
        try output.check(inputs: [codesPath])
        return file
    }

    /// Does it.
    /// - Parameter report: told how many pictures are done, on this thread.
    /// - Returns: how many pictures there are.
    public func run(_ model: GenerativeModel, report: (Int) -> Void = { _ in }) throws -> Int {
        let file = try check(model.card)
        var writer = PictureWriter(output, pending: pendingFiles)
        let grid = file.grid
        let side = model.card.imageSize
        let atOnce = try model.tokenizer.picturesAtOnce(height: side, width: side)
        for start in stride(from: 0, to: file.codes.count, by: atOnce) {
            if pendingFiles.isAbandoned { throw MenagerieError(.interrupted, "interrupted") }
            let batch = Array(file.codes[start..<min(file.codes.count, start + atOnce)])
            for (index, picture) in try model.decode(batch, rows: grid?.rows, columns: grid?.columns).enumerated() {
                try writer.append(picture, name: GenerationJob.name(start + index))
            }
            report(start + batch.count)
        }
        try writer.finish()
        return file.codes.count
    }
}
