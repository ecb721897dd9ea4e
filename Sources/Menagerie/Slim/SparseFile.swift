// SPDX-License-Identifier: MIT
private import Glibc

/// A file of a given size that has no name and takes room only where it was written: it is gone with its owner, however
/// that ends.
final class SparseFile {
    /// A path that leads to it as long as this object lives.
    var path: String { "/proc/self/fd/\(descriptor)" }
    let size: Int64
    private let descriptor: Int32

    /// - Parameter folder: on the file system where it shall lie.
    init(in folder: String, size: Int64) throws {
        let name = "\(folder)/.parts-\(String(UInt64.random(in: 0...UInt64.max), radix: 16))"
        let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw MenagerieError(
                .outputCannotBeCreated,
                "\(folder): cannot make a temporary file: \(String(cString: strerror(errno)))")
        }
        unlink(name)
        self.descriptor = descriptor
        self.size = size
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw MenagerieError(
                .inputOutput,
                "\(folder): cannot make a temporary file of \(size) bytes: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Bytes that can still be written to its file system.
    var freeByteCount: Int64 {
        var information = statvfs()
        guard fstatvfs(descriptor, &information) == 0 else { return .max }
        let product = Int64(clamping: information.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: information.f_frsize))
        return product.overflow ? .max : product.partialValue
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        guard offset >= 0, Int64(bytes.count) <= size, offset <= size - Int64(bytes.count) else {
            throw MenagerieError(
                .internal, "\(bytes.count) bytes at byte \(offset) were to be written into a file of \(size)")
        }
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw MenagerieError(
                    .inputOutput, "cannot write to a temporary file: \(String(cString: strerror(errno)))")
            }
            done += count
        }
    }
}
