// SPDX-License-Identifier: MIT
import BeastConformance
import BeastCore
import Testing

/// The suite must let an honest float32 backend pass and must find every mistake that is made on purpose.
@Suite("The conformance suite") struct FaultTests {
    /// Small cases of ops that the naive backend computes itself.
    static let cases = ConformanceCase.all(seed: 1).filter { testCase in
        guard let op = testCase.op else { return testCase.subject == "weights" }
        return testCase.cost <= 32_000 && ![.fill, .scale, .multiply, .maxPool2d].contains(op)
    }

    private func results(_ fault: Fault, _ ops: [BackendOp]? = nil) throws -> [ConformanceResult] {
        let backend = NaiveBackend(try LibraryFolder.reference().makeContext(), fault: fault)
        return Self.cases.filter { testCase in ops.map { $0.contains { $0 == testCase.op } } ?? true }
            .map { $0.run(on: backend) }
    }

    @Test("lets an honest float32 backend pass, the optional ops included") func honest() throws {
        let results = try results(.none)
        for result in results { if let failure = result.failure { Issue.record("\(failure)") } }
        for op in BackendOp.allCases where !op.isRequired {
            let passed = results.count { $0.testCase.op == op && $0.outcome.isPassed }
            #expect(passed >= 4, "\(op.name): \(passed) cases ran")
        }
        // The tolerances are worth something: float32 uses a good part of them.
        let largest = results.compactMap(\.largestErrorRatio).max() ?? 0
        #expect(largest > 0.2 && largest <= 1)
    }

    static let mistakes: [(Fault, [BackendOp])] = [
        (
            .bfloat16Products,
            [
                .linear, .matmul, .conv2d, .attention, .attentionProbabilities, .conv3d, .convTranspose3d,
                .patchEmbedding,
            ]
        ),
        (.truncatedProducts, [.linear, .matmul, .conv2d]), (.tanhGELU, [.activation, .linear, .conv2d]),
        (.wrongEpsilon, [.layerNorm, .groupNorm, .residualLayerNorm]), (.sampleVariance, [.layerNorm, .groupNorm]),
        (.meanOfSquares, [.layerNorm]),
        (.writesBehindRows, [.linear, .conv2d, .softmax, .layerNorm, .reduce, .attentionProbabilities]),
        (.writesBeforeRows, [.linear, .softmax, .layerNorm]),
        (.changesInput, [.linear, .softmax, .layerNorm, .reduce]),
        (.forgetsLastElement, [.copy]), (.lastOfEquals, [.argReduce, .nearestCode, .topK]),
        (.ignoresNaNInMaximum, [.argReduce, .reduce]), (.dropsNaNInReLU, [.activation]),
        (.ignoresKeyLength, [.softmax, .attention, .attentionProbabilities]),
        (.causalOffByOne, [.softmax, .attention]),
        (.blindRowsNotZero, [.softmax, .attention, .attentionProbabilities]),
        (.biasAfterActivation, [.linear, .conv2d, .conv3d]),
        (.ignoresResidualOrder, [.linear, .conv2d]), (.readsOutputAsResidualLate, [.linear]),
        (.ignoresAsymmetricPadding, [.conv2d]), (.ignoresGroups, [.groupNorm]), (.truncatesCasts, [.copy]),
        (.wrapsCasts, [.copy]), (.ignoresIndexRange, [.gatherRows]), (.falseCapability, [.add]),
        (.falseModesty, [.matmul]),
    ]

    @Test("finds what is wrong", arguments: mistakes)
    func findsMistake(fault: Fault, ops: [BackendOp]) throws {
        let results = try results(fault, ops)
        for op in ops {
            let failed = results.count { $0.testCase.op == op && $0.isFailure }
            #expect(
                failed > 0, "\(fault) passes all \(results.count { $0.testCase.op == op }) small cases of \(op.name)")
        }
    }

    /// No mistake that writes where it must not: what lies between two ops has no guards, so this process would suffer.
    @Test(
        "finds what is wrong in blocks and in compositions too",
        arguments: [
            (Fault.bfloat16Products, ["block attention", "block mlp", "block bottleneck", "composition of linear"]),
            (.tanhGELU, ["block mlp", "composition of linear"]),
            (.biasAfterActivation, ["block mlp", "block bottleneck"]),
            (.ignoresResidualOrder, ["block bottleneck"]),
        ])
    func findsMistakeBetweenOps(fault: Fault, names: [String]) throws {
        let backend = NaiveBackend(try LibraryFolder.reference().makeContext(), fault: fault)
        for name in names {
            let cases = ConformanceCase.all(seed: 1).filter { $0.name.hasPrefix(name + " ") && $0.cost <= 500_000 }
            #expect(!cases.isEmpty, "\(name)")
            #expect(cases.contains { $0.run(on: backend).isFailure }, "\(fault) passes every case of \(name)")
        }
    }

    @Test("lets an honest backend pass blocks and compositions", arguments: ["block", "composition"])
    func honest(subject: String) throws {
        let backend = NaiveBackend(try LibraryFolder.reference().makeContext(), fault: .none)
        for testCase in ConformanceCase.all(seed: 1) where testCase.subject == subject && testCase.cost <= 500_000 {
            if let failure = testCase.run(on: backend).failure { Issue.record("\(failure)") }
        }
    }

    @Test("says where the worst element is and what was allowed") func message() throws {
        let failure = try #require(results(.bfloat16Products, [.linear]).compactMap(\.failure).first)
        for part in ["linear [", "seed 1", "output [", "found ", "expected ", "allowed distance ", "tolerance: "] {
            #expect(failure.contains(part), "\(failure)")
        }
    }
}

extension ConformanceResult.Outcome {
    var isPassed: Bool { if case .passed = self { true } else { false } }
}
