// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastConformance
import BeastCore
import Glibc
import Menagerie

struct Conformance: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check a backend: each op against a double-precision oracle, or whole models against golden fixtures.",
        discussion: """
            The cases run in processes of their own, so that a crash or a hang is the result of one case. The exit code \
            is 2 when a case failed, crashed, hung, or passed though it is known to fail.
            """)

    @OptionGroup var backend: BackendOptions

    @Option(
        name: .long, help: "Run a folder of golden fixtures (with a manifest.json) instead of the ops.",
        completion: .directory)
    var fixtures: String?

    @Option(name: .long, help: "Only cases whose name contains this text.")
    var filter: String?

    @Flag(name: .long, help: "List the cases, the ops' with their tolerances, without running any.")
    var list = false

    @Option(name: .long, help: "The seed that the numbers of the op suite are drawn from.")
    var seed: UInt64 = 1

    @Flag(name: .long, help: "Run each case in a process of its own.")
    var isolate = false

    @Option(
        name: .customLong("time-limit"),
        help: ArgumentHelp(
            "What each case may take (default: 10 and more by its size; fixtures 60, damaged files 1).",
            valueName: "seconds"))
    var timeLimit: Double?

    @Option(
        name: .customLong("known-failures"),
        help: ArgumentHelp(
            "Cases that are known to fail: a name, or a beginning and *, a line; then ' : ' and the reason.",
            valueName: "file"),
        completion: .file())
    var knownFailures: String?

    @Flag(name: .customLong("in-process"), help: .hidden)
    var inProcess = false

    /// Answers the process that started this one.
    @Flag(name: .long, help: .hidden)
    var worker = false

    @Option(
        name: .long,
        help: ArgumentHelp("Run the op suite's cases in an order that is shuffled by this number.", valueName: "number")
    )
    var shuffle: UInt64?

    @OptionGroup var vulkan: VulkanOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let timeLimit, !(timeLimit >= 0.001 && timeLimit <= 86400) {
            throw ValidationError("--time-limit \(timeLimit): must be 0.001 to 86400 seconds")
        }
        if inProcess, isolate || timeLimit != nil || knownFailures != nil {
            throw ValidationError("--in-process has no worker processes to --isolate, limit or judge")
        }
    }

    func run() throws {
        do {
            try check()
        } catch let error as LibraryUnavailable {
            throw MenagerieError(.unavailable, error.description)
        } catch let error as FixtureError {
            throw MenagerieError(.badData, error.description)
        }
    }

    private func check() throws {
        if worker { try work() }
        if list { return try printList() }
        try vulkan.apply(to: backend.backend)
        if vulkan.validationSelfTest { return try testValidation() }
        if inProcess { return try runInProcess() }
        let known = try knownFailures.map(KnownFailures.init(path:)) ?? KnownFailures("")
        let (file, device) = try library()
        if let fixtures {
            try runFixtures(fixtures, file, device, known)
        } else {
            try runOps(file, device, known)
        }
    }

    private func testValidation() throws {
        let (file, device) = try library()
        let message = try vulkan.runSelfTest(on: try PluginLibrary(path: file), device: device)
        StandardOutput.print("validation self-test: the layer reported the mistake that was made for it: \(message)")
    }

    private var threadCount: Int { backend.threads ?? ProcessorCount.available }

    // MARK: Workers

    /// The file of the backend that is meant. A file that is named is not opened here: what is wrong with it is a finding.
    private func library() throws -> (file: String, device: Int?) {
        let choice = try BackendChoice(backend.backend)
        guard case .file(let path, let device) = choice else {
            let chosen = try BackendDiscovery.ofThisProcess().choose(choice)
            if common.verbose || choice == .auto { common.note("backend: \(chosen.summary)") }
            _ = try backend.precision.resolved(on: chosen)
            return (chosen.library.path, chosen.device)
        }
        guard access(path, F_OK) == 0 else {
            throw MenagerieError(
                .unavailable, "\(path) is no backend for this program: \(String(cString: strerror(errno)))")
        }
        return (path.contains("/") ? path : "./" + path, device)
    }

    private func command(_ file: String, _ device: Int?) -> WorkerCommand {
        let backend = file + (device.map { ":\($0)" } ?? "")
        var arguments = [
            "conformance", "--worker", "--backend=\(backend)", "--threads=\(threadCount)", "--seed=\(seed)",
        ]
        if let fixtures { arguments.append("--fixtures=\(fixtures)") }
        return WorkerCommand(path: "/proc/self/exe", arguments: arguments)
    }

    private func work() throws -> Never {
        guard case .file(let path, let device) = try BackendChoice(backend.backend) else {
            throw ValidationError("--worker needs the file of a backend")
        }
        let worker = try ConformanceWorker(
            file: path, options: ContextOptions(device: device, threadCount: threadCount), seed: seed,
            fixtures: fixtures)
        try worker.serve()
    }

    private func runOps(_ file: String, _ device: Int?, _ known: KnownFailures) throws {
        var runner = IsolatedConformanceRunner(command: command(file, device), file: file, seed: seed)
        runner.isIsolating = isolate
        runner.timeLimit = timeLimit.map { .seconds($0) }
        runner.knownFailures = known
        runner.shuffle = shuffle
        try report(try runner.run(filter: filter) { line in if common.verbose { common.note(line) } })
    }

    private func runFixtures(_ folder: String, _ file: String, _ device: Int?, _ known: KnownFailures) throws {
        var runner = IsolatedFixtureRunner(command: command(file, device), folder: folder)
        runner.isIsolating = isolate
        runner.timeLimit = timeLimit.map { .seconds($0) }
        runner.knownFailures = known
        try report(try runner.run(filter: filter) { line in if common.verbose { common.note(line) } })
    }

    // MARK: Reports

    private func report(_ report: ConformanceReport) throws {
        StandardOutput.print(common.json ? report.json : report.text)
        if !report.isConforming { throw ExitCode(2) }
    }

    private func report(_ report: FixtureReport) throws {
        StandardOutput.print(common.json ? report.json : report.text)
        if report.hasFailed { throw ExitCode(2) }
    }

    private func printList() throws {
        if let fixtures {
            let cases = try IsolatedFixtureRunner.cases(in: fixtures, filter: filter)
            if common.json { return try JSONOutput.print(cases.map { ["id": $0.id, "kind": $0.kind] }) }
            for (id, kind) in cases { StandardOutput.print("\(id)  \(kind)") }
        } else {
            let cases = ConformanceCase.all(seed: seed, filter: filter)
            if common.json { return try JSONOutput.print(cases.map { ["name": $0.name, "tolerance": $0.tolerance] }) }
            for testCase in cases { StandardOutput.print("\(testCase.name)  tolerance: \(testCase.tolerance)") }
        }
    }

    // MARK: Without workers

    /// Everything in this process, which a debugger can follow.
    private func runInProcess() throws {
        let chosen = try backend.choose(common)
        if let fixtures {
            let session = try chosen.makeSession(threadCount: threadCount)
            let report = try FixtureRunner(folder: fixtures, session: session).run(filter: filter)
            if common.verbose { common.note("ops: \(session.statistics.summary)") }
            return try self.report(report)
        }
        let options = ContextOptions(device: chosen.device, threadCount: threadCount)
        let runner = ConformanceRunner(library: chosen.library, options: options, seed: seed)
        try report(try runner.run(filter: filter) { line in if common.verbose { common.note(line) } })
    }
}
