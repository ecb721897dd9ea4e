// SPDX-License-Identifier: MIT
private import CFile
private import Glibc

/// A file that is being downloaded: `blobs/ETAG.beasts-XXXXXXXX.incomplete`.
///
/// Its owner holds an exclusive `flock` on it for as long as it writes, so a partial file that can be locked has no owner
/// and may be continued. Its bytes are on the file system soon after they come, and the digest goes along with them. For one
/// thread at a time.
final class PartialFile {
    /// Bytes gathered before they are written: a kill loses no more than these.
    private static let bufferSize = 256 << 10
    /// The disk is kept busy while bytes come, so that it has little left to do at the end.
    private static let writingStep: Int64 = 8 << 20
    private static let attribute = "user.beasts.validator"

    let path: String
    private let descriptor: Int32
    private let etag: String
    /// Of the whole file, where it is known.
    private let size: Int64?
    private var follower: DigestFollower?
    /// Up to where the file system was asked to write to its disk.
    private var startedCount: Int64 = 0
    // Freed at the end of the one object that holds it.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: PartialFile.bufferSize, alignment: 4096)
    private var bufferedCount = 0
    private var writtenCount: Int64 = 0
    private let file: HubFile

    /// How many bytes have come, those of earlier attempts included.
    var count: Int64 { writtenCount + Int64(bufferedCount) }

    private init(
        path: String, descriptor: Int32, remote: RemoteFile, count: Int64
    ) {
        self.path = path
        self.descriptor = descriptor
        etag = remote.etag
        size = remote.size
        file = remote.file
        writtenCount = count
    }

    deinit {
        try? flush()
        follower?.cancel()
        close(descriptor)
        buffer.deallocate()
    }

    // MARK: - Opening

    /// Continues the longest partial file that nobody writes, or begins one.
    /// - Parameters:
    ///   - folder: the repository's `blobs`; it exists.
    ///   - mayAdopt: whether the blob's lock is held, so that a file without an owner is really nobody's.
    static func open(_ remote: RemoteFile, in folder: String, mayAdopt: Bool) throws(HubError) -> PartialFile {
        // Whether a left-over is of this file only a digest tells in the end.
        if mayAdopt, remote.digestKind == nil {
            removeLeftovers(of: remote, in: folder)
        } else if mayAdopt, let found = adopt(remote, in: folder) {
            try found.beginDigest()
            return found
        }
        return try create(remote, in: folder)
    }

    private static func create(_ remote: RemoteFile, in folder: String) throws(HubError) -> PartialFile {
        var number: Int32 = 0
        for _ in 0..<16 {
            let path = "\(folder)/\(newName(remote.etag))"
            let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
            if descriptor >= 0 {
                // Where locks do not work, nobody can adopt it either.
                flock(descriptor, LOCK_EX | LOCK_NB)
                let partial = PartialFile(path: path, descriptor: descriptor, remote: remote, count: 0)
                try partial.beginDigest()
                return partial
            }
            number = errno
            if number != EEXIST { break }
        }
        throw HubError(
            number == ENOSPC || number == EDQUOT ? .diskFull : .inputOutput,
            "\(remote.file): cannot write to \(folder): \(SystemCall.reason(number))",
            repository: remote.file.repository,
            file: remote.file.file)
    }

    static func newName(_ etag: String) -> String {
        let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        return "\(etag).beasts-" + String(repeating: "0", count: 8 - digits.utf8.count) + digits + ".incomplete"
    }

    /// Whether a name in `blobs` is a partial file of an etag that may be continued: ours, or one that Python's clients
    /// continue too. Newer ones of theirs are never continued by anybody.
    static func isAdoptable(_ name: String, etag: String) -> Bool {
        guard name.hasPrefix(etag), name.hasSuffix(".incomplete") else { return false }
        let middle = name.dropFirst(etag.count).dropLast(".incomplete".count)
        return middle.isEmpty
            || (middle.hasPrefix(".beasts-") && middle.utf8.count == 16
                && middle.utf8.dropFirst(8).allSatisfy(HubName.isHexadecimal))
    }

    /// The etag in the name of a partial file, whoever wrote it: without the endings that clients are known to add. An etag
    /// may hold dots itself.
    static func etag(ofName name: String) -> String {
        let rest = name.dropLast(name.hasSuffix(".incomplete") ? ".incomplete".count : 0)
        for mark in [".beasts-", "."] {
            let head = rest.dropLast(8)
            if head.hasSuffix(mark), head.count > mark.count, rest.utf8.suffix(8).allSatisfy(HubName.isHexadecimal) {
                return String(head.dropLast(mark.count))
            }
        }
        return String(rest)
    }

    /// Opens a partial file that nobody writes, and holds its lock.
    /// - Returns: nil for a file with an owner, and for what is none.
    static func takeIfFree(_ path: String) -> (descriptor: Int32, count: Int64)? {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        var information = stat()
        // Looked at once it is locked: its last owner may have removed or finished it before. A second name of the same bytes
        // could be a finished blob: those are never written to.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &information) == 0,
            information.st_mode & S_IFMT == S_IFREG, information.st_nlink == 1
        else {
            close(descriptor)
            return nil
        }
        return (descriptor, Int64(information.st_size))
    }

    /// Removes what earlier downloads of a file left that nobody continues. Only files of our own.
    static func removeLeftovers(of remote: RemoteFile, in folder: String) {
        for name in Folder.names(folder, followsLink: true) where isAdoptable(name, etag: remote.etag) {
            let path = "\(folder)/\(name)"
            if let found = takeIfFree(path) { drop(path, found.descriptor) }
        }
    }

    private static func adopt(_ remote: RemoteFile, in folder: String) -> PartialFile? {
        var best: (path: String, descriptor: Int32, count: Int64)?
        for name in Folder.names(folder, followsLink: true) where isAdoptable(name, etag: remote.etag) {
            let path = "\(folder)/\(name)"
            guard let (descriptor, count) = takeIfFree(path) else { continue }
            if count > remote.size ?? .max || count <= best?.count ?? -1 {
                drop(path, descriptor)
                continue
            }
            if let shorter = best { drop(shorter.path, shorter.descriptor) }
            best = (path, descriptor, count)
        }
        guard let (found, descriptor, size) = best else { return nil }
        var path = found
        if !isOwn(path) {
            // Under our own name, so that a Python client does not append to it at the same time.
            let own = "\(folder)/\(newName(remote.etag))"
            guard rename(path, own) == 0 else {
                close(descriptor)
                return nil
            }
            path = own
        }
        return PartialFile(path: path, descriptor: descriptor, remote: remote, count: size)
    }

    /// Whether a path ends in `.beasts-XXXXXXXX.incomplete`.
    private static func isOwn(_ path: String) -> Bool { path.suffix(27).hasPrefix(".beasts-") }

    /// Lets go of a file that is not continued; only those of our own are removed.
    private static func drop(_ path: String, _ descriptor: Int32) {
        if isOwn(path) { unlink(path) }
        close(descriptor)
    }

    private func beginDigest() throws(HubError) {
        guard let kind = DigestKind(etag: etag) else { return }
        // Git's number begins with the length: where that is unknown, the bytes are read once more at the end.
        guard kind == .sha256 || size != nil else { return }
        let follower = try DigestFollower(descriptor, kind: kind, byteCount: size ?? 0)
        self.follower = follower
        // What an earlier attempt left is digested while the rest comes.
        follower.advance(to: writtenCount)
    }

    // MARK: - The server's name of the bytes

    /// The `ETag` of the server that sent the bytes so far, so that a later process can ask for the rest of the same file.
    /// nil where the file system keeps no attributes.
    var validator: String? {
        get {
            var bytes = [UInt8](repeating: 0, count: 512)
            let count = fgetxattr(descriptor, Self.attribute, &bytes, bytes.count)
            return count > 0 ? HTTPValue.validator(String(decoding: bytes.prefix(count), as: UTF8.self)) : nil
        }
        set {
            guard let newValue else {
                fremovexattr(descriptor, Self.attribute)
                return
            }
            _ = Array(newValue.utf8).withUnsafeBytes {
                fsetxattr(descriptor, Self.attribute, $0.baseAddress, $0.count, 0)
            }
        }
    }

    // MARK: - Writing

    /// Takes bytes that follow those that have come.
    /// - Parameter status: of the reply they are from, for messages.
    /// - Throws: ``HubError``: `corrupted` for more bytes than the file has, `diskFull`, `inputOutput`.
    func append(_ bytes: UnsafeRawBufferPointer, status: Int? = nil) throws(HubError) {
        if let size, count + Int64(bytes.count) > size {
            throw HubError(
                .corrupted,
                "\(file): the server sends more than the \(size) bytes that it announced"
                    + (status.map { " (status \($0))" } ?? "") + "; try again later, or tell whoever runs the hub",
                repository: file.repository, file: file.file, status: status)
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(buffer.count - bufferedCount)
            UnsafeMutableRawBufferPointer(rebasing: buffer[bufferedCount...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: piece))
            bufferedCount += piece.count
            rest = rest.dropFirst(piece.count)
            if bufferedCount == buffer.count { try flush() }
        }
    }

    /// Hands everything that has come to the file system, where a kill cannot reach it.
    func flush() throws(HubError) {
        guard bufferedCount > 0 else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<bufferedCount])
        // What cannot be written is asked for again.
        bufferedCount = 0
        try write(bytes)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(HubError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest)
            let count = pwrite(descriptor, slice.baseAddress, slice.count, off_t(writtenCount))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", count == 0 ? EIO : errno) }
            writtenCount += Int64(count)
            rest = rest.dropFirst(count)
        }
        follower?.advance(to: writtenCount)
        if writtenCount - startedCount >= Self.writingStep {
            cfile_start_writing(descriptor, startedCount, writtenCount - startedCount)
            startedCount = writtenCount
        }
    }

    /// Forgets everything: the next byte is the file's first.
    func restart() throws(HubError) {
        bufferedCount = 0
        validator = nil
        follower?.cancel()
        follower = nil
        guard ftruncate(descriptor, 0) == 0 else { throw failure("empty", errno) }
        (writtenCount, startedCount) = (0, 0)
        try beginDigest()
    }

    // MARK: - The end

    /// Holds the bytes against length and etag.
    /// - Returns: whether they could be checked by a digest.
    /// - Throws: ``HubError`` (`corrupted`) that names both digests.
    func verify() throws(HubError) -> Bool {
        try flush()
        if let size, writtenCount != size {
            throw HubError(
                .corrupted, "\(file): \(writtenCount) bytes came, \(size) were announced", repository: file.repository,
                file: file.file)
        }
        guard let kind = DigestKind(etag: etag) else { return false }
        if follower == nil { follower = try DigestFollower(descriptor, kind: kind, byteCount: writtenCount) }
        let found: String
        switch try follower?.finish(writtenCount) {
        case nil: return false
        case .success(let digest): found = digest
        case .failure(let error): throw failure("read", error.number)
        }
        follower = nil
        guard found == etag else {
            throw HubError(
                .corrupted,
                "\(file): the bytes that came are not the file: their \(kind.name) is \(found), the hub says \(etag); "
                    + "nothing was kept. Try again later, or tell whoever runs the hub",
                repository: file.repository, file: file.file)
        }
        return true
    }

    /// Makes the bytes outlast a loss of power.
    func sync() throws(HubError) {
        try flush()
        guard fsync(descriptor) == 0 else { throw failure("sync", errno) }
        // Nobody but its writer needs it.
        fremovexattr(descriptor, Self.attribute)
    }

    /// Removes the file.
    func discard() {
        bufferedCount = 0
        unlink(path)
    }

    private func failure(_ verb: String, _ number: Int32) -> HubError {
        let isFull = number == ENOSPC || number == EDQUOT
        let free = isFull ? Folder.freeByteCount(path).map { ", \($0) bytes are free" } ?? "" : ""
        let needed = isFull ? size.map { "; \($0 - min($0, writtenCount)) bytes are still to come\(free)" } ?? "" : ""
        return HubError(
            isFull ? .diskFull : .inputOutput,
            "\(file): cannot \(verb) \(path): \(SystemCall.reason(number))\(needed)", repository: file.repository,
            file: file.file)
    }
}
