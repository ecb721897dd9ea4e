// SPDX-License-Identifier: MIT

private import Glibc

/// A file being written under a temporary name beside its final one. It takes the final name only when ``commit()`` is
/// called, so that readers never meet half a file; if that never happens the temporary file is removed.
final class OutputFile {
    let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    private var isCommitted = false

    init(path: String) throws(WeightsError) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).partial"
        guard !path.utf8.contains(0) else {
            throw WeightsError(.cannotWrite, "the path contains a zero byte", path: path)
        }
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw WeightsError(.cannotWrite, "exists and is not a regular file, so it is not replaced", path: path)
        }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        descriptor = open(temporaryPath, flags, 0o666)
        guard descriptor >= 0 else {
            throw WeightsError(.cannotWrite, "cannot be created: \(describe(errno: errno))", path: path)
        }
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporaryPath) }
    }

    /// Writes all of `bytes` at a position of the file.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(WeightsError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let step = pwrite(descriptor, base + done, bytes.count - done, off_t(offset + done))
            if step < 0 {
                if errno == EINTR { continue }
                throw WeightsError(.cannotWrite, "cannot be written: \(describe(errno: errno))", path: path)
            }
            done += step
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(WeightsError) {
        let failure: WeightsError? = bytes.withUnsafeBytes { buffer in
            do throws(WeightsError) { try write(buffer, at: offset) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    /// Gives the file its final name, replacing a regular file of that name.
    func commit() throws(WeightsError) {
        guard rename(temporaryPath, path) == 0 else {
            throw WeightsError(.cannotWrite, "cannot take its final name: \(describe(errno: errno))", path: path)
        }
        isCommitted = true
    }
}
