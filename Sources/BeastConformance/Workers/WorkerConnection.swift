// SPDX-License-Identifier: MIT
@preconcurrency private import Glibc

/// The worker's end of the conversation: numbers of cases come in, messages go out, each on a line.
///
/// It takes standard input and output for itself: a plugin that reads finds nothing, and what it prints goes to standard
/// error.
final class WorkerConnection {
    private let requests: Int32
    private let answers: Int32
    private var received: [UInt8] = []

    /// - Throws: ``ChildProcessError`` where there is no descriptor left.
    init() throws(ChildProcessError) {
        requests = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
        answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard requests >= 0, answers >= 0, nothing >= 0, dup2(nothing, STDIN_FILENO) >= 0,
            dup2(STDERR_FILENO, STDOUT_FILENO) >= 0
        else { throw ChildProcessError("a worker cannot set up its streams: \(String(cString: strerror(errno)))") }
        close(nothing)
        // A crash is a result here; nobody wants a file of the size of the memory for it.
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        endWithParent()
    }

    /// Ends this process when the one that started it is gone, also in the middle of a case that hangs.
    private func endWithParent() {
        var thread = pthread_t()
        let argument = UnsafeMutableRawPointer(bitPattern: Int(requests))
        let code = pthread_create(
            &thread, nil,
            { argument in
                // No events are asked for: only the other side's end is reported.
                var waiting = pollfd(fd: Int32(Int(bitPattern: argument)), events: 0, revents: 0)
                while poll(&waiting, 1, -1) != 1 {}
                _exit(1)
            }, argument)
        if code == 0 { pthread_detach(thread) }
    }

    /// Writes a message.
    /// - Throws: when nobody reads it.
    func send(_ message: WorkerMessage) throws {
        var rest = try message.line()[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(answers, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw ChildProcessError("nobody reads what this worker answers") }
            rest = rest.dropFirst(count)
        }
    }

    /// The next case to run; nil when there will be no more.
    func nextRequest() -> Int? {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<end], as: UTF8.self)
                received.removeSubrange(...end)
                return Int(line)
            }
            guard received.count < 64 else { return nil }
            var chunk = [UInt8](repeating: 0, count: 64)
            let count = read(requests, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            received += chunk[..<count]
        }
    }

    /// Ends the process at once: what a plugin does at the end is not the suite's concern.
    func end() -> Never { _exit(0) }
}
