// SPDX-License-Identifier: MIT
import BeastConformance
import Glibc
import Testing

@Suite("A child process") struct ChildProcessTests {
    private func shell(_ script: String) throws -> ChildProcess {
        try ChildProcess(path: "/bin/sh", arguments: ["-c", script])
    }

    @Test("is run to its end, with its streams and its exit code") func end() throws {
        let outcome = try ChildProcess.run(
            path: "/bin/sh", arguments: ["-c", "cat; echo out; echo err >&2; exit 7"], limit: .seconds(60))
        #expect(outcome.ending == .exited(code: 7))
        #expect(outcome.output == Array("out\n".utf8))
        #expect(outcome.errors == "err\n")
    }

    @Test("answers what it is sent") func conversation() throws {
        let process = try shell("while read line; do echo \"<$line>\"; done; echo over; exit 0")
        for word in ["one", "two"] {
            #expect(process.send(Array("\(word)\n".utf8)))
            #expect(process.read(by: .now + .seconds(60)) == .bytes(Array("<\(word)>\n".utf8)))
        }
        #expect((process.residentPeak ?? 0) > 1 << 16)
        process.closeInput()
        #expect(process.read(by: .now + .seconds(60)) == .bytes(Array("over\n".utf8)))
        #expect(process.read(by: .now + .seconds(60)) == .end)
        #expect(process.end(by: .now + .seconds(60)) == .exited(code: 0))
        #expect((process.accountedResidentPeak ?? 0) > 1 << 16 && process.residentPeak == nil)
        #expect(!process.send([10]))
    }

    @Test("that crashes is known by its signal") func crash() throws {
        let process = try shell("echo last words >&2; kill -SEGV $$")
        #expect(process.read(by: .now + .seconds(60)) == .end)
        #expect(process.end(by: .now + .seconds(60)) == .killed(signal: SIGSEGV))
        #expect(process.errorText == "last words\n")
        #expect("\(ChildProcess.Ending.killed(signal: SIGSEGV))" == "killed by signal 11 (Segmentation fault)")
    }

    @Test("that hangs is killed at its deadline, and so is one that writes without end")
    func deadline() throws {
        let process = try shell("exec sleep 600")
        #expect(process.read(by: .now + .milliseconds(50)) == .deadline)
        #expect(process.end(by: .now + .milliseconds(50)) == nil)
        #expect(process.kill() == .killed(signal: SIGKILL))
        for script in ["exec yes", "exec yes >&2"] {
            let outcome = try ChildProcess.run(
                path: "/bin/sh", arguments: ["-c", script], limit: .milliseconds(300), outputLimit: 1 << 20)
            #expect(outcome.ending == nil)
            #expect(outcome.output.count <= 1 << 21 && outcome.errors.utf8.count <= 1 << 18)
        }
    }

    @Test("is waited for no longer than it lives, though another process holds its streams") func grandchild() throws {
        let process = try shell("sleep 5 & exit 3")
        let start = ContinuousClock.now
        #expect(process.read(by: .now + .seconds(60)) == .end)
        #expect(process.end(by: .now + .seconds(60)) == .exited(code: 3))
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test("is gone when nobody holds it any more") func release() throws {
        var process: ChildProcess? = try shell("exec sleep 600")
        let identifier = try #require(process?.identifier)
        process = nil
        #expect(Glibc.kill(identifier, 0) == -1 && errno == ESRCH)
    }

    @Test("inherits no descriptor of another child") func descriptors() throws {
        let other = try shell("exec sleep 600")
        // What this process was started with goes to its children, as everywhere.
        let inherited = (3..<256).filter { fcntl(Int32($0), F_GETFD) == 0 }.map { String($0) }
        let outcome = try ChildProcess.run(
            path: "/bin/sh", arguments: ["-c", "ls /proc/$$/fd"], limit: .seconds(60))
        let found = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(found.contains("2") && Set(found).subtracting(inherited).isSubset(of: ["0", "1", "2"]))
        other.kill()
    }

    @Test("that cannot be started is an error that names the file") func missing() {
        #expect(throws: ChildProcessError.self) { try ChildProcess(path: "/nonexistent/program", arguments: []) }
        do {
            _ = try ChildProcess(path: "/nonexistent/program", arguments: [])
        } catch {
            #expect("\(error)" == "/nonexistent/program cannot be started: No such file or directory")
        }
    }
}
