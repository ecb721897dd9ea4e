// SPDX-License-Identifier: MIT
private import Glibc

/// A file descriptor that is closed when nobody needs it any more and that no other program inherits.
final class Descriptor {
    /// -1 once it is closed.
    private(set) var number: Int32

    var isOpen: Bool { number >= 0 }

    private init(_ number: Int32) { self.number = number }

    deinit { close() }

    func close() {
        if isOpen { Glibc.close(number) }
        number = -1
    }

    /// Takes what waits to be read. Closes the descriptor where there will never be more.
    /// - Returns: nil when nothing waits.
    func readWaiting() -> [UInt8]? {
        guard isOpen else { return nil }
        var waiting = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 0) == 1 else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = max(0, Glibc.read(number, buffer.baseAddress, buffer.count))
        }
        if bytes.isEmpty, errno != EINTR { close() }
        return bytes.isEmpty ? nil : bytes
    }

    /// Two that are connected. Sockets, since writing to a pipe whose reader is gone would raise a signal.
    static func pair() throws(ChildProcessError) -> (Descriptor, Descriptor) {
        var numbers: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &numbers) == 0 else {
            throw failure(errno)
        }
        defer { for number in numbers { Glibc.close(number) } }
        return (try moved(numbers[0]), try moved(numbers[1]))
    }

    /// A copy out of the way of the standard streams, which a new process gets by overwriting numbers 0 to 2.
    private static func moved(_ number: Int32) throws(ChildProcessError) -> Descriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw failure(errno) }
        return Descriptor(copy)
    }

    private static func failure(_ number: Int32) -> ChildProcessError {
        ChildProcessError("cannot connect to a new process: \(String(cString: strerror(number)))")
    }
}
