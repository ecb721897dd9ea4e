// SPDX-License-Identifier: MIT
import BeastCore
import Glibc

/// The folder of the test executable, where the package's dynamic libraries are built too.
let buildFolder: String = {
    guard let pointer = realpath("/proc/self/exe", nil) else { return "." }
    defer { free(pointer) }
    let executable = String(cString: pointer)
    return String(executable[..<(executable.lastIndex(of: "/") ?? executable.startIndex)])
}()

/// A folder of its own for a test's plugins, removed with the object.
final class PluginFolder {
    let path: String
    private var files: [String] = []

    init() throws {
        var template = Array("/tmp/beasts-plugins-XXXXXX".utf8CString)
        guard let pointer = mkdtemp(&template) else { throw FileError(what: "mkdtemp") }
        path = String(cString: pointer)
    }

    deinit {
        for file in files { unlink(file) }
        rmdir(path)
    }

    /// A copy of a built library under another name; the broken plugin reads its fault from that name.
    /// - Parameter change: what is done to the bytes.
    @discardableResult
    func add(_ library: String, as name: String, _ change: (inout [UInt8]) -> Void = { _ in }) throws -> String {
        var bytes = try read("\(buildFolder)/lib\(library).so")
        change(&bytes)
        return try write(bytes, as: name)
    }

    @discardableResult
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        let file = "\(path)/\(name)"
        guard let stream = fopen(file, "wb") else { throw FileError(what: file) }
        defer { fclose(stream) }
        guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else { throw FileError(what: file) }
        files.append(file)
        return file
    }

    private func read(_ file: String) throws -> [UInt8] {
        guard let stream = fopen(file, "rb") else { throw FileError(what: file) }
        defer { fclose(stream) }
        fseek(stream, 0, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: ftell(stream))
        fseek(stream, 0, SEEK_SET)
        guard fread(&bytes, 1, bytes.count, stream) == bytes.count else { throw FileError(what: file) }
        return bytes
    }
}

struct FileError: Error { var what: String }

extension [UInt8] {
    /// Puts one text in place of another of the same length, everywhere.
    mutating func replace(_ old: String, with new: String) {
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        precondition(old.count == new.count)
        var start = 0
        while start + old.count <= count {
            if self[start] == old[0], self[start..<(start + old.count)].elementsEqual(old) {
                replaceSubrange(start..<(start + old.count), with: new)
            }
            start += 1
        }
    }
}
