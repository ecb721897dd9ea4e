// SPDX-License-Identifier: MIT

/// Runs a folder of golden fixtures in worker processes: a crash or a hang is the result of one case.
///
/// Cases of a kind that begins with `bad_`, whose files are damaged on purpose, have a process of their own each, one
/// second, and 256 MiB more than a process that ran nothing.
public struct IsolatedFixtureRunner {
    private let command: WorkerCommand
    private let folder: String

    /// Whether each case gets a process of its own.
    public var isIsolating = false
    /// What every case may take, and a worker until it is ready; nil: a minute, and one second for damaged files.
    public var timeLimit: Duration?
    /// The cases that are known to fail.
    public var knownFailures = KnownFailures("")

    /// - Parameters:
    ///   - command: starts a worker for this folder.
    ///   - folder: the folder that holds `manifest.json`.
    public init(command: WorkerCommand, folder: String) {
        self.command = command
        self.folder = folder
    }

    /// The cases that a filter leaves, without running them: identifier, kind, and what the kind is of.
    /// - Throws: ``FixtureError`` when there is no manifest.
    public static func cases(in folder: String, filter: String? = nil) throws -> [(id: String, kind: String)] {
        try FixtureManifest(folder: folder).cases.filter { $0.isMeant(by: filter) }.map { fixture in
            (fixture.id, fixture.kind + (fixture.arch.map { " of \($0)" } ?? ""))
        }
    }

    /// Runs the cases.
    /// - Parameters:
    ///   - filter: text that a case's identifier must contain; nil for every case.
    ///   - progress: called with the identifier of each case before it starts.
    /// - Throws: ``FixtureError`` when there is no manifest or no worker runs any case; ``LibraryUnavailable``.
    public func run(filter: String? = nil, progress: (String) -> Void = { _ in }) throws -> FixtureReport {
        let cases = try FixtureManifest(folder: folder).cases
        let tasks = cases.indices.filter { cases[$0].isMeant(by: filter) }.map { index in
            let isDamaged = cases[index].isDamaged
            return WorkerRun.Task(
                index: index, limit: timeLimit ?? (isDamaged ? .seconds(1) : .seconds(60)),
                group: isDamaged ? cases[index].id : cases[index].kind, isDamagedInput: isDamaged)
        }
        var workers = WorkerRun(
            command: command, names: cases.map(\.id), isIsolating: isIsolating,
            startLimit: timeLimit ?? Worker.startLimit)
        var report = FixtureReport()
        let stop = workers.run(tasks) {
            progress(cases[$0.index].id)
        } book: { task, outcome in
            report.entries.append(cases[task.index].entry(outcome).judged(by: knownFailures))
        }
        guard let stop else { return report }
        guard workers.announcement != nil else {
            if stop.loss.kind == .refusal(isUnavailable: true) {
                throw LibraryUnavailable(description: stop.loss.message)
            }
            throw FixtureError("no case can be run on this backend: \(stop.loss.message)")
        }
        report.notRun = stop.left
        return report
    }
}

extension FixtureCase {
    fileprivate var isDamaged: Bool { kind.hasPrefix("bad_") }

    func isMeant(by filter: String?) -> Bool { filter.map(id.contains) ?? true }

    fileprivate func entry(_ outcome: WorkerRun.Outcome) -> FixtureReport.Entry {
        switch outcome {
        case .lost(let loss):
            return switch loss.kind {
            case .hang: entry(.hung, loss.message)
            case .crash: entry(.crashed, loss.message)
            case .memory, .refusal: entry(.failed, loss.message)
            }
        case .answered(let answer):
            guard [.passed, .failed, .notSupportedYet, .optional].contains(answer.status) else {
                return entry(.crashed, "it answered '\(answer.status.rawValue)', which no fixture ends with")
            }
            return FixtureReport.Entry(
                id: id, status: answer.status, detail: answer.detail, worstRatio: answer.errorRatio ?? 0,
                isIdentical: answer.isIdentical)
        }
    }
}
