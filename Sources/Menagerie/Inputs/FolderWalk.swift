// SPDX-License-Identifier: MIT
private import Glibc

/// Collects the pictures below a folder, sorted by the bytes of their names.
struct FolderWalk {
    private(set) var files: [String] = []
    /// Folders seen, so that links in a circle end.
    private var visited: Set<FileIdentity> = []

    /// - Throws: ``MenagerieError`` when the folder cannot be read. A folder further down that cannot be read is taken
    ///   into the list, where reading it reports why.
    mutating func walk(_ folder: String) throws {
        let path = Array(folder.utf8) + (folder.utf8.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")])
        guard walk(bytes: path) else {
            throw MenagerieError(
                .inputMissing, "\(folder): cannot read this folder: \(String(cString: strerror(errno)))")
        }
    }

    /// Works on bytes, since a name need not be UTF-8.
    /// - Parameter folder: ends in a slash.
    /// - Returns: false when the folder cannot be read.
    private mutating func walk(bytes folder: [UInt8]) -> Bool {
        var information = stat()
        guard Self.look(at: folder, &information) else { return false }
        guard visited.insert(FileIdentity(information)).inserted else { return true }
        guard let names = Self.names(in: folder) else { return false }
        for name in names {
            let path = folder + name
            if name.last == UInt8(ascii: "/") {
                if !walk(bytes: path) { files.append(String(decoding: path.dropLast(), as: UTF8.self)) }
            } else if Self.isPicture(name) {
                // A link that leads nowhere is kept: reading it reports that.
                files.append(String(decoding: path, as: UTF8.self))
            }
        }
        return true
    }

    /// What is in a folder and not hidden, folders with a slash at the end; nil when it cannot be read. With the slash,
    /// the order is that of the whole paths.
    private static func names(in folder: [UInt8]) -> [[UInt8]]? {
        guard let stream = withPath(folder, { opendir($0) }) else { return nil }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        var information = stat()
        while let entry = readdir(stream) {
            var name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard name.first != UInt8(ascii: ".") else { continue }
            let isFolder = look(at: folder + name, &information) && information.st_mode & S_IFMT == S_IFDIR
            if isFolder { name.append(UInt8(ascii: "/")) }
            names.append(name)
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func isPicture(_ name: [UInt8]) -> Bool {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return InputList.pictureExtensions.contains(String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased())
    }

    private static func look(at path: [UInt8], _ information: inout stat) -> Bool {
        withPath(path) { stat($0, &information) } == 0
    }

    private static func withPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let terminated = (path + [0]).map { CChar(bitPattern: $0) }
        return terminated.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return body("") }
            return body(base)
        }
    }
}
