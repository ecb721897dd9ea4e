// SPDX-License-Identifier: MIT

import Glibc
import Testing

/// A folder that is removed, with the files in it, when its owner lets go of it.
final class TemporaryFolder {
    let path: String

    init(sourceLocation: SourceLocation = #_sourceLocation) throws {
        var template = Array("/tmp/beasts-weights-XXXXXX".utf8CString)
        let made = mkdtemp(&template) != nil
        try #require(made, "no temporary folder can be made", sourceLocation: sourceLocation)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// The names in the folder, sorted.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String = "file") throws -> String {
        try BeastWeightsTests.write(bytes, to: path(name))
        return path(name)
    }
}

/// Writes a whole file.
func write(_ bytes: [UInt8], to path: String) throws {
    let stream = try #require(fopen(path, "wb"))
    defer { fclose(stream) }
    try #require(fwrite(bytes, 1, bytes.count, stream) == bytes.count)
}

/// The whole content of a file.
func fileBytes(_ path: String) throws -> [UInt8] {
    let stream = try #require(fopen(path, "rb"), "\(path) cannot be opened")
    defer { fclose(stream) }
    fseek(stream, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: ftell(stream))
    rewind(stream)
    try #require(fread(&bytes, 1, bytes.count, stream) == bytes.count)
    return bytes
}

/// The bytes of plain values, little-endian.
func bytes<Value: BitwiseCopyable>(of values: [Value]) -> [UInt8] { values.withUnsafeBytes { [UInt8]($0) } }
