// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

@Suite struct InterruptionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Starts a run that lasts for minutes and waits until it is at work.
    private func startLongRun() throws -> RunningProgram {
        try folder.write("old", to: "out.npy")
        try folder.write("old list", to: "out.paths.txt")
        try folder.write(try Samples.picture(1), to: "p.png")
        let arguments = ["embed", "-", "--size", "128", "--batch-size", "64", "--quiet", "-o", "out.npy"]
        let list = String(repeating: "p.png\n", count: 1000)
        let program = try Program.built.start(arguments.map { Array($0.utf8) }, in: folder, input: Array(list.utf8))
        let deadline = ContinuousClock.now + .seconds(60)
        while !folder.names.contains(where: { $0.hasSuffix(".partial") }), ContinuousClock.now < deadline { usleep(5000) }
        usleep(200_000)
        return program
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `An interruption ends a run at once, leaves nothing half written and does not touch the old output`(
        signal: Int32
    ) throws {
        let program = try startLongRun()
        let start = ContinuousClock.now
        program.send(signal)
        let outcome = try program.end()
        #expect(ContinuousClock.now - start < .seconds(5))
        outcome.expectFailure(130, "interrupted")
        #expect(folder.names == ["out.npy", "out.paths.txt", "p.png"])
        #expect(try folder.text("out.npy") == "old")
        #expect(try folder.text("out.paths.txt") == "old list")
    }

    @Test func `A program that is killed leaves nothing under the final name`() throws {
        let program = try startLongRun()
        program.send(SIGKILL)
        #expect(try program.end().exitCode == -SIGKILL)
        #expect(try folder.text("out.npy") == "old")
        #expect(try folder.text("out.paths.txt") == "old list")
        // What it left under hidden names is in nobody's way.
        try Program.built.run(["embed", "p.png", "-o", "out.npy"] + Samples.small, in: folder).expectSuccess()
    }

    @Test func `An interruption is heard while a pipe has no reader`() throws {
        try folder.write(try Samples.picture(1), to: "p.png")
        mkfifo(folder.path("x.jsonl"), 0o644)
        let program = try Program.built.start(
            (["embed", "p.png", "-o", "x.jsonl"] + Samples.small).map { Array($0.utf8) }, in: folder)
        usleep(500_000)
        program.send(SIGINT)
        try program.end().expectFailure(130, "interrupted")
        #expect(folder.names == ["p.png", "x.jsonl"])
    }

    @Test func `A reader that goes away ends the program quietly`() throws {
        try folder.write(try Samples.picture(1), to: "p.png")
        let pipe = try Pipe(in: folder)
        let list = String(repeating: "p.png\n", count: 100_000)
        let program = try Program.built.start(
            (["embed", "-", "--batch-size", "1"] + Samples.small).map { Array($0.utf8) }, in: folder, input: Array(list.utf8),
            output: .descriptor(pipe.writing))
        close(pipe.writing)
        var byte: UInt8 = 0
        #expect(read(pipe.reading, &byte, 1) == 1)
        close(pipe.reading)
        let outcome = try program.end()
        #expect(outcome.exitCode == 74)
        #expect(outcome.errors == "")
    }

    @Test(arguments: [["list"], ["show"], ["backends", "--json"], ["--help"], ["--version"]])
    func `Results that nobody can take are an error`(arguments: [String]) throws {
        let full = try Program.built.run(arguments, in: folder, output: .path("/dev/full"))
        #expect(full.exitCode == 74)
        #expect(full.errorLines.count == 1 && full.errors.contains("No space left"))
        let pipe = try Pipe(in: folder)
        close(pipe.reading)
        let gone = try Program.built.run(arguments, in: folder, output: .descriptor(pipe.writing))
        close(pipe.writing)
        #expect(gone.exitCode == 74 && gone.errors == "")
    }

    @Test func `Closed standard streams are no file's descriptors`() throws {
        try folder.write(try Samples.picture(1), to: "p.png")
        let script = "\"$0\" \"$@\" <&- >&- 2>&-; echo $?"
        let outcome = try Program(path: "/bin/sh").run(
            ["-c", script, Program.built.path, "embed", "p.png", "-o", "out.npy", "--size", "16"], in: folder)
        #expect(outcome.output == "0\n")
        #expect(try folder.bytes("out.npy").count == 128 + 192 * 4)
        #expect(try folder.text("out.paths.txt") == "p.png\n")
    }
}
