// SPDX-License-Identifier: MIT
import Foundation
import Testing

/// The program against backends with one mistake each: it must end with exit code 2 and say which.
@Suite struct ConformanceFaultTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.link(Program.backendName, to: Program.folder + "/" + Program.backendName)
    }

    private func check(
        _ mistake: String, _ filter: String?, plugin: String = "Mistaken", _ more: [String] = []
    ) throws -> Outcome {
        let file = "lib\(plugin)\(mistake).so"
        if !folder.exists(file) {
            try folder.link(file, to: "\(Program.folder)/libBeastTest\(plugin)Plugin.so")
        }
        return try Program.built.run(
            ["conformance", "--backend", folder.path(file), "--threads", "1"]
                + (filter.map { ["--filter", $0] } ?? []) + more, in: folder)
    }

    /// The mistake, the cases to run, what the report must say.
    static let wrongAnswers: [(String, String, [String])] = [
        ("WrongResult", "scale float32", ["FAILED: scale [", "found ", "expected ", "allowed distance "]),
        ("WrongEpsilon", "layer_norm epsilon", ["FAILED: layer_norm [", "found "]),
        ("OffByOneWrite", "add float32", ["FAILED: add [", "4 guard bytes of output", "were overwritten"]),
        ("FalseCapability", "top_k", ["FAILED: top_k ", "answered unsupported although supports answered yes"]),
        ("FalseModesty", "matmul [1,", ["FAILED: matmul [", "ran although supports answered no"]),
        (
            "CrashInSoftmax", "softmax float32",
            [
                "CRASHED: softmax [", "killed by signal 11", "its last words: about to follow a null pointer",
            ]
        ),
        ("ExitInMaxPool", "max_pool2d", ["CRASHED: max_pool2d [", "ended with exit code 3"]),
        ("Forgery", "gather_rows", ["CRASHED: gather_rows", "it answered what was not asked"]),
    ]

    @Test(arguments: wrongAnswers)
    func `A wrong backend fails, and the report names what is wrong`(
        mistake: String, filter: String, parts: [String]
    ) throws {
        let outcome = try check(mistake, filter)
        #expect(outcome.exitCode == 2, "\(outcome.errors)")
        for part in parts { #expect(outcome.output.contains(part), "\(part): \(outcome.output)") }
        #expect(outcome.output.contains("The backend does not conform."))
    }

    /// The plugin, the mistake, the status, what the report must say.
    static let wrongLibraries: [(String, String, String, [String])] = [
        ("Mistaken", "WrongVersion", "FAILED", ["wrong contract version", "contract 2.2"]),
        ("Mistaken", "TruncatedTable", "FAILED", ["damaged table", "lacks matmul, linear"]),
        ("Mistaken", "ErrorInProbe", "FAILED", ["the driver does not answer"]),
        ("Mistaken", "CrashInProbe", "CRASHED", ["while probing the device", "killed by signal 11"]),
        ("Mistaken", "CrashInContext", "CRASHED", ["3 workers in a row", "while making a context"]),
        ("Mistaken", "QueryExit", "CRASHED", ["while opening the library", "ended with exit code 0"]),
        ("Broken", "NoTable", "FAILED", ["its query gave no table"]),
        ("Broken", "NullEntry", "FAILED", ["lacks upload"]),
        ("Broken", "ProbeWild", "FAILED", ["the score -7"]),
        ("Broken", "ContextError", "FAILED", ["the device's memory is taken"]),
        ("Broken", "BadName", "FAILED", ["damaged table", "its name"]),
    ]

    @Test(arguments: wrongLibraries)
    func `A library that does not start is one finding, and the other cases are counted as not run`(
        plugin: String, mistake: String, status: String, parts: [String]
    ) throws {
        let outcome = try check(mistake, nil, plugin: plugin)
        #expect(outcome.exitCode == 2, "\(outcome.errors)")
        for part in parts + ["\(status): library", "Not run, since no worker got ready any more: "] {
            #expect(outcome.output.contains(part), "\(part): \(outcome.output)")
        }
        #expect(outcome.output.contains("\nconformance: 0 passed, "))
    }

    @Test func `A hang ends at the time limit, and one op's hangs are not waited for again and again`() throws {
        let outcome = try check("HangInArgReduce", "arg_reduce", ["--time-limit", "1"])
        #expect(outcome.exitCode == 2)
        #expect(outcome.output.contains("HUNG: arg_reduce ") && outcome.output.contains("no answer within 1 s, killed"))
        #expect(outcome.output.contains("not waited for, since the 3 cases of arg_reduce before it hung"))
        let start = try check("HangInProbe", nil, ["--time-limit", "1"])
        #expect(start.exitCode == 2 && start.output.contains("while probing the device: no answer within 1 s, killed"))
    }

    @Test func `A library that says it cannot run here, and a file that is not there, are no findings`() throws {
        try check("Refusal", nil, plugin: "Broken").expectFailure(69, "this processor lacks what it needs")
        try check("ScoreZeroWithReason", nil, plugin: "Broken").expectFailure(69, "there is no device of this kind")
        try Program.built.run(["conformance", "--backend", "./gone.so"], in: folder)
            .expectFailure(69, "gone.so", "No such file")
    }

    @Test func `What a backend prints gets in nobody's way`() throws {
        let outcome = try check("Talk", "gather_rows")
        #expect(outcome.exitCode == 0, "\(outcome.output)")
        #expect(outcome.output.contains(", 0 failed") && !outcome.output.contains("finished"))
    }

    @Test func `After a crash the next case runs, and isolated cases run in processes of their own`() throws {
        for more in [[], ["--isolate"]] {
            let outcome = try check("CrashInSoftmax", "malformed", more)
            #expect(outcome.exitCode == 2)
            #expect(outcome.output.contains("CRASHED: softmax malformed") && outcome.output.contains(", 1 crashed, "))
            // It comes after softmax.
            #expect(outcome.output.contains("\narg_reduce "))
        }
    }

    // MARK: Known failures

    @Test func `A known failure is no error, and one that passes is`() throws {
        let list = try folder.write(
            "# softmax follows a null pointer\n\nsoftmax [* : no kernel yet\nsoftmax malformed*\n", to: "known.txt")
        let known = try check("CrashInSoftmax", "softmax float32", ["--known-failures", list])
        #expect(known.exitCode == 0, "\(known.output)")
        #expect(known.output.contains("known failure: softmax [") && known.output.contains("(known: no kernel yet)"))
        let other = try check("WrongResult", "softmax float32", ["--known-failures", list])
        #expect(other.exitCode == 2 && other.output.contains("UNEXPECTED PASS: softmax ["), "\(other.output)")
        try check("WrongResult", "softmax", ["--known-failures", "gone.txt"])
            .expectFailure(65, "gone.txt", "cannot read the list of known failures")
    }

    private struct Report: Decodable {
        struct Case: Decodable {
            let outcome: String
            let detail: String?
        }

        let conforms: Bool
        let passed: Int
        let crashed: Int
        let known_failures: Int
        let cases: [Case]
    }

    @Test func `The report for programs holds every status`() throws {
        let outcome = try check("CrashInSoftmax", "softmax float32", ["--json"])
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        #expect(!report.conforms && report.crashed > 5 && report.known_failures == 0)
        #expect(report.cases.count { $0.outcome == "crashed" } == report.crashed)
        #expect(report.cases.allSatisfy { $0.outcome != "crashed" || $0.detail?.contains("signal 11") == true })
    }
}
