// SPDX-License-Identifier: MIT
import Foundation
import Testing

/// `conformance --fixtures` on the small models that the repository holds.
@Suite struct ConformanceFixtureTests {
    private let folder: TemporaryFolder
    private let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens/models").path

    init() throws { folder = try TemporaryFolder() }

    private func run(_ more: [String], models: String? = nil, backend: String = "reference") throws -> Outcome {
        try Program.built.run(
            ["conformance", "--backend", backend, "--fixtures", models ?? self.models] + more, in: folder)
    }

    private struct Report: Decodable {
        struct Case: Decodable {
            let id: String
            let outcome: String
            let error_ratio: Double
        }

        let conforms: Bool
        let passed: Int
        let cases: [Case]
    }

    @Test func `Small models of each architecture give their golden outputs`() throws {
        let outcome = try run(["--json"])
        #expect(outcome.exitCode == 0, "\(outcome.output) \(outcome.errors)")
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        #expect(report.conforms && report.passed == 11)
        // Codes are equal or not, and few probabilities may be; everything else is never equal to the last bit.
        let exact = ["gpt/a_greedy_past_block", "gpt/a_topk_ties"]
        #expect(report.cases.allSatisfy { $0.error_ratio > 0 || exact.contains($0.id) })
        #expect(report.cases.allSatisfy { $0.error_ratio < 1 })
        #expect(try run([]).output.hasSuffix("\nfixtures: 11 passed, 0 failed, 0 not supported yet, 0 optional\n"))
    }

    @Test func `The cases are listed and filtered`() throws {
        let list = try run(["--list"])
        #expect(list.exitCode == 0 && list.output.contains("dino/valid_base  vit of dino_vit\n"))
        #expect(try run(["--list", "--json", "--filter", "mae"]).output.contains(#""id" : "mae/eps""#))
        let one = try run(["--filter", "mae", "--isolate"])
        #expect(one.output.contains("passed  mae/eps") && !one.output.contains("dino"))
    }

    @Test func `A backend that crashes costs the case and not the run`() throws {
        try folder.link(Program.backendName, to: Program.folder + "/" + Program.backendName)
        try folder.link("libMistakenExitInMaxPool.so", to: Program.folder + "/libBeastTestMistakenPlugin.so")
        let outcome = try run([], backend: folder.path("libMistakenExitInMaxPool.so"))
        #expect(outcome.exitCode == 2)
        #expect(outcome.output.contains("crashed  resnext/eps_odd  ended with exit code 3"))
        #expect(
            outcome.output.hasSuffix("fixtures: 10 passed, 0 failed, 1 crashed, 0 not supported yet, 0 optional\n"))
        let known = try folder.write("resnext/* : leaves in max_pool2d\n", to: "known.txt")
        let judged = try run(["--known-failures", known], backend: folder.path("libMistakenExitInMaxPool.so"))
        #expect(judged.exitCode == 0 && judged.output.contains("1 known failures"))
    }

    @Test func `A folder without a manifest is an error that names it`() throws {
        try run([], models: folder.path).expectFailure(65, folder.path("manifest.json"), "cannot read the manifest")
    }

    @Test func `A wrong output fails`() throws {
        try Program(path: "/bin/cp").run(["-r", models, folder.path("copy")], in: folder).expectSuccess()
        var bytes = try folder.bytes("copy/mae/out_eps_cls.npy")
        bytes[bytes.count - 2] ^= 0x40
        try folder.write(bytes, to: "copy/mae/out_eps_cls.npy")
        let outcome = try run(["--filter", "mae"], models: folder.path("copy"))
        #expect(outcome.exitCode == 2 && outcome.output.contains("failed  mae/eps"), "\(outcome.output)")
    }
}
