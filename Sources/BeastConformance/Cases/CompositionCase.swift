// SPDX-License-Identifier: MIT
internal import BeastCore

/// A fused op the other way: the same case, with the op composed from the backend's required ops.
///
/// Composition and fused op are held against one oracle with one tolerance, so where a backend has both they differ by
/// twice the tolerance at most; where it has only the required ops, this is what models compute with.
struct CompositionCase: CaseBody {
    let fused: any CaseBody

    var op: BackendOp? { nil }
    var subject: String { "composition" }
    var parameters: String { "of \(fused.subject) \(fused.parameters)" }
    var tolerance: String {
        fused.tolerance + "; the same as for the fused op, whose bound counts one rounding for each step"
    }
    var cost: Int { 2 * fused.cost }

    func run(_ bench: Workbench) throws(CaseStop) {
        bench.composesFusedOps = true
        try fused.run(bench)
        guard bench.composedCount > 0 else { throw .failed("nothing was composed") }
    }

    static var all: [CompositionCase] {
        let linear: [any CaseBody] = LinearCase.all.filter { testCase in
            !testCase.epilogue.isEmpty && testCase.dtype == .float32 && testCase.target == .float32
        }
        let convolutions: [any CaseBody] = Conv2dCase.all.filter { testCase in
            !testCase.epilogue.isEmpty && testCase.dtype == .float32 && testCase.target == .float32
        }
        let optional = BackendOp.allCases.filter { !$0.isRequired }.flatMap(ConformanceCase.bodies)
        return (linear + convolutions + optional.filter { !$0.mayBeUnsupported && $0.claimedBy == nil }).map { CompositionCase(fused: $0) }
    }
}
