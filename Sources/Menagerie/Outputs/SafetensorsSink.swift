// SPDX-License-Identifier: MIT
internal import BeastWeights

/// `.safetensors`: a tensor for each array, the paths as JSON text in the metadata.
final class SafetensorsSink: EmbeddingSink {
    private let output: OutputFile
    private let names: [String]
    private let expectedPaths: [String]
    private var streams: ArrayStreams?
    private var shapes: [[Int]] = []
    private var paths: [String] = []
    private var reservedByteCount = 0
    /// Which array lies where: the format has an order of its own.
    private var order: [Int] = []

    /// - Parameter expectedPaths: every picture that may come, so that room for their names can be kept in the header.
    init(_ output: OutputFile, names: [String], expectedPaths: [String]) {
        self.output = output
        self.names = names
        self.expectedPaths = expectedPaths
    }

    var files: [OutputFile] { [output] }

    func begin(_ shapes: [[Int]]) throws {
        self.shapes = shapes
        let room = try header(paths: expectedPaths)
        order = room.entries.compactMap { names.firstIndex(of: $0.name) }
        let bytes = room.encoded()
        reservedByteCount = bytes.count
        streams = try ArrayStreams(output, count: names.count)
        try output.write(bytes)
    }

    func append(path: String, _ rows: [UnsafeBufferPointer<Float>]) throws {
        for (place, index) in order.enumerated() { try streams?.append(rows[index], toArray: place) }
        paths.append(path)
    }

    func finish() throws {
        for place in order.indices.dropFirst() { try streams?.place(array: place) }
        try output.overwriteStart(try header(paths: paths).encoded(minimumByteCount: reservedByteCount))
    }

    private func header(paths: [String]) throws -> SafetensorsHeader {
        try SafetensorsHeader(
            entries: zip(names, shapes).map { name, shape in
                SafetensorsEntry(name: name, elementType: .float32, shape: [paths.count] + shape)
            },
            metadata: ["paths": "[" + paths.map(JSONString.quoted).joined(separator: ",") + "]"])
    }
}
