// SPDX-License-Identifier: MIT
import Foundation
import Testing

@Suite struct BenchTests {
    private let folder: TemporaryFolder
    private let quick = ["bench", "--backend", "reference", "--size", "16", "--repeats", "2", "--quiet"]

    init() throws { folder = try TemporaryFolder() }

    private func bench(_ options: String...) throws -> String {
        let outcome = try Program.built.run(quick + options, in: folder)
        outcome.expectSuccess()
        return outcome.output
    }

    private struct Document: Decodable {
        struct Machine: Decodable {
            let processor: String
            let cores: Int
            let system: String
        }

        struct Op: Decodable {
            let op: String
            let calls: Int
            let operations: Double
        }

        struct Result: Decodable {
            let model: String
            let threads: Int
            let batch: Int
            let size: Int
            let seconds: [Double]
            let operations: Double
            let peakBytes: Int
            let ops: [Op]?
            let machine: Machine?
        }

        let machine: Machine
        let results: [Result]
    }

    @Test func `Lists are combined, and the report for programs holds every sample`() throws {
        let text = try bench("--batch-size", "1,2", "--threads", "1,2", "--format", "json", "--ops")
        let document = try JSONDecoder().decode(Document.self, from: Data(text.utf8))
        #expect(document.results.map { [$0.threads, $0.batch] } == [[1, 1], [1, 2], [2, 1], [2, 2]])
        #expect(document.results.allSatisfy { $0.seconds.count == 2 && $0.seconds.allSatisfy { $0 > 0 } })
        #expect(document.results.allSatisfy { $0.size == 16 && $0.peakBytes > 1 << 20 })
        // 4 patches and the CLS token, as worked out for 64 patches in OperationCountTests: five blocks of all tokens,
        // one of the CLS token that looks at all.
        let one: Double = 294_912 + 5 * (4_423_680 + 19_200) + 1_105_920 + 663_552 + 3_840
        #expect(document.results.map(\.operations) == [one, 2 * one, one, 2 * one])
        for result in document.results {
            #expect(result.ops?.reduce(0) { $0 + $1.operations } == result.operations)
        }
        #expect(!document.machine.processor.isEmpty && document.machine.cores > 0 && !document.machine.system.isEmpty)
    }

    @Test func `Lines of JSON, CSV and Markdown hold a row for each combination`() throws {
        let lines = try bench("--batch-size", "1,2", "--format", "jsonl").split(separator: "\n")
        let results = try lines.map { try JSONDecoder().decode(Document.Result.self, from: Data($0.utf8)) }
        #expect(results.map(\.batch) == [1, 2])
        #expect(results.allSatisfy { $0.machine != nil && $0.model == "cub_dino_vitt8" })

        let rows = csvRows(Array(try bench("--batch-size", "1,2", "--format", "csv", "--random-weights").utf8))
        #expect(rows.count == 3 && Set(rows.map(\.count)) == [12])
        #expect(rows[0].prefix(6) == ["model", "backend", "threads", "precision", "batch", "size"])
        #expect(rows.dropFirst().allSatisfy { $0[1] == "reference" && $0[3] == "f32" && (Double($0[6]) ?? 0) > 0 })

        let table = try bench("--batch-size", "1,2", "--ops").split(separator: "\n").filter { $0.hasPrefix("|") }
        #expect(table[0].contains("pictures/s") && table[1].hasPrefix("|--"))
        #expect(table.contains { $0.contains("linear") && $0.contains(" over 192") })
    }

    @Test func `A model that has no weights here runs with random ones`() throws {
        let options = ["bench", "--model", "dino_s_vits16", "--backend", "reference", "--quiet"]
        let fast = ["--size", "16", "--batch-size", "1", "--repeats", "1", "--warm-up", "0"]
        try Program.built.run(options + fast, in: folder).expectFailure(69, "dino_s_vits16", "--weights")
        let outcome = try Program.built.run(options + fast + ["--random-weights"], in: folder)
        outcome.expectSuccess()
        #expect(outcome.output.contains("dino_s_vits16"))
    }

    @Test(
        arguments: [
            (["--batch-size", "1,0"], 64, "--batch-size 0"), (["--batch-size", "1,,2"], 64, "is empty"),
            (["--batch-size", "2,2"], 64, "given twice"), (["--threads", "0"], 64, "--threads 0"),
            (["--threads", "1,10000"], 64, "--threads 10000"), (["--size", "16,x"], 64, "'x'"),
            (["--size", "4"], 64, "less than one patch"), (["--model", "cub_dino_vitt8,nonesuch"], 64, "nonesuch"),
            (["--backend", "reference,nonesuch"], 69, "no backend 'nonesuch'"), (["--format", "xml"], 64, "xml"),
            (["--precision", "f32,f8"], 64, "'f8'"), (["--precision", "f32,bf16"], 69, "unsupported by backend"),
            (["--repeats", "0"], 64, "--repeats 0"), (["--random-weights", "--weights", "w.pth"], 64, "exclude"),
            (["--json", "--format", "csv"], 64, "exclude"), (["--limit"], 64, "--limit without --model"),
        ] as [([String], Int32, String)])
    func `A wrong entry is one line before anything runs`(options: [String], code: Int32, part: String) throws {
        try Program.built.run(quick + options, in: folder).expectFailure(code, part)
    }

    @Test func `The limit is measured without a model`() throws {
        let outcome = try Program.built.run(
            ["bench", "--limit", "--backend", "reference", "--repeats", "1", "--format", "csv"], in: folder)
        outcome.expectSuccess()
        let rows = csvRows(Array(outcome.output.utf8))
        #expect(rows.contains { $0[3] == "linear" } && rows.contains { $0[3] == "matmul" })
        #expect(rows.dropFirst().allSatisfy { $0[2] == "f32" && (Double($0[8]) ?? 0) > 0 })
    }

    @Test func `Steps of a generator are compared with how fast memory is read`() throws {
        let outcome = try Program.built.run(
            [
                "bench", "--model", "cub_gpt", "--backend", "reference", "--limit", "--steps", "1", "--repeats", "1",
                "--warm-up", "0", "--format", "csv",
            ], in: folder)
        outcome.expectSuccess()
        let rows = csvRows(Array(outcome.output.utf8))
        let column = try #require(rows[0].firstIndex(of: "fraction_of_memory"))
        #expect(try #require(Double(rows[1][column])) > 0)
    }
}
