// SPDX-License-Identifier: MIT
private import Glibc

/// Folders and what is directly in them.
enum Folder {
    /// Makes a folder and those it lies in.
    /// - Returns: 0, or the number of the error.
    static func make(_ path: String) -> Int32 {
        if mkdir(path, 0o777) == 0 { return 0 }
        let number = errno
        if number == EEXIST {
            var information = stat()
            return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR ? 0 : ENOTDIR
        }
        guard number == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return number }
        let outer = make(String(path[..<slash]))
        guard outer == 0 else { return outer }
        return mkdir(path, 0o777) == 0 || errno == EEXIST ? 0 : errno
    }

    /// The names in a folder, sorted, without `.` and `..`; none for what is no folder.
    /// - Parameter followsLink: whether a link to a folder counts as one.
    static func names(_ path: String, followsLink: Bool = false) -> [String] {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followsLink ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else { return [] }
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Makes names in a folder outlast a loss of power.
    static func sync(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Bytes that may still be written to the file system that holds a path; nil where that cannot be told.
    static func freeByteCount(_ path: String) -> Int64? {
        var information = statvfs()
        guard statvfs(path, &information) == 0 else { return nil }
        let (bytes, overflow) = Int64(clamping: information.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: information.f_frsize))
        return overflow ? .max : bytes
    }
}
