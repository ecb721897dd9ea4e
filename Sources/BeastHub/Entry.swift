// SPDX-License-Identifier: MIT
private import Glibc

/// What stands under a path, links not followed.
struct Entry {
    enum Kind {
        case file
        case folder
        case link
        case other
    }

    let kind: Kind

    init(_ path: String) {
        var information = stat()
        guard lstat(path, &information) == 0 else {
            kind = .other
            return
        }
        switch information.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .folder
        case S_IFLNK: kind = .link
        default: kind = .other
        }
    }

    var isFolder: Bool { kind == .folder }

    /// Bytes of a regular file, links followed; nil for anything else.
    static func size(_ path: String) -> Int64? {
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(information.st_size)
    }

    /// The file system that holds a path, links followed; nil for what is not there.
    static func device(_ path: String) -> UInt64? {
        var information = stat()
        return stat(path, &information) == 0 ? UInt64(information.st_dev) : nil
    }

    /// Where a link leads; nil for what is none.
    static func target(_ path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}
