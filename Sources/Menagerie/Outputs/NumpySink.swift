// SPDX-License-Identifier: MIT
internal import BeastWeights

/// `.npy`: one array, the paths in a text file beside it.
final class NumpySink: EmbeddingSink {
    private let output: OutputFile
    private let pathList: OutputFile?
    private var shape: [Int] = []
    private var count = 0

    init(_ output: OutputFile, pathList: OutputFile?) {
        self.output = output
        self.pathList = pathList
    }

    var files: [OutputFile] { [pathList, output].compactMap { $0 } }

    func begin(_ shapes: [[Int]]) throws {
        shape = shapes.first ?? []
        // Overwritten at the end, when the number of pictures is known.
        try output.write(try header())
    }

    func append(path: String, _ rows: [UnsafeBufferPointer<Float>]) throws {
        for row in rows { try output.write(UnsafeRawBufferPointer(row)) }
        try pathList?.write(PathList.line(path))
        count += 1
    }

    func finish() throws { try output.overwriteStart(try header()) }

    private func header() throws -> [UInt8] {
        try NumpyHeader(element: .float32, shape: [count] + shape).reservedBytes()
    }
}
