// SPDX-License-Identifier: MIT
import Foundation
import Testing

@Suite struct CompareTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.link(Program.backendName, to: Program.folder + "/" + Program.backendName)
    }

    private struct Report: Decodable {
        let isWithinBound: Bool
        let maximumError: Double?
        let relativeError: Double?
        let lowestCosine: Double?
        let pictures: [Picture]

        struct Picture: Decodable { let name: String }
    }

    private func compare(_ other: String, _ options: String...) throws -> Outcome {
        try Program.built.run(["compare", "reference", other, "--size", "16", "--quiet"] + options, in: folder)
    }

    @Test func `A backend agrees with itself to the last bit`() throws {
        let names = try Samples.fill(folder, count: 2)
        let outcome = try compare("reference", names[0], names[1], "--random", "3", "--format", "json", "--bound", "0")
        outcome.expectSuccess()
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        #expect(report.isWithinBound && report.maximumError == 0 && report.relativeError == 0)
        #expect(report.lowestCosine == 1)
        let expected: [String] = names + ["random 1 (seed 1)", "random 2 (seed 1)", "random 3 (seed 1)"]
        #expect(report.pictures.map(\.name) == expected)
    }

    @Test func `A backend that is wrong is beyond the bound`() throws {
        try folder.link("libMistakenWrongEpsilon.so", to: Program.folder + "/libBeastTestMistakenPlugin.so")
        let wrong = folder.path("libMistakenWrongEpsilon.so")
        let outcome = try compare(wrong, "--random", "2", "--bound", "1e-9", "--random-weights")
        #expect(outcome.exitCode == 4, "\(outcome.errors)")
        #expect(outcome.output.contains("beyond the bound") && outcome.output.contains("worst picture"))
        let loose = try compare(wrong, "--random", "2", "--bound", "1000")
        #expect(loose.exitCode == 0 && loose.output.contains("within the bound"))
    }

    @Test func `Wrong requests are one line`() throws {
        try compare("reference").expectFailure(64, "nothing to compare")
        try compare("reference", "gone.png").expectFailure(66, "gone.png")
        try compare("nonesuch", "--random", "1").expectFailure(69, "no backend 'nonesuch'")
        try compare("reference", "--random", "1", "--bound", "nan").expectFailure(64, "--bound")
        try compare("reference", "--random", "1", "--format", "csv").expectFailure(64, "text and json")
        try compare("reference", "--random", "1", "--threads", "0").expectFailure(64, "--threads 0")
    }
}
