// SPDX-License-Identifier: MIT
private import Glibc

/// A file that is written whole or not at all.
///
/// A regular file is written under a temporary name beside its target, synced, and renamed over it by ``commit()``. A
/// symbolic link is followed once and its target replaced. An output that exists and is no regular file (a device, a
/// pipe) and an open descriptor (`/dev/stdout`, `/dev/fd/N`) are written directly and never renamed onto.
final class OutputFile {
    let path: String
    /// Whether earlier bytes can be overwritten, as a header that holds the final count must be.
    let isSeekable: Bool
    private let target: String
    private let temporaryPath: String?
    private let pending: PendingFiles
    private let isOpenDescriptor: Bool
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 20

    /// - Throws: ``MenagerieError`` (`outputCannotBeCreated`) when the folder is missing or nothing can be made there.
    init(path: String, pending: PendingFiles) throws {
        let place = try OutputPlace(path)
        self.path = path
        self.pending = pending
        target = place.target
        isSeekable = place.kind == .regular
        switch place.kind {
        case .descriptor(let number):
            isOpenDescriptor = true
            temporaryPath = nil
            descriptor = fcntl(number, F_DUPFD_CLOEXEC, 3)
        case .special:
            isOpenDescriptor = false
            temporaryPath = nil
            descriptor = open(target, O_WRONLY | O_CLOEXEC)
        case .regular:
            isOpenDescriptor = false
            let temporary = place.temporaryPath()
            temporaryPath = temporary
            descriptor = pending.create(temporary) { open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
        }
        guard descriptor >= 0 else {
            let number = errno
            let reason = number == ENOENT ? "its folder is not there" : String(cString: strerror(number))
            throw MenagerieError(
                number == ECANCELED ? .interrupted : .outputCannotBeCreated, "\(path): cannot create: \(reason)")
        }
    }

    /// Finds out whether an output can be made, and leaves no trace. A pipe is not opened, since its reader would take
    /// the closing for the end.
    static func check(_ path: String) throws {
        let place = try OutputPlace(path)
        switch place.kind {
        case .regular: _ = try OutputFile(path: path, pending: PendingFiles())
        case .special, .descriptor: try place.checkWritable()
        }
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
                if errno == EAGAIN {
                    // The descriptor was made non-blocking by whoever started the program.
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, -1)
                    continue
                }
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
    func commit() throws { try OutputFile.commit([self]) }

    /// Makes files appear under their names, one right after the other.
    ///
    /// Everything that may take long or fail for want of room is done before the first appears.
    static func commit(_ files: [OutputFile]) throws {
        for file in files { try file.settle() }
        if let pending = files.first(where: { $0.temporaryPath != nil })?.pending {
            try pending.appearing { try files.compactMap { try $0.appear() } }
        }
        for file in files { try file.finish() }
    }

    /// Brings every byte to the disk.
    private func settle() throws {
        try flush()
        guard temporaryPath != nil else { return }
        guard fsync(descriptor) == 0 else { throw failure("sync") }
        // The mode of a file that is replaced is kept.
        var information = stat()
        if stat(target, &information) == 0 { fchmod(descriptor, information.st_mode & 0o7777) }
    }

    private func appear() throws -> String? {
        guard let temporaryPath else { return nil }
        guard rename(temporaryPath, target) == 0 else { throw failure("rename") }
        return temporaryPath
    }

    private func finish() throws {
        let code = close(descriptor)
        descriptor = -1
        guard code == 0 else { throw failure("close") }
    }

    /// Leaves nothing behind.
    private func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        if let temporaryPath { pending.discard(temporaryPath) }
    }

    private func failure(_ what: String) -> MenagerieError {
        MenagerieError(
            errno == EPIPE && isOpenDescriptor ? .readerGone : .inputOutput,
            "\(path): cannot \(what): \(String(cString: strerror(errno)))")
    }
}

extension OutputFile {
    /// Removes what an earlier run left under a name that this run does not use.
    static func removeIfThere(_ path: String) { unlink(path) }
}
