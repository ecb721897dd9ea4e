// SPDX-License-Identifier: MIT

/// Writes embeddings one picture after the other, in any of the formats.
///
/// Nothing is visible under the final names before ``finish(failures:)``; a writer that is let go before leaves nothing.
final class EmbeddingWriter {
    private let sink: any EmbeddingSink
    private let output: OutputFile
    private let names: [String]
    /// Names the list of failures; nil where there is no folder to put it in.
    let failureListPath: String?
    private let pending: PendingFiles
    private var hasBegun = false

    /// Opens the output.
    /// - Parameters:
    ///   - names: of the arrays.
    ///   - expectedPaths: every picture that may come, so that room for their names can be kept in a header.
    init(path: String, format: OutputFormat, names: [String], expectedPaths: [String], pending: PendingFiles) throws {
        let files = try EmbeddingFiles(path: path, format: format)
        self.pending = pending
        self.names = names
        output = try OutputFile(path: path, pending: pending)
        failureListPath = files.failureList
        switch format {
        case .npy:
            sink = NumpySink(output, pathList: try files.pathList.map { try OutputFile(path: $0, pending: pending) })
        case .npz: sink = NumpyArchiveSink(output, names: names)
        case .safetensors: sink = SafetensorsSink(output, names: names, expectedPaths: expectedPaths)
        case .csv: sink = CSVSink(output, names: names)
        case .jsonl: sink = JSONLinesSink(output, names: names)
        }
    }

    /// Adds a picture.
    /// - Parameters:
    ///   - rows: its numbers for each array, as many as the shapes say.
    ///   - shapes: [D], [patches, D] or [rows, columns, channels] for each array; the same for every picture.
    func append(path: String, _ rows: [UnsafeBufferPointer<Float>], shapes: [[Int]]) throws {
        if !hasBegun {
            hasBegun = true
            try sink.begin(shapes)
        }
        try sink.append(path: path, rows)
    }

    /// Completes the files and makes them appear.
    /// - Parameter failures: pictures that could not be read; they get a list of their own, and an old one goes away.
    func finish(failures: [EmbeddingSummary.Failure]) throws {
        if !hasBegun { try sink.begin(names.map { _ in [0] }) }
        try sink.finish()
        let lists = [try failureList(failures)].compactMap { $0 }
        try OutputFile.commit(sink.files.dropLast() + lists + sink.files.suffix(1))
        if failures.isEmpty, let failureListPath { OutputFile.removeIfThere(failureListPath) }
    }

    /// Hands what was written so far to a pipe's reader.
    func flush() throws { if !output.isSeekable { try output.flush() } }

    /// The list of failures, written and not yet visible; nil when there is none to write.
    private func failureList(_ failures: [EmbeddingSummary.Failure]) throws -> OutputFile? {
        guard !failures.isEmpty, let failureListPath else { return nil }
        return try EmbeddingWriter.failureList(failures, path: failureListPath, pending: pending)
    }

    /// A list of failures, written and not yet visible.
    static func failureList(
        _ failures: [EmbeddingSummary.Failure], path: String, pending: PendingFiles
    ) throws -> OutputFile {
        let file = try OutputFile(path: path, pending: pending)
        try file.write("path,reason\n")
        for failure in failures {
            try file.write("\(CSVSink.quoted(failure.path)),\(CSVSink.quoted(failure.reason))\n")
        }
        return file
    }
}
