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

    @Flag(name: .long, help: "List the cases of the op suite with their tolerances, without running any.")
    var list = false

    @Option(name: .long, help: "The seed that the numbers of the op suite are drawn from.")
    var seed: UInt64 = 1

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if fixtures != nil, list || common.json {
            throw ValidationError("--list and --json are for the op suite, not for --fixtures")
        }
    }

    func run() throws {
        let chosen = try BackendDiscovery.ofThisProcess().choose(try BackendChoice(backend.backend))
        if common.verbose || backend.backend == "auto" { common.note("backend: \(chosen.summary)") }
        if let fixtures {
            try runFixtures(fixtures, chosen)
        } else {
            try runOps(chosen)
        }
    }

    private func runOps(_ chosen: ChosenBackend) throws {
        let options = ContextOptions(device: chosen.device, threadCount: backend.threads ?? ProcessorCount.available)
        let runner = ConformanceRunner(library: chosen.library, options: options, seed: seed)
        if list {
            for testCase in runner.cases(filter: filter) { print("\(testCase.name)  tolerance: \(testCase.tolerance)") }
            return
        }
        let report = try runner.run(filter: filter) { name in if common.verbose { common.note(name) } }
        print(common.json ? report.json : report.text)
        if !report.isConforming { throw ExitCode(2) }
    }

    private func runFixtures(_ folder: String, _ chosen: ChosenBackend) throws {
        let session = try chosen.makeSession(threadCount: backend.threads ?? ProcessorCount.available)
        let report = try FixtureRunner(folder: folder, session: session).run(filter: filter)
        print(report.text)
        if common.verbose { common.note("ops: \(session.statistics.summary)") }
        if report.hasFailed { throw ExitCode(2) }
    }
}
