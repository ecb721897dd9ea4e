// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastConformance
import BeastCore
import Menagerie

struct Conformance: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a backend: each op against a double-precision oracle, or whole models against golden fixtures."
    )

    @OptionGroup var backend: BackendOptions

    @Option(
        name: .long, help: "Run a folder of golden fixtures (with a manifest.json) instead of the ops.",
        completion: .directory)
    var fixtures: String?

    @Option(name: .long, help: "Only cases whose name contains this text.")
    var filter: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let chosen = try BackendDiscovery.ofThisProcess().choose(try BackendChoice(backend.backend))
        if common.verbose || backend.backend == "auto" { common.note("backend: \(chosen.summary)") }
        if let fixtures { try runFixtures(fixtures, chosen) }
    }

    private func runFixtures(_ folder: String, _ chosen: ChosenBackend) throws {
        let session = try chosen.makeSession(threadCount: backend.threads ?? ProcessorCount.available)
        let report = try FixtureRunner(folder: folder, session: session).run(filter: filter)
        print(report.text)
        if common.verbose { common.note("ops: \(session.statistics.summary)") }
        if report.hasFailed { throw ExitCode(2) }
    }
}
