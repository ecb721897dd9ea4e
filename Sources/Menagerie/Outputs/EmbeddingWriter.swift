// SPDX-License-Identifier: MIT
internal import BeastWeights

/// Writes embeddings one picture after the other, in any of the formats.
///
/// Nothing is visible under the final names before ``finish(failures:)``; a writer that is let go before leaves nothing.
final class EmbeddingWriter {
    private let output: OutputFile
    private let format: OutputFormat
    /// The paths of the pictures written, one a line; only beside an array.
    private let pathList: OutputFile?
    /// Names the list of failures; nil where there is no folder to put it in.
    let failureListPath: String?
    private let pending: PendingFiles
    /// The shape of one picture's numbers: [D] or [patches, D]. Known from the first picture on.
    private var rowShape: [Int]?
    private(set) var count = 0
    private var paths: [String] = []
    private var reservedByteCount = 0
    private let expectedPaths: [String]

    /// Opens the output.
    /// - Parameter expectedPaths: every picture that may come, so that room for their names can be kept in a header.
    init(path: String, format: OutputFormat, expectedPaths: [String], pending: PendingFiles) throws {
        let files = try EmbeddingFiles(path: path, format: format)
        self.format = format
        self.expectedPaths = expectedPaths
        self.pending = pending
        output = try OutputFile(path: path, pending: pending)
        failureListPath = files.failureList
        pathList = try files.pathList.map { try OutputFile(path: $0, pending: pending) }
    }

    /// Adds a picture.
    /// - Parameter numbers: as many as `rowShape` says.
    func append(path: String, _ numbers: UnsafeBufferPointer<Float>, rowShape: [Int]) throws {
        if self.rowShape == nil {
            self.rowShape = rowShape
            try writeHeader()
        }
        count += 1
        switch format {
        case .npy:
            try output.write(UnsafeRawBufferPointer(numbers))
            try pathList?.write(PathList.line(path))
        case .safetensors:
            try output.write(UnsafeRawBufferPointer(numbers))
            paths.append(path)
        case .csv: try writeLines(path, numbers, width: rowShape.last ?? 0)
        case .jsonl:
            try output.write(
                EmbeddingWriter.object(path, numbers, width: rowShape.last ?? 0, isMatrix: rowShape.count > 1))
        }
    }

    /// Completes the files and makes them appear.
    /// - Parameter failures: pictures that could not be read; they get a list of their own, and an old one goes away.
    func finish(failures: [EmbeddingSummary.Failure]) throws {
        if rowShape == nil {
            rowShape = [0]
            try writeHeader()
        }
        if format.hasCountInHeader { try output.overwriteStart(try header(count: count, paths: paths)) }
        try OutputFile.commit([pathList, try failureList(failures), output].compactMap { $0 })
        if failures.isEmpty, let failureListPath { OutputFile.removeIfThere(failureListPath) }
    }

    /// Hands what was written so far to a pipe's reader.
    func flush() throws { if !output.isSeekable { try output.flush() } }

    // MARK: Headers

    private func writeHeader() throws {
        switch format {
        case .npy, .safetensors:
            let room = try header(count: expectedPaths.count, paths: expectedPaths)
            reservedByteCount = room.count
            try output.write(room)
        case .csv:
            let columns = (0..<(rowShape?.last ?? 0)).map { "d\($0)" }
            let isMatrix = (rowShape?.count ?? 1) > 1
            try output.write(((["path"] + (isMatrix ? ["patch"] : []) + columns).joined(separator: ",")) + "\n")
        case .jsonl: break
        }
    }

    /// The header for this many pictures, as long as the room that was kept for it.
    private func header(count: Int, paths: [String]) throws -> [UInt8] {
        let shape = [count] + (rowShape ?? [])
        switch format {
        case .npy: return try NumpyHeader(element: .float32, shape: shape).reservedBytes()
        case .safetensors:
            let header = try SafetensorsHeader(
                entries: [SafetensorsEntry(name: "embeddings", elementType: .float32, shape: shape)],
                metadata: ["paths": EmbeddingWriter.array(paths)])
            return header.encoded(minimumByteCount: reservedByteCount)
        case .csv, .jsonl: return []
        }
    }

    // MARK: Text

    private func writeLines(_ path: String, _ numbers: UnsafeBufferPointer<Float>, width: Int) throws {
        let quoted = EmbeddingWriter.quoted(path)
        let isMatrix = (rowShape?.count ?? 1) > 1
        for (index, start) in stride(from: 0, to: numbers.count, by: max(1, width)).enumerated() {
            var line = isMatrix ? "\(quoted),\(index)" : quoted
            for number in numbers[start..<start + width] { line += ",\(number)" }
            try output.write(line + "\n")
        }
    }

    /// A field of a CSV line (RFC 4180).
    ///
    /// Scalars are looked at and not characters: a quote with an accent put over it is still a quote to every reader.
    static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { ",\"\n\r".utf8.contains($0) }) else { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { result.unicodeScalars.append(scalar) }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    private static func object(_ path: String, _ numbers: UnsafeBufferPointer<Float>, width: Int, isMatrix: Bool)
        -> String
    {
        func list(_ numbers: Slice<UnsafeBufferPointer<Float>>) -> String {
            // JSON has no word for what is not finite.
            "[" + numbers.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",") + "]"
        }
        let rows = stride(from: 0, to: numbers.count, by: max(1, width)).map { list(numbers[$0..<$0 + width]) }
        let value = isMatrix ? "[" + rows.joined(separator: ",") + "]" : rows.first ?? "[]"
        return "{\"path\":\(JSONString.quoted(path)),\"embedding\":\(value)}\n"
    }

    private static func array(_ paths: [String]) -> String {
        "[" + paths.map(JSONString.quoted).joined(separator: ",") + "]"
    }

    /// The list of failures, written and not yet visible; nil when there is none to write.
    private func failureList(_ failures: [EmbeddingSummary.Failure]) throws -> OutputFile? {
        guard !failures.isEmpty, let failureListPath else { return nil }
        let file = try OutputFile(path: failureListPath, pending: pending)
        try file.write("path,reason\n")
        for failure in failures {
            try file.write("\(EmbeddingWriter.quoted(failure.path)),\(EmbeddingWriter.quoted(failure.reason))\n")
        }
        return file
    }
}
