// SPDX-License-Identifier: MIT
private import Glibc

/// Holds a file that is here against the name of its content.
public enum FileCheck {
    /// What was found.
    public enum Outcome: Sendable, Equatable {
        /// The bytes are those that the name stands for.
        case right
        /// They are not; both digests.
        case wrong(expected: String, found: String)
        /// The name is no digest.
        case unknown
    }

    /// Digests a file.
    /// - Parameters:
    ///   - path: links are followed.
    ///   - etag: the name of the content: a SHA-256 or git's number.
    ///   - report: how many bytes are done.
    /// - Throws: ``HubError``: `inputOutput` for a file that cannot be read, `missingLibrary`.
    public static func check(
        _ path: String, etag: String, report: (Int64) -> Void = { _ in }
    ) throws(HubError) -> Outcome {
        guard let kind = DigestKind(etag: etag) else { return .unknown }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw failure(path, errno) }
        guard information.st_mode & S_IFMT == S_IFREG else { throw failure(path, EINVAL) }
        let digest = try Digest(kind, byteCount: Int64(information.st_size))
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { block.deallocate() }
        var done: Int64 = 0
        while true {
            let count = read(descriptor, block.baseAddress, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, errno) }
            if count == 0 { break }
            digest.update(UnsafeRawBufferPointer(rebasing: block[..<count]))
            done += Int64(count)
            report(done)
        }
        let found = try digest.finish()
        return found == etag ? .right : .wrong(expected: etag, found: found)
    }

    private static func failure(_ path: String, _ number: Int32) -> HubError {
        HubError(.inputOutput, "cannot read \(path): \(SystemCall.reason(number))")
    }
}
