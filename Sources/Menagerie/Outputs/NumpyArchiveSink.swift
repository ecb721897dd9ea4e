// SPDX-License-Identifier: MIT
internal import BeastWeights

/// `.npz`: a zip archive with a `.npy` member for each array, and the paths as an array of text.
final class NumpyArchiveSink: EmbeddingSink {
    private let output: OutputFile
    private let names: [String]
    private var streams: ArrayStreams?
    private var shapes: [[Int]] = []
    private var checksums: [ZipChecksum] = []
    private var paths: [String] = []

    init(_ output: OutputFile, names: [String]) {
        self.output = output
        self.names = names
    }

    var files: [OutputFile] { [output] }

    func begin(_ shapes: [[Int]]) throws {
        self.shapes = shapes
        checksums = shapes.map { _ in ZipChecksum() }
        streams = try ArrayStreams(output, count: names.count)
        // The first member's start is overwritten at the end, when its size and checksum are known.
        try output.write(try member(0).localHeader + numpyHeader(0))
    }

    func append(path: String, _ rows: [UnsafeBufferPointer<Float>]) throws {
        for (index, row) in rows.enumerated() {
            checksums[index].append(UnsafeRawBufferPointer(row))
            try streams?.append(row, toArray: index)
        }
        paths.append(path)
    }

    func finish() throws {
        var archive = StoredZipDirectory()
        for index in names.indices {
            let member = try member(index)
            archive.append(member)
            if index > 0 {
                try output.write(try member.localHeader + numpyHeader(index))
                try streams?.place(array: index)
            }
        }
        let list = TextArray(paths)
        let member = StoredZipMember(name: "paths.npy", checksum: list.checksum)
        archive.append(member)
        try output.write(member.localHeader)
        try list.forEachPart { try output.write($0) }
        try output.write(archive.bytes)
        try output.overwriteStart(try self.member(0).localHeader + numpyHeader(0))
    }

    private func numpyHeader(_ index: Int) throws -> [UInt8] {
        try NumpyHeader(element: .float32, shape: [paths.count] + shapes[index]).reservedBytes()
    }

    private func member(_ index: Int) throws -> StoredZipMember {
        var checksum = ZipChecksum()
        try numpyHeader(index).withUnsafeBytes { checksum.append($0) }
        return StoredZipMember(name: names[index] + ".npy", checksum: checksum.followed(by: checksums[index]))
    }
}

/// Texts as a NumPy array of fixed-width UTF-32 strings.
private struct TextArray {
    private let texts: [String]
    private let width: Int

    init(_ texts: [String]) {
        self.texts = texts
        width = max(1, texts.map(\.unicodeScalars.count).max() ?? 0)
    }

    func forEachPart(_ body: ([UInt8]) throws -> Void) rethrows {
        try body(header)
        for text in texts {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(4 * width)
            for scalar in text.unicodeScalars {
                withUnsafeBytes(of: scalar.value.littleEndian) { bytes.append(contentsOf: $0) }
            }
            bytes += [UInt8](repeating: 0, count: 4 * width - bytes.count)
            try body(bytes)
        }
    }

    var checksum: ZipChecksum {
        var checksum = ZipChecksum()
        forEachPart { part in part.withUnsafeBytes { checksum.append($0) } }
        return checksum
    }

    private var header: [UInt8] {
        let text = "{'descr': '<U\(width)', 'fortran_order': False, 'shape': (\(texts.count),), }"
        let padded = text + String(repeating: " ", count: 127 - 10 - text.utf8.count) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(padded.utf8.count), 0] + Array(padded.utf8)
    }
}
