// SPDX-License-Identifier: MIT
public import BeastCore
internal import BeastWeights

/// The other side of ``IsolatedConformanceRunner`` and ``IsolatedFixtureRunner``: opens one backend and runs the cases it
/// is asked for, one at a time, in a process whose end is nobody's loss.
public struct ConformanceWorker {
    private let file: String
    private let options: ContextOptions
    private let seed: UInt64
    private let fixtures: String?
    private let connection: WorkerConnection

    /// Takes standard input and output for the conversation.
    /// - Parameters:
    ///   - file: the backend's library.
    ///   - options: of the contexts that the cases run on.
    ///   - seed: of the op suite's data.
    ///   - fixtures: a folder of fixtures to run instead of the op suite.
    /// - Throws: where the system has no descriptors left.
    public init(file: String, options: ContextOptions, seed: UInt64, fixtures: String?) throws {
        self.file = file
        self.options = options
        self.seed = seed
        self.fixtures = fixtures
        connection = try WorkerConnection()
    }

    /// Answers until nobody asks any more, and ends the process.
    public func serve() throws -> Never {
        let (library, first) = try open()
        if let fixtures {
            let manifest = try FixtureManifest(folder: fixtures)
            try announce(library, manifest.cases.map(\.id))
            var session: Session? = Session(backend: first)
            try answer(count: manifest.cases.count) { index in
                let current = try session ?? Session(backend: try library.makeContext(options))
                let entry = FixtureRunner(folder: fixtures, session: current).run(manifest.cases[index], in: manifest)
                // A failure may have spoilt the context; the next case shall not suffer for it.
                session = entry.status == .failed ? nil : current
                return WorkerMessage.Answer(
                    index: index, status: entry.status, detail: entry.detail, errorRatio: entry.worstRatio,
                    isIdentical: entry.isIdentical)
            }
        } else {
            let runner = ConformanceRunner(library: library, options: options, seed: seed)
            let cases = ConformanceCase.all(seed: seed)
            try announce(library, cases.map(\.name))
            var backend: PluginBackend? = first
            try answer(count: cases.count) { index in
                let current = try backend ?? library.makeContext(options)
                let result = runner.run(cases[index], on: current)
                backend = result.isFailure ? nil : current
                return WorkerMessage.Answer(
                    index: index, status: result.status, detail: result.detail ?? "",
                    errorRatio: result.largestErrorRatio, worstElement: result.worstElement)
            }
        }
        connection.end()
    }

    /// Opens the library and a first context, saying before each step what comes: it may be the last that is heard.
    private func open() throws -> (PluginLibrary, PluginBackend) {
        do {
            try connection.send(.starting(.open))
            let library = try PluginLibrary(path: file)
            try connection.send(.starting(.probe))
            try check(library, try library.probe(), "")
            if let device = options.device {
                // A number that the backend does not know is no fault of the backend.
                do {
                    try check(library, try library.probe(device: device), " on device \(device)")
                } catch let error as BackendError {
                    try refuse(isUnavailable: true, "backend '\(library.name)' cannot use device \(device): \(error)")
                }
            }
            try connection.send(.starting(.context))
            return (library, try library.makeContext(options))
        } catch let error as PluginError {
            try refuse(
                isUnavailable: error.code == .fileMissing || error.code == .refused,
                "\(file) is no backend for this program: \(error.code.rawValue): \(error.reason)")
        } catch let error as BackendError {
            try refuse(isUnavailable: false, "\(error)")
        }
    }

    private func check(_ library: PluginLibrary, _ probe: ProbeResult, _ place: String) throws {
        guard probe.score <= 0 else { return }
        let reason = probe.reason.isEmpty ? "it gave no reason" : probe.reason
        try refuse(isUnavailable: true, "backend '\(library.name)' (\(file)) cannot run here\(place): \(reason)")
    }

    private func refuse(isUnavailable: Bool, _ message: String) throws -> Never {
        try connection.send(.refused(WorkerMessage.Refusal(isUnavailable: isUnavailable, message: message)))
        connection.end()
    }

    private func announce(_ library: PluginLibrary, _ names: [String]) throws {
        try connection.send(
            .ready(
                WorkerMessage.Ready(
                    name: library.name, version: library.version,
                    ops: BackendOp.allCases.filter(library.hasEntry).map(\.name), caseCount: names.count,
                    digest: WorkerMessage.digest(of: names))))
    }

    private func answer(count: Int, _ run: (Int) throws -> WorkerMessage.Answer) throws {
        while let index = connection.nextRequest(), index >= 0, index < count {
            try connection.send(.started(index))
            do {
                try connection.send(.finished(try run(index)))
            } catch let error as BackendError {
                // No context for the case.
                try connection.send(
                    .finished(WorkerMessage.Answer(index: index, status: .failed, detail: "no context: \(error)")))
            }
        }
    }
}
