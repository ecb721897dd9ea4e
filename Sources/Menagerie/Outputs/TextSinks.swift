// SPDX-License-Identifier: MIT
internal import BeastWeights

/// `.csv`: a line for each row of numbers, with the path, the layer where there are several, and the patch.
final class CSVSink: EmbeddingSink {
    private let output: OutputFile
    private let names: [String]
    private var shapes: [[Int]] = []

    init(_ output: OutputFile, names: [String]) {
        self.output = output
        self.names = names
    }

    var files: [OutputFile] { [output] }

    func begin(_ shapes: [[Int]]) throws {
        self.shapes = shapes
        let isMatrix = (shapes.first?.count ?? 1) > 1
        let columns = (0..<(shapes.first?.last ?? 0)).map { "d\($0)" }
        let fields = ["path"] + (names.count > 1 ? ["layer"] : []) + (isMatrix ? ["patch"] : []) + columns
        try output.write(fields.joined(separator: ",") + "\n")
    }

    func append(path: String, _ rows: [UnsafeBufferPointer<Float>]) throws {
        for (index, numbers) in rows.enumerated() {
            let start = CSVSink.quoted(path) + (names.count > 1 ? "," + CSVSink.quoted(names[index]) : "")
            let width = shapes[index].last ?? 0
            for (patch, first) in stride(from: 0, to: numbers.count, by: max(1, width)).enumerated() {
                var line = shapes[index].count > 1 ? "\(start),\(patch)" : start
                for number in numbers[first..<first + width] { line += ",\(number)" }
                try output.write(line + "\n")
            }
        }
    }

    func finish() throws {}

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
}

/// `.jsonl`: an object a picture, with `embedding`, or `embeddings` by layer where there are several.
final class JSONLinesSink: EmbeddingSink {
    private let output: OutputFile
    private let names: [String]
    private var shapes: [[Int]] = []

    init(_ output: OutputFile, names: [String]) {
        self.output = output
        self.names = names
    }

    var files: [OutputFile] { [output] }

    func begin(_ shapes: [[Int]]) throws { self.shapes = shapes }

    func append(path: String, _ rows: [UnsafeBufferPointer<Float>]) throws {
        let values = rows.enumerated().map { index, numbers in JSONLinesSink.list(numbers[...], shapes[index][...]) }
        let value =
            names.count == 1
            ? "\"embedding\":\(values[0])"
            : "\"embeddings\":{"
                + zip(names, values).map { "\(JSONString.quoted($0)):\($1)" }.joined(separator: ",") + "}"
        try output.write("{\"path\":\(JSONString.quoted(path)),\(value)}\n")
    }

    func finish() throws {}

    /// Nested lists, as deep as the shape.
    private static func list(_ numbers: Slice<UnsafeBufferPointer<Float>>, _ shape: ArraySlice<Int>) -> String {
        guard shape.count > 1, let count = shape.first, count > 0 else {
            // JSON has no word for what is not finite.
            return "[" + numbers.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",") + "]"
        }
        let length = numbers.count / count
        let parts = (0..<count).map { index in
            let start = numbers.startIndex + index * length
            return list(numbers[start..<start + length], shape.dropFirst())
        }
        return "[" + parts.joined(separator: ",") + "]"
    }
}
