// SPDX-License-Identifier: MIT
internal import BeastThreads
private import Glibc

/// Digests a file behind its writer, on a thread of its own: of a file that grows, and of what was there before.
///
/// It reads what was written, so what it vouches for is the file and not what was meant to be in it; the bytes are still in
/// memory, where reading costs a fraction of the digest.
final class DigestFollower: @unchecked Sendable {
    // Sendable because everything that changes is touched under the gate, but for `digest` and `offset`, which belong to
    // the thread while it runs and to whoever joined it afterwards.
    private static let blockSize = 256 << 10
    /// Less is not worth waking up for.
    private static let step: Int64 = 1 << 20

    private let monitor = Monitor()
    private let descriptor: Int32
    private let digest: Digest
    private var offset: Int64 = 0
    private var limit: Int64 = 0
    private var isEnding = false
    private var isCancelled = false
    private var failure: Int32 = 0
    private var thread: pthread_t?

    /// - Parameters:
    ///   - descriptor: of the file; stays open until ``finish(_:)`` or ``cancel()``.
    ///   - byteCount: of the whole file; git's number begins with it.
    init(_ descriptor: Int32, kind: DigestKind, byteCount: Int64) throws(HubError) {
        self.descriptor = descriptor
        digest = try Digest(kind, byteCount: byteCount)
    }

    /// So many bytes are in the file by now.
    func advance(to count: Int64) {
        let isDue = monitor.locked { () -> Bool in
            limit = count
            return limit - offset >= Self.step
        }
        if isDue, thread == nil { start() }
    }

    /// Digests the rest of the file.
    /// - Returns: the digest in hexadecimal digits; or the number of the error that reading met.
    func finish(_ count: Int64) throws(HubError) -> Result<String, ReadFailure> {
        monitor.locked {
            limit = count
            isEnding = true
        }
        if let thread { pthread_join(thread, nil) } else { follow() }
        thread = nil
        if failure != 0 { return .failure(ReadFailure(number: failure)) }
        return .success(try digest.finish())
    }

    /// Ends it; nothing is read any more.
    func cancel() {
        monitor.locked { isCancelled = true }
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    /// Reading failed.
    struct ReadFailure: Error {
        let number: Int32
    }

    private func start() {
        var thread = pthread_t()
        let object = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<DigestFollower>.fromOpaque(context).takeRetainedValue().follow() }
                return nil
            }, object.toOpaque())
        // Without a thread, everything is done at the end.
        if code == 0 { self.thread = thread } else { object.release() }
    }

    private func follow() {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockSize, alignment: 4096)
        defer { block.deallocate() }
        var position = offset
        while true {
            let end = monitor.when({ isCancelled || isEnding || limit - position >= Self.step }) { () -> Int64? in
                offset = position
                return isCancelled || (isEnding && position >= limit) ? nil : limit
            }
            guard let end else { return }
            while position < end {
                // Whoever cancels waits for this thread, and there may be gigabytes to go.
                if monitor.locked({ isCancelled }) { return }
                let count = pread(
                    descriptor, block.baseAddress, min(block.count, Int(end - position)), off_t(position))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    let number = count == 0 ? EIO : errno
                    return monitor.locked { failure = number }
                }
                digest.update(UnsafeRawBufferPointer(rebasing: block[..<count]))
                position += Int64(count)
            }
        }
    }
}
