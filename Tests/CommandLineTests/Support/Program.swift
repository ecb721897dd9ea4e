// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

/// The built program, as its users meet it: arguments in, streams and an exit code out.
struct Program {
    let path: String

    /// The program beside the test executable.
    static let built = Program(path: folder + "/beasts")

    /// The folder of everything that was built.
    static let folder =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        .map { ($0 as NSString).deletingLastPathComponent } ?? "."

    /// The library of the reference backend.
    static let backendName = "libBeastsCPUReferenceBackend.so"

    /// Where one of its streams goes.
    enum Stream {
        case captured
        case path(String)
        case descriptor(Int32)
    }

    /// Runs it to its end.
    func run(
        _ arguments: [String], in folder: TemporaryFolder, environment: [String: String] = [:], input: [UInt8] = [],
        output: Stream = .captured
    ) throws -> Outcome {
        try start(arguments.map { Array($0.utf8) }, in: folder, environment: environment, input: input, output: output)
            .end()
    }

    /// Starts it.
    /// - Parameters:
    ///   - arguments: bytes, since a file name need not be UTF-8.
    ///   - folder: its working folder and its home; nothing of the user's settings gets through.
    func start(
        _ arguments: [[UInt8]], in folder: TemporaryFolder, environment: [String: String] = [:], input: [UInt8] = [],
        output: Stream = .captured
    ) throws -> RunningProgram {
        let streams = try TemporaryFolder()
        try streams.write(input, to: "in")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, streams.path("in"), O_RDONLY, 0)
        switch output {
        case .captured: posix_spawn_file_actions_addopen(&actions, 1, streams.path("out"), O_WRONLY | O_CREAT, 0o644)
        case .path(let path): posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
        }
        posix_spawn_file_actions_addopen(&actions, 2, streams.path("err"), O_WRONLY | O_CREAT, 0o644)

        // No test reaches out of this machine by itself.
        var variables = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "HF_HUB_OFFLINE": "1"]
        if let libraries = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] {
            variables["LD_LIBRARY_PATH"] = libraries
        }
        variables.merge(environment) { $1 }
        var pid = pid_t()
        // Changes the folder and becomes the program.
        let change = ["env", "-C", folder.path, path].map { Array($0.utf8) }
        let code = withStrings(change + arguments) { arguments in
            withStrings(variables.map { Array("\($0)=\($1)".utf8) }) { variables in
                posix_spawn(&pid, "/usr/bin/env", &actions, nil, arguments, variables)
            }
        }
        try #require(code == 0, "\(path) cannot be started: \(String(cString: strerror(code)))")
        return RunningProgram(pid: pid, streams: streams)
    }
}

/// Arrays as `posix_spawn` wants them: zero-terminated strings, and nil after the last.
private func withStrings<Result>(
    _ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let pointers = strings.map { string -> UnsafeMutablePointer<CChar>? in
        (string + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { strdup($0.baseAddress!) }
        }
    }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
}

/// A program that may still be at work.
struct RunningProgram {
    let pid: pid_t
    fileprivate let streams: TemporaryFolder

    func send(_ signal: Int32) { kill(pid, signal) }

    /// Waits for its end; after two minutes it is killed and the test fails.
    func end() throws -> Outcome {
        var status: Int32 = 0
        var peakMemory = 0
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            // Looked at while it runs: what is told at its end includes its parent's pages.
            peakMemory = max(peakMemory, Self.peakMemory(of: pid))
            let code = waitpid(pid, &status, WNOHANG)
            if code == pid { break }
            if ContinuousClock.now > deadline {
                kill(pid, SIGKILL)
                waitpid(pid, &status, 0)
                Issue.record("the program did not end")
                break
            }
            usleep(2000)
        }
        let signal = status & 0x7F
        return Outcome(
            exitCode: signal == 0 ? (status >> 8) & 0xFF : -signal,
            output: (try? streams.text("out")) ?? "", errors: (try? streams.text("err")) ?? "", peakMemory: peakMemory)
    }

    /// The most resident memory that a process had, in bytes; 0 where it is gone.
    private static func peakMemory(of pid: pid_t) -> Int {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(separator: " ").dropLast().last.flatMap({ Int($0.drop { !$0.isNumber }) })
        else { return 0 }
        return kilobytes << 10
    }
}

/// The two ends of a pipe that no other program inherits.
struct Pipe {
    let reading: Int32
    let writing: Int32

    init(in folder: TemporaryFolder) throws {
        let path = folder.path("pipe-\(UUID().uuidString)")
        try #require(mkfifo(path, 0o600) == 0)
        reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        writing = open(path, O_WRONLY | O_CLOEXEC)
        unlink(path)
        try #require(reading >= 0 && writing >= 0)
        try #require(fcntl(reading, F_SETFL, 0) == 0)
    }
}

/// How a program ended.
struct Outcome {
    /// The exit code, or minus the signal that ended it.
    let exitCode: Int32
    let output: String
    let errors: String
    /// The most resident memory it had, in bytes, looked at every few milliseconds.
    let peakMemory: Int

    /// The lines of standard error that are no notes.
    var errorLines: [String] {
        errors.split(separator: "\n").map(String.init).filter { $0.hasPrefix("beasts: ") }
    }

    /// Expects exactly one line on standard error, readable and without control characters, nothing on standard output.
    func expectFailure(
        _ code: Int32, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(exitCode == code, "\(errors)", sourceLocation: sourceLocation)
        #expect(output == "", sourceLocation: sourceLocation)
        #expect(errorLines.count == 1, "\(errors)", sourceLocation: sourceLocation)
        for part in parts {
            #expect(
                errorLines.first?.contains(part) == true, "'\(part)' is not in: \(errors)",
                sourceLocation: sourceLocation)
        }
        let controls = errors.unicodeScalars.filter { $0 != "\n" && $0.properties.generalCategory == .control }
        #expect(controls.isEmpty, "control characters in: \(errors.debugDescription)", sourceLocation: sourceLocation)
        #expect(errors.last == "\n", sourceLocation: sourceLocation)
    }

    func expectSuccess(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(exitCode == 0, "\(errors)", sourceLocation: sourceLocation)
        #expect(errorLines.isEmpty, "\(errors)", sourceLocation: sourceLocation)
    }
}
