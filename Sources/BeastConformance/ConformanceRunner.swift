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
    public func cases(filter: String? = nil) -> [ConformanceCase] {
        ConformanceCase.all(seed: seed).filter { testCase in
            let words = testCase.name.split(separator: " ").map { $0.lowercased() }
            let name = testCase.name.lowercased()
            return (filter ?? "").lowercased().split(separator: " ").allSatisfy { word in
                // The name of an op means that op, and not also those whose name contains it.
                BackendOp.allCases.contains { $0.name == word } ? words.first == String(word) : contains(name, word)
            }
        }
    }

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
            untested: filter == nil ? untestedOps : [],
            absent: BackendOp.allCases.filter { !$0.isRequired && !library.hasEntry($0) })
    }

    private func run(_ testCase: ConformanceCase, on backend: PluginBackend) -> ConformanceResult {
        if let op = testCase.op, !library.hasEntry(op) {
            return ConformanceResult(
                testCase: testCase,
                outcome: op.isRequired ? .failed("the backend does not have it") : .unsupported("not in this backend"))
        }
        return testCase.run(on: backend, library: library)
    }

    /// Ops that the backend has and no case tests; a required one among them makes the run fail.
    private var untestedOps: [BackendOp] {
        let tested = Set(
            ConformanceCase.all(seed: seed).filter { !($0.parameters.hasPrefix("malformed")) }.compactMap(\.op))
        return BackendOp.allCases.filter { library.hasEntry($0) && !tested.contains($0) }
    }
}

private func contains(_ text: String, _ part: Substring) -> Bool {
    let (text, part) = (Array(text.utf8), Array(part.utf8))
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
}
