// SPDX-License-Identifier: MIT
public import BeastCore

/// One thing that a backend must do right: an op with shapes, layouts and data, and what is allowed to be off.
public struct ConformanceCase: Sendable {
    /// The op's name in the contract; `buffers`, `weights` or `context` for what belongs to no op.
    public let subject: String
    /// nil for what belongs to no op.
    public let op: BackendOp?
    /// Shapes, layouts, parameters and the seed of the data, in one line.
    public let parameters: String
    /// How the allowed distance from the right value follows from the formula and the accumulation length.
    public let tolerance: String
    /// About how many innermost steps the oracle takes; test runs in debug builds leave out what is large.
    public let cost: Int
    /// Whether a backend may answer that it does not do this: optional ops, element types other than float32, and
    /// epilogues that are not empty.
    public let mayBeUnsupported: Bool
    /// The element type that a backend claims by naming it among its native ones, where that makes this case a duty.
    public let claimedBy: DType?
    public let seed: UInt64
    private let body: any CaseBody

    init(_ body: any CaseBody, seed: UInt64) {
        subject = body.subject
        op = body.op
        parameters = body.parameters + ", seed \(seed)"
        tolerance = body.tolerance
        cost = body.cost
        mayBeUnsupported = body.mayBeUnsupported || body.op.map { !$0.isRequired } ?? false
        claimedBy = body.claimedBy
        self.seed = seed
        self.body = body
    }

    /// The line that reports and filters use.
    public var name: String { "\(subject) \(parameters)" }

    /// Runs the case.
    /// - Parameters:
    ///   - backend: the context to run on; it is left as it was found.
    ///   - library: the library it belongs to, for cases that call the C contract themselves; without it they count as
    ///     unsupported.
    public func run(on backend: any Backend, library: PluginLibrary? = nil) -> ConformanceResult {
        let bench = Workbench(
            backend: backend, library: library, generator: SeededGenerator(seed: seed, name: subject + body.parameters),
            mayBeUnsupported: mayBeUnsupported)
        var outcome = ConformanceResult.Outcome.passed
        do throws(CaseStop) {
            try body.run(bench)
            try bench.checkGuards()
        } catch {
            outcome = ConformanceResult.Outcome(error)
        }
        do throws(CaseStop) {
            try bench.close()
        } catch {
            if case .passed = outcome { outcome = ConformanceResult.Outcome(error) }
        }
        if case .unsupported(let reason) = outcome, let claimedBy, let library, claims(claimedBy, library) {
            outcome = .failed("\(claimedBy) is among the native types of its probe, and yet: \(reason)")
        }
        return ConformanceResult(testCase: self, outcome: outcome, worst: bench.worst)
    }

    private func claims(_ dtype: DType, _ library: PluginLibrary) -> Bool {
        guard let probe = try? library.probe() else { return false }
        return probe.nativeDTypes.contains(dtype)
    }
}

extension ConformanceCase: CustomStringConvertible {
    public var description: String { name }
}

/// What a kind of case defines: its parameters are its stored properties.
protocol CaseBody: Sendable {
    var op: BackendOp? { get }
    var subject: String { get }
    var parameters: String { get }
    var tolerance: String { get }
    var cost: Int { get }
    var mayBeUnsupported: Bool { get }
    /// See ``ConformanceCase/claimedBy``.
    var claimedBy: DType? { get }
    func run(_ bench: Workbench) throws(CaseStop)
}

extension CaseBody {
    var subject: String { op?.name ?? "context" }
    var mayBeUnsupported: Bool { false }
    var claimedBy: DType? { nil }
    var cost: Int { 1000 }
}

/// The sentences on tolerances that several ops share.
enum Tolerance {
    static let exact = "exact: nothing is computed, or the result is one of the inputs"
    static let oneOperation = "1 unit in the last place of float32 for each operation: IEEE asks for half of one"
    static let products =
        "min(K, 4 sqrt K) + 2 units (2^-24) of the sum of |a b|: float32 products and accumulation over K; then "
        + "1 unit in the last place for each step of the epilogue"
    static let softmax =
        "relative: 4 + 3 |x - max| units in the last place for exp (GPU precision is 3 + 2 |x|), the same on average "
        + "for the sum, and its float32 accumulation"
    static let norms =
        "float32 accumulation of mean and squared distances (two passes or Welford): their errors carried through "
        + "(x - mean) / sqrt(variance + epsilon), then 1 unit in the last place for each step"
    static let activations =
        "GELU: 8 units (2^-24) of |x|, for erf right to 1.5e-7; "
        + "SiLU: 8 + 2 |x| units in the last place, for exp; ReLU exact"
    static let code = "the status code, and nothing written"
}
