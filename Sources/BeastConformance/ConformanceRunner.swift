// SPDX-License-Identifier: MIT
public import BeastCore

/// Runs the conformance cases on a backend library: what is right or wrong with it, and by how much.
///
/// ```swift
/// let library = try PluginLibrary(path: "libBeastsCPUReferenceBackend.so")
/// let report = try ConformanceRunner(library: library).run()
/// print(report.text)
/// ```
public struct ConformanceRunner {
    private let library: PluginLibrary
    private let options: ContextOptions
    private let seed: UInt64

    /// - Parameters:
    ///   - library: the backend, already opened.
    ///   - options: of the context that the cases run on.
    ///   - seed: of the data.
    public init(library: PluginLibrary, options: ContextOptions = ContextOptions(), seed: UInt64 = 1) {
        self.library = library
        self.options = options
        self.seed = seed
    }

    /// The cases that a filter leaves, without running them.
    /// - Parameter filter: words that must all occur in the case's name; nil for every case.
    public func cases(filter: String? = nil) -> [ConformanceCase] { ConformanceCase.all(seed: seed, filter: filter) }

    /// Runs them in order on one context.
    /// - Parameters:
    ///   - filter: as in ``cases(filter:)``.
    ///   - progress: called with a line before each op's first case and with the text of each failure.
    /// - Throws: when the backend gives no context; what goes wrong in a case is part of the report.
    public func run(filter: String? = nil, progress: (String) -> Void = { _ in }) throws(BackendError)
        -> ConformanceReport
    {
        let cases = cases(filter: filter)
        var backend = try library.makeContext(options)
        var results: [ConformanceResult] = []
        var subject = ""
        for testCase in cases {
            if testCase.subject != subject {
                subject = testCase.subject
                progress("\(subject): \(cases.count { $0.subject == subject }) cases")
            }
            let result = run(testCase, on: backend)
            results.append(result)
            if let failure = result.failure {
                progress("failed: \(failure)")
                // A failure may have spoilt the context; the next case shall not suffer for it.
                backend = try library.makeContext(options)
            }
        }
        return ConformanceReport(
            backend: library.name, version: library.version, path: library.path, seed: seed, results: results,
            untested: filter == nil ? ConformanceCase.untestedOps(where: library.hasEntry) : [],
            absent: BackendOp.allCases.filter { !$0.isRequired && !library.hasEntry($0) })
    }

    func run(_ testCase: ConformanceCase, on backend: PluginBackend) -> ConformanceResult {
        if let op = testCase.op, !library.hasEntry(op) {
            return ConformanceResult(
                testCase: testCase,
                outcome: op.isRequired ? .failed("the backend does not have it") : .unsupported("not in this backend"))
        }
        return testCase.run(on: backend, library: library)
    }
}
