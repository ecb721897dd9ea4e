// SPDX-License-Identifier: MIT
private import Glibc

/// Where an output goes, and in which way it may be written there.
struct OutputPlace {
    enum Kind: Equatable {
        /// A regular file, or one that is not there yet.
        case regular
        /// A device or pipe.
        case special
        /// A descriptor of this process that is open already.
        case descriptor(Int32)
    }

    let path: String
    /// The path, or what it links to.
    let target: String
    let kind: Kind

    /// - Throws: ``MenagerieError`` (`outputCannotBeCreated`) for a folder and for a name that cannot be looked up.
    init(_ path: String) throws {
        self.path = path
        target = try OutputPlace.followedOnce(path)
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw MenagerieError(.outputCannotBeCreated, "the output's name is empty or holds a zero byte")
        }
        if let number = OutputPlace.descriptorNumber(path) ?? OutputPlace.descriptorNumber(target) {
            kind = .descriptor(number)
            return
        }
        var information = stat()
        if stat(path, &information) == 0 {
            guard information.st_mode & S_IFMT != S_IFDIR else {
                throw MenagerieError(.outputCannotBeCreated, "\(path): cannot write: this is a folder")
            }
            kind = information.st_mode & S_IFMT == S_IFREG ? .regular : .special
            return
        }
        // Found now, since otherwise the rename at the very end would be the first to fail.
        guard errno == ENOENT else {
            throw MenagerieError(.outputCannotBeCreated, "\(path): cannot create: \(String(cString: strerror(errno)))")
        }
        guard !path.hasSuffix("/") else {
            throw MenagerieError(.outputCannotBeCreated, "\(path): cannot create: a file's name cannot end in /")
        }
        kind = .regular
    }

    /// A name beside the target that no other run uses, hidden, and short enough for every file system.
    func temporaryPath() -> String {
        var name = target
        var folder = ""
        if let slash = target.utf8.lastIndex(of: UInt8(ascii: "/")) {
            folder = String(target[...slash])
            name = String(target[target.utf8.index(after: slash)...])
        }
        var start = ""
        for scalar in name.unicodeScalars where start.utf8.count < 64 { start.unicodeScalars.append(scalar) }
        return "\(folder).\(start).\(String(UInt32.random(in: .min ... .max), radix: 16)).partial"
    }

    /// Looks whether a device, pipe or descriptor takes bytes, without opening it.
    func checkWritable() throws {
        let isWritable =
            switch kind {
            case .regular: true
            case .special: access(target, W_OK) == 0
            case .descriptor(let number):
                fcntl(number, F_GETFL) != -1 && fcntl(number, F_GETFL) & O_ACCMODE != O_RDONLY
            }
        guard isWritable else {
            let reason =
                if case .special = kind { String(cString: strerror(errno)) } else { "it is not open for writing" }
            throw MenagerieError(.outputCannotBeCreated, "\(path): cannot write: \(reason)")
        }
    }

    private static func followedOnce(_ path: String) throws -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count - 1)
        guard count > 0 else { return path }
        guard let target = String(validating: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) else {
            throw MenagerieError(
                .outputCannotBeCreated, "\(path): cannot follow this link: its target's name is not UTF-8")
        }
        if target.hasPrefix("/") { return target }
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return target }
        return path[...slash] + target
    }

    /// The names that the system gives to open descriptors. Opening such a name would start at the file's beginning, and
    /// a file beside it cannot be made.
    private static func descriptorNumber(_ path: String) -> Int32? {
        switch path {
        case "/dev/stdout": return 1
        case "/dev/stderr": return 2
        default:
            for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
                return Int32(path.dropFirst(folder.count)).flatMap { $0 >= 0 ? $0 : nil }
            }
            return nil
        }
    }
}
