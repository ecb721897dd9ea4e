// SPDX-License-Identifier: MIT
private import Glibc

/// A file that is written whole or not at all.
///
/// A regular file is written under a temporary name beside its target, synced, and renamed over it by ``commit()``. A
/// symbolic link is followed once and its target replaced. An output that exists and is no regular file (a device, a
/// pipe) is written directly and never renamed onto.
final class OutputFile {
    let path: String
    /// Whether earlier bytes can be overwritten, as a header that holds the final count must be.
    let isSeekable: Bool
    private let target: String
    private let temporaryPath: String?
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 20

    /// - Throws: ``MenagerieError`` (`outputCannotBeCreated`) when the folder is missing or nothing can be made there.
    init(path: String) throws {
        self.path = path
        var information = stat()
        if stat(path, &information) == 0, information.st_mode & S_IFMT != S_IFREG {
            guard information.st_mode & S_IFMT != S_IFDIR else {
                throw MenagerieError(.outputCannotBeCreated, "\(path): cannot write: this is a folder")
            }
            target = path
            temporaryPath = nil
            isSeekable = false
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            target = OutputFile.followedOnce(path)
            let parts = target.split(separator: "/", omittingEmptySubsequences: false)
            let folder = parts.dropLast().joined(separator: "/")
            let name = ".\(parts.last ?? "output").\(getpid()).partial"
            let temporary = parts.count > 1 ? "\(folder)/\(name)" : name
            temporaryPath = temporary
            isSeekable = true
            descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else {
            throw MenagerieError(.outputCannotBeCreated, "\(path): cannot create: \(String(cString: strerror(errno)))")
        }
    }

    private static func followedOnce(_ path: String) -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count - 1)
        guard count > 0 else { return path }
        let target = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if target.hasPrefix("/") { return target }
        guard let slash = path.lastIndex(of: "/") else { return target }
        return path[...slash] + target
    }

    deinit { discard() }

    /// Appends bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= OutputFile.bufferSize { try flush() }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Hands everything to the system.
    func flush() throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Overwrites the first bytes.
    /// - Precondition: the output is seekable and at least this long.
    func overwriteStart(_ bytes: [UInt8]) throws {
        try flush()
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress.map { $0 + position }, bytes.count - position, off_t(position))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            position += count
        }
    }

    /// Makes the file appear under its name.
    func commit() throws {
        guard descriptor >= 0 else { return }
        try flush()
        if let temporaryPath {
            guard fsync(descriptor) == 0 else { throw failure("sync") }
            // The mode of a file that is replaced is kept.
            var information = stat()
            if stat(target, &information) == 0 { fchmod(descriptor, information.st_mode & 0o7777) }
            guard rename(temporaryPath, target) == 0 else { throw failure("rename") }
        }
        let code = close(descriptor)
        descriptor = -1
        guard code == 0 else { throw failure("close") }
    }

    /// Leaves nothing behind.
    func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        guard let temporaryPath else { return }
        unlink(temporaryPath)
    }

    private func failure(_ what: String) -> MenagerieError {
        MenagerieError(.inputOutput, "\(path): cannot \(what): \(String(cString: strerror(errno)))")
    }
}

/// Whether two paths name the same file. A path that is not there names none.
func areSameFile(_ left: String, _ right: String) -> Bool {
    var (a, b) = (stat(), stat())
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
}

extension OutputFile {
    /// Removes what an earlier run left under a name that this run does not use.
    static func removeIfThere(_ path: String) { unlink(path) }
}
