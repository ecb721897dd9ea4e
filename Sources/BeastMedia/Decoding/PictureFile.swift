// SPDX-License-Identifier: MIT

internal import Glibc

/// An open regular file of bounded size, and its first bytes.
///
/// Read with `read` and not mapped: a file cut by another program meanwhile is then an error and not a signal.
struct PictureFile: ~Copyable {
    /// Bytes that suffice to recognise every format.
    static let prefixCount = 4096

    let path: String
    let byteCount: Int
    let prefix: [UInt8]
    private let descriptor: Int32

    init(path: String, sizeLimit: Int) throws(MediaError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw MediaError(.notFound, "cannot open this file: its name is empty or holds a zero byte", path: path)
        }
        // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        let opened = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0 else { throw Self.failure("open", errno, path: path) }
        do throws(MediaError) {
            let size = try Self.checkedSize(of: opened, path: path, sizeLimit: sizeLimit)
            let prefix = try Self.read(opened, into: [], upTo: min(size, Self.prefixCount), path: path, size: size)
            self.path = path
            self.byteCount = size
            self.prefix = prefix
            self.descriptor = opened
        } catch {
            close(opened)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// The whole file. May be called once.
    consuming func readAll() throws(MediaError) -> [UInt8] {
        guard byteCount > prefix.count else { return prefix }
        return try Self.read(descriptor, into: prefix, upTo: byteCount, path: path, size: byteCount)
    }

    private static func checkedSize(of descriptor: Int32, path: String, sizeLimit: Int) throws(MediaError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("examine", errno, path: path) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG else {
            let name =
                switch kind {
                case S_IFDIR: "a folder"
                case S_IFIFO: "a pipe"
                case S_IFSOCK: "a socket"
                case S_IFCHR, S_IFBLK: "a device"
                default: "no regular file"
                }
            throw MediaError(.notARegularFile, "cannot read a picture from this: it is \(name)", path: path)
        }
        let size = Int(status.st_size)
        guard size > 0 else { throw MediaError(.empty, "cannot read this picture: the file is empty", path: path) }
        guard size <= sizeLimit else {
            throw MediaError(
                .fileTooLarge,
                "cannot read this picture: its \(size) bytes are more than the limit of \(sizeLimit) bytes",
                path: path)
        }
        return size
    }

    /// The bytes read before and what follows, up to a count that the file had when it was opened.
    private static func read(
        _ descriptor: Int32, into start: [UInt8], upTo count: Int, path: String, size: Int
    ) throws(MediaError) -> [UInt8] {
        var failureNumber: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            guard let base = buffer.baseAddress else { return }
            for byte in start.prefix(count) {
                base[filled] = byte
                filled += 1
            }
            while filled < count {
                let received = Glibc.read(descriptor, base + filled, count - filled)
                if received > 0 {
                    filled += received
                } else if received == 0 {
                    return
                } else if errno != EINTR {
                    failureNumber = errno
                    return
                }
            }
        }
        guard failureNumber == 0 else { throw failure("read", failureNumber, path: path) }
        guard bytes.count == count else {
            throw MediaError(
                .truncated,
                "cannot read this picture: it ended after \(bytes.count) of \(size) bytes; is it being written?",
                path: path)
        }
        return bytes
    }

    private static func failure(_ verb: String, _ number: Int32, path: String) -> MediaError {
        let code: MediaError.Code = number == ENOENT || number == ENOTDIR ? .notFound : .unreadable
        let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        return MediaError(code, "cannot \(verb) this file: \(reason)", path: path)
    }
}
