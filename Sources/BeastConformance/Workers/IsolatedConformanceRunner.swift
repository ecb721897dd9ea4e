// SPDX-License-Identifier: MIT
internal import BeastCore

/// Runs the conformance cases on a backend that this process never opens: in worker processes, so that a crash, a hang or
/// an exit is the result of one case and not the end of the run.
public struct IsolatedConformanceRunner {
    private let command: WorkerCommand
    private let file: String
    private let seed: UInt64

    /// Whether each case gets a process of its own.
    public var isIsolating = false
    /// What every case may take, and a worker until it is ready; nil: 10 seconds and more by the case's size, and a
    /// minute to get ready.
    public var timeLimit: Duration?
    /// The cases that are known to fail.
    public var knownFailures = KnownFailures("")
    /// Shuffles the order of the cases; nil: the order of the contract. What one case leaves behind, another one finds.
    public var shuffle: UInt64?

    /// - Parameters:
    ///   - command: starts a worker for this backend and this seed.
    ///   - file: the backend's library, for the report.
    ///   - seed: of the data.
    public init(command: WorkerCommand, file: String, seed: UInt64 = 1) {
        self.command = command
        self.file = file
        self.seed = seed
    }

    /// Runs them in order.
    /// - Parameters:
    ///   - filter: words that must all occur in a case's name; nil for every case.
    ///   - progress: called with a line before each op's first case and with the text of each failure.
    /// - Throws: ``LibraryUnavailable`` when the library is in order and says that it cannot be used here.
    public func run(filter: String? = nil, progress: (String) -> Void = { _ in }) throws(LibraryUnavailable)
        -> ConformanceReport
    {
        let all = ConformanceCase.all(seed: seed)
        let wanted = Set(ConformanceCase.all(seed: seed, filter: filter).map(\.name))
        var order = all.indices.filter { wanted.contains(all[$0].name) }
        if let shuffle {
            var generator = SeededGenerator(seed: shuffle)
            order.shuffle(using: &generator)
        }
        let tasks = order.map { index in
            WorkerRun.Task(
                index: index, limit: timeLimit ?? all[index].timeLimit, group: all[index].subject)
        }
        var workers = WorkerRun(
            command: command, names: all.map(\.name), isIsolating: isIsolating,
            startLimit: timeLimit ?? Worker.startLimit)
        var results: [ConformanceResult] = []
        var subject = ""
        func book(_ result: ConformanceResult) {
            let result = result.judged(by: knownFailures)
            results.append(result)
            if let failure = result.failure { progress("\(result.status.rawValue): \(failure)") }
        }
        let stop = workers.run(tasks) { task in
            guard all[task.index].subject != subject, shuffle == nil else { return }
            subject = all[task.index].subject
            progress("\(subject): \(tasks.count { all[$0.index].subject == subject }) cases")
        } book: { task, outcome in
            book(ConformanceResult(all[task.index], outcome))
        }
        if let stop, workers.announcement == nil, stop.loss.kind == .refusal(isUnavailable: true) {
            throw LibraryUnavailable(description: stop.loss.message)
        }
        if let stop {
            // The library's own case was no more run than the others, or ran in a worker that did get ready.
            results.removeAll { $0.testCase.subject == LibraryCase.subject }
            let own = ConformanceCase(LibraryCase(), seed: seed)
            book(ConformanceResult(testCase: own, outcome: ConformanceResult.Outcome(stop.loss)))
        }
        // The report is in the contract's order, however the cases were run.
        let place = Dictionary(all.enumerated().map { ($1.name, $0) }) { first, _ in first }
        results.sort { (place[$0.testCase.name] ?? 0) < (place[$1.testCase.name] ?? 0) }
        let ops = Set(workers.announcement?.ops ?? [])
        var report = ConformanceReport(
            backend: workers.announcement?.name ?? String(file.split(separator: "/").last ?? ""),
            version: workers.announcement?.version ?? "", path: file, seed: seed, results: results,
            untested: filter == nil ? ConformanceCase.untestedOps { ops.contains($0.name) } : [],
            absent: ops.isEmpty ? [] : BackendOp.allCases.filter { !$0.isRequired && !ops.contains($0.name) })
        report.notRun = tasks.suffix(stop?.left ?? 0).count { all[$0.index].subject != LibraryCase.subject }
        if filter == nil { report.unusedKnownFailures = knownFailures.unused(among: all.map(\.name)) }
        return report
    }
}

/// A library that is in order and cannot be used on this machine, in its own words; or there is no such file.
public struct LibraryUnavailable: Error, Sendable, CustomStringConvertible {
    public let description: String
}

extension ConformanceCase {
    /// What it may take where nothing else is said: far more than a slow device needs, and for large cases about a
    /// hundred times what the reference backend does.
    var timeLimit: Duration { .seconds(10) + .microseconds(cost) }
}

extension ConformanceResult {
    fileprivate init(_ testCase: ConformanceCase, _ outcome: WorkerRun.Outcome) {
        switch outcome {
        case .lost(let loss): self.init(testCase: testCase, outcome: Outcome(loss))
        case .answered(let answer):
            self.init(
                testCase: testCase, outcome: Outcome(answer), largestErrorRatio: answer.errorRatio,
                worstElement: answer.worstElement)
        }
    }
}

extension ConformanceResult.Outcome {
    fileprivate init(_ answer: WorkerMessage.Answer) {
        switch answer.status {
        case .passed: self = .passed
        case .failed: self = .failed(answer.detail)
        case .unsupported: self = .unsupported(answer.detail)
        default: self = .crashed("it answered '\(answer.status.rawValue)', which no case ends with")
        }
    }

    fileprivate init(_ loss: Worker.Loss) {
        switch loss.kind {
        case .hang: self = .hung(loss.message)
        case .crash: self = .crashed(loss.message)
        case .memory, .refusal: self = .failed(loss.message)
        }
    }
}
