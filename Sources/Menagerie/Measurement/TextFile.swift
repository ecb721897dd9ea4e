// SPDX-License-Identifier: MIT
private import Glibc

/// Small files of the system, which have no size before they are read.
enum TextFile {
    /// At most 64 KiB of a file; nil where it cannot be read.
    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 16 {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What stands behind `key` and `separator` in the first line that begins so, without blanks and quotes around it.
    static func value(_ key: String, _ separator: Character, in text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            guard let place = line.firstIndex(of: separator) else { continue }
            let value = line[line.index(after: place)...].drop { $0.isWhitespace || $0 == "\"" }
            return String(value.reversed().drop { $0.isWhitespace || $0 == "\"" }.reversed())
        }
        return nil
    }
}
