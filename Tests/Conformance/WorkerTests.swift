// SPDX-License-Identifier: MIT
import BeastConformance
import Foundation
import Testing

/// Workers that speak the protocol and then misbehave: shell scripts, so that every kind of misbehaviour can be written.
@Suite("A worker") struct WorkerTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "beasts-workers-\(UUID().uuidString)")

    /// Runs one fixture case, of a damaged file unless said otherwise, in a worker that does `script` once it is asked.
    private func run(
        _ script: String, kind: String = "bad_checkpoint", limit: Duration? = .seconds(60), count: Int = 1
    ) throws -> FixtureReport {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let names = (0..<count).map { "bad/\($0).pth" }
        let cases = names.map { #"{"id": "\#($0)", "kind": "\#(kind)"}"# }.joined(separator: ", ")
        try Data(#"{"cases": [\#(cases)]}"#.utf8).write(to: folder.appending(path: "manifest.json"))
        let digest = names.flatMap { Array($0.utf8) + [0] }
            .reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let ready =
            #"{"ready":{"_0":{"name":"shell","version":"1","ops":[],"caseCount":\#(count),"digest":\#(digest)}}}"#
        var runner = IsolatedFixtureRunner(
            command: WorkerCommand(path: "/bin/sh", arguments: ["-c", "echo '\(ready)'; read index; \(script)"]),
            folder: folder.path)
        runner.timeLimit = limit
        return try runner.run()
    }

    private let start = #"echo "{\"started\":{\"_0\":$index}}""#
    private func finish(_ status: String, index: String = "$index") -> String {
        #"echo "{\"finished\":{\"_0\":{\"index\":\#(index),\"status\":\"\#(status)\",\"detail\":\"fine\"}}}""#
    }

    @Test("that answers is believed, each case of damaged files in a process of its own") func answer() throws {
        let report = try run("\(start); \(finish("passed")); exit 1", count: 3)
        #expect(report.entries.map(\.status) == [.passed, .passed, .passed] && !report.hasFailed)
        #expect(report.entries.allSatisfy { $0.detail == "fine" })
    }

    @Test("that takes too long is killed: one second for damaged files, without what starting took") func slow() throws
    {
        let began = ContinuousClock.now
        let report = try run("\(start); exec sleep 600", limit: nil)
        #expect(report.entries.map(\.status) == [.hung])
        #expect(report.entries.first?.detail == "no answer within 1 s, killed")
        #expect(ContinuousClock.now - began < .seconds(30))
    }

    @Test("that takes too much memory fails, while it runs and afterwards") func memory() throws {
        let fill = "x=$(head -c 300000000 /dev/zero | tr '\\0' x)"
        for script in ["\(start); \(fill); sleep 600", "\(start); \(fill); x=; \(finish("passed")); read more"] {
            let report = try run(script)
            #expect(report.entries.map(\.status) == [.failed] && report.hasFailed)
            #expect(report.entries.first?.detail.contains("MiB of memory, allowed are ") == true)
        }
        let report = try run("\(start); \(fill); \(finish("passed")); read more", kind: "vit")
        #expect(report.entries.map(\.status) == [.passed], "only damaged files have a limit")
    }

    @Test(
        "that answers nonsense is a crash",
        arguments: [
            ("echo hello", "it wrote what is no answer"),
            ("echo '{\"finished\":{}}'", "it wrote what is no answer"),
            ("yes | tr -d '\\n'", "it wrote a line without end"),
            ("echo '{\"started\":{\"_0\":7}}'; read more", "it answered what was not asked"),
            ("exec >&-; sleep 600", "it closed its output and went on"),
            ("echo last >&2; exit 9", "ended with exit code 9; its last words: last"),
            ("echo last >&2; kill -ABRT $$", "killed by signal 6 (Aborted); its last words: last"),
        ])
    func nonsense(script: String, message: String) throws {
        let report = try run(script)
        #expect(report.entries.map(\.status) == [.crashed])
        #expect(report.entries.first?.detail == message)
    }

    @Test("that answers another case, or with a status that no case has, is a crash") func forgery() throws {
        for answer in [finish("passed", index: "5"), finish("unexpected pass"), finish("splendid")] {
            #expect(try run("\(start); \(answer); read more").entries.map(\.status) == [.crashed])
        }
    }

    @Test("that never gets ready is tried three times, and the rest is not run") func refusal() throws {
        let report = try run("\(start); exit 1", count: 2)
        #expect(report.entries.map(\.status) == [.crashed, .crashed] && report.notRun == 0)
        #expect(throws: FixtureError.self) {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            try Data(#"{"cases": [{"id": "a", "kind": "vit"}]}"#.utf8).write(
                to: folder.appending(path: "manifest.json"))
            let command = WorkerCommand(path: "/bin/sh", arguments: ["-c", "exit 4"])
            do {
                _ = try IsolatedFixtureRunner(command: command, folder: folder.path).run()
            } catch {
                #expect(
                    "\(error)".contains("3 workers in a row did not get ready: while starting: ended with exit code 4"))
                throw error
            }
        }
    }
}
