// SPDX-License-Identifier: MIT
@preconcurrency private import Glibc

/// A program that runs beside this one, with a connection to each of its standard streams and a limit on every wait.
///
/// One thread uses it at a time. A child that still runs when its owner lets go of it is killed and waited for, so none
/// is left behind; nothing but this one child is ever sent a signal.
package final class ChildProcess {
    /// How a process ended.
    package enum Ending: Sendable, Equatable {
        case exited(code: Int32)
        case killed(signal: Int32)
    }

    /// What came of waiting for output.
    package enum Reading: Sendable, Equatable {
        case bytes([UInt8])
        /// Standard output is closed, or the process has ended and nothing of it is left to read.
        case end
        case deadline
    }

    /// Of standard error, only this many of the last bytes are kept.
    private static let keptErrorByteCount = 1 << 16
    /// Whether the process has ended is looked at this often while its streams are silent: another process that it
    /// started may hold them open for ever.
    private static let pollInterval = Duration.milliseconds(20)

    /// Its number. It stays its own until ``end(by:)`` has answered.
    package let identifier: Int32
    /// How it ended; nil while nobody has found out.
    package private(set) var ending: Ending?
    /// The largest resident size in bytes by the kernel's account, once it has ended. Linux counts from before the
    /// program was replaced, so that this is never less than what the starting process had: see ``residentPeak``.
    package private(set) var accountedResidentPeak: Int?
    private var requests: Descriptor
    private var output: Descriptor
    private var errors: Descriptor
    private var lastErrors: [UInt8] = []

    /// Starts a program.
    /// - Parameters:
    ///   - path: the program's file; it is not searched for.
    ///   - arguments: what follows the program's name.
    ///   - defaults: variables that are added to the environment of this process where it does not have them.
    /// - Throws: ``ChildProcessError`` where the system gives no sockets or cannot start it.
    package init(path: String, arguments: [String], defaults: [String: String] = [:]) throws(ChildProcessError) {
        let requests = try Descriptor.pair()
        let output = try Descriptor.pair()
        let errors = try Descriptor.pair()

        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, requests.0.number, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output.1.number, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.1.number, STDERR_FILENO)
        // The program starts with no signal blocked or ignored, whatever this process does with its own.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var identifier = pid_t()
        let strings = ([path] + arguments).map { strdup($0) }
        let additions = defaults.filter { getenv($0.key) == nil }.map { strdup("\($0.key)=\($0.value)") }
        defer { for string in strings + additions { free(string) } }
        var variables: [UnsafeMutablePointer<CChar>?] = additions
        var position = 0
        while let variable = environ[position] {
            variables.append(variable)
            position += 1
        }
        let code = posix_spawn(&identifier, path, &actions, &attributes, strings + [nil], variables + [nil])
        guard code == 0 else {
            throw ChildProcessError("\(path) cannot be started: \(String(cString: strerror(code)))")
        }
        self.identifier = identifier
        self.requests = requests.1
        self.output = output.0
        self.errors = errors.0
    }

    deinit {
        guard ending == nil else { return }
        Glibc.kill(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) == -1, errno == EINTR {}
    }

    // MARK: Streams

    /// Writes to its standard input, without waiting for a reader that is slow.
    /// - Returns: false when not everything was taken: the process is gone or does not read.
    package func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(requests.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Closes its standard input: it reads an end there.
    package func closeInput() { requests.close() }

    /// Waits for bytes on its standard output. What comes on standard error meanwhile is kept for ``errorText``.
    package func read(by deadline: ContinuousClock.Instant) -> Reading {
        while true {
            if !output.isOpen { return .end }
            wait(until: deadline)
            if let bytes = output.readWaiting() { return .bytes(bytes) }
            if !output.isOpen { return .end }
            if hasEnded {
                // What it wrote at the very end may have come between the two looks.
                return output.readWaiting().map(Reading.bytes) ?? .end
            }
            if ContinuousClock.now >= deadline { return .deadline }
        }
    }

    /// Waits until the process has ended; what it still writes to standard output is dropped.
    /// - Returns: nil when it still runs at the deadline.
    package func end(by deadline: ContinuousClock.Instant) -> Ending? {
        while !hasEnded {
            guard ContinuousClock.now < deadline else { return nil }
            wait(until: deadline)
            _ = output.readWaiting()
        }
        return ending
    }

    /// Kills it and waits for its end.
    /// - Returns: how it ended: it may have done so by itself a moment before.
    @discardableResult
    package func kill() -> Ending {
        if !hasEnded { Glibc.kill(identifier, SIGKILL) }
        while true {
            // Nothing stops this signal, so there is no deadline.
            if let ending = end(by: .now + .seconds(1)) { return ending }
        }
    }

    /// The last of what it wrote to standard error, read as UTF-8.
    package var errorText: String { String(decoding: lastErrors, as: UTF8.self) }

    // MARK: Memory

    /// The largest resident size in bytes that its program has had so far; nil once it has ended.
    package var residentPeak: Int? {
        guard !hasEnded, let file = fopen("/proc/\(identifier)/status", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                .split { " \t\n".contains($0) }
            if words.first == "VmHWM:", words.count == 3, let kibibytes = Int(words[1]) { return kibibytes << 10 }
        }
        return nil
    }

    // MARK: Waiting

    /// Whether it has ended, and if so how.
    private var hasEnded: Bool {
        if ending != nil { return true }
        var status: Int32 = 0
        var usage = rusage()
        guard wait4(identifier, &status, WNOHANG, &usage) == identifier else { return false }
        let signal = status & 0x7f
        ending = signal == 0 ? .exited(code: status >> 8 & 0xff) : .killed(signal: signal)
        accountedResidentPeak = usage.ru_maxrss << 10
        keepErrors()
        return true
    }

    /// Waits until a stream has something, for ``pollInterval`` at most.
    private func wait(until deadline: ContinuousClock.Instant) {
        let left = min(deadline - ContinuousClock.now, Self.pollInterval)
        let milliseconds = left.components.attoseconds / 1_000_000_000_000_000
        // A negative descriptor is one that poll leaves out.
        var waiting = [
            pollfd(fd: output.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.number, events: Int16(POLLIN), revents: 0),
        ]
        poll(&waiting, nfds_t(waiting.count), left > .zero ? Int32(milliseconds) + 1 : 0)
        if waiting[1].revents != 0 { keepErrors() }
    }

    private func keepErrors() {
        // Bounded: a process that writes without end must not keep this one from its deadline.
        for _ in 0..<16 {
            guard let bytes = errors.readWaiting() else { return }
            lastErrors = (lastErrors + bytes).suffix(Self.keptErrorByteCount)
        }
    }
}

extension ChildProcess {
    /// What became of a program that was run to its end.
    package struct Outcome: Sendable {
        /// nil when it was killed since its time was up.
        package let ending: Ending?
        package let output: [UInt8]
        /// The last of what it wrote to standard error.
        package let errors: String
    }

    /// Runs a program to its end, with nothing on its standard input.
    /// - Parameters:
    ///   - limit: after which it is killed.
    ///   - outputLimit: bytes of standard output that are kept; a program that writes more is killed too.
    package static func run(
        path: String, arguments: [String], limit: Duration, outputLimit: Int = 1 << 24
    ) throws(ChildProcessError) -> Outcome {
        let process = try ChildProcess(path: path, arguments: arguments)
        process.closeInput()
        let deadline = ContinuousClock.now + limit
        var output: [UInt8] = []
        while case .bytes(let bytes) = process.read(by: deadline), output.count <= outputLimit { output += bytes }
        let ending = output.count <= outputLimit ? process.end(by: deadline) : nil
        if ending == nil { process.kill() }
        return Outcome(ending: ending, output: output, errors: process.errorText)
    }
}

extension ChildProcess.Ending: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exited(let code): "ended with exit code \(code)"
        case .killed(let signal):
            "killed by signal \(signal) (\(strsignal(signal).map { String(cString: $0) } ?? "unknown"))"
        }
    }
}

/// A process that could not be started.
package struct ChildProcessError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
