// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// Counts of operations against numbers that were worked out by hand.
@Suite struct OperationCountTests {
    /// cub_dino_vitt8: 64 patches of 8 x 8 x 3 and the CLS token, width 192, 6 blocks. By hand, for one picture:
    /// patches 2 * 64 * 192 * 192; a block: qkv 2 * 65 * 576 * 192, proj 2 * 65 * 192 * 192, mlp 2 * 2 * 65 * 768 * 192,
    /// attention 2 * 2 * 3 * 65 * 65 * 64. In the last block only the CLS token is changed: qkv of all tokens, of the rest
    /// a 65th.
    static let cub: Double =
        4_718_592 + 5 * (14_376_960 + 4_792_320 + 38_338_560 + 3_244_800)
        + 14_376_960 + (73_728 + 589_824 + 49_920)

    private static let network = VisionTransformer.Configuration(
        imageSize: 64, patchSize: 8, width: 192, depth: 6, headCount: 3)

    private func count(_ backend: any Backend, batch: Int) throws -> Double {
        let session = Session(backend: backend)
        let weights = RandomWeights(VisionTransformer.tensors(of: Self.network), seed: 1)
        let model = try VisionTransformer(Self.network, weights: weights, session: session)
        let counter = OperationCounter()
        session.observer = counter
        let elements = [Float](repeating: 0.5, count: batch * 64 * 64 * 3)
        let output = try session.download(try model(session.makeTensor(elements, shape: [batch, 64, 64, 3])))
        #expect(output.allSatisfy { $0.isFinite })
        return counter.operationCount
    }

    @Test func theCountOfTheMiniatureIsTheOneByHand() throws {
        #expect(Self.cub == 323_572_224)
        #expect(try count(Reference.context(), batch: 1) == Self.cub)
        #expect(try count(Reference.context(), batch: 3) == 3 * Self.cub)
    }

    @Test func composedOpsCountTheSame() throws {
        let altered = AlteredBackend(try Reference.context())
        altered.deniesEpilogues = true
        #expect(try count(altered, batch: 1) == Self.cub)
    }

    @Test func aProfileOfComposedOpsAddsUpToTheSameCount() throws {
        let session = try Reference.session()
        let weights = RandomWeights(VisionTransformer.tensors(of: Self.network), seed: 1)
        let model = try VisionTransformer(Self.network, weights: weights, session: session)
        let profile = OpProfile()
        session.observer = profile
        _ = try model(session.makeTensor([Float](repeating: 0.5, count: 64 * 64 * 3), shape: [1, 64, 64, 3]))
        #expect(profile.entries.reduce(0) { $0 + $1.operationCount } == Self.cub)
        let qkv = profile.entries.first { $0.op == .linear && $0.shape == "1x65x576 over 192" }
        #expect(qkv?.callCount == 6)
        #expect(qkv?.operationCount == 86_261_760)
        #expect(!profile.entries.contains { $0.op == .softmax && $0.operationCount > 0 })
    }

    @Test func convolutionsCountTheirKernelAndGroups() throws {
        let session = try Reference.session()
        let kernel = [Float](repeating: 1, count: 8 * 2 * 3 * 3)
        let weight = try kernel.withUnsafeBytes { bytes in
            try session.prepareWeight(
                .conv2d, [HostTensor(bytes: bytes, dtype: .float32, shape: [8, 2, 3, 3], strides: [18, 9, 3, 1])],
                groups: 2)
        }
        let input = try session.makeTensor([Float](repeating: 1, count: 7 * 5 * 4), shape: [1, 7, 5, 4])
        let output = try session.makeTensor([1, 5, 3, 8])
        let counter = OperationCounter()
        session.observer = counter
        try session.run(Conv2dArguments(output: output.view, input: input.view, weight: weight.handle, groups: 2))
        // 5 x 3 places, 8 outputs, 2 inputs a group, 3 x 3 taps, a multiplication and an addition each.
        #expect(counter.operationCount == 4320)
    }

    @Test func sessionsWithoutAnObserverTellNobody() throws {
        let session = try Reference.session()
        let counter = OperationCounter()
        session.observer = counter
        session.observer = nil
        let matrix = try session.makeTensor([Float](repeating: 1, count: 4), shape: [2, 2])
        try session.run(
            MatmulArguments(output: session.makeTensor([2, 2]).view, left: matrix.view, right: matrix.view))
        #expect(counter.operationCount == 0)
    }

    @Test func randomWeightsDependOnSeedAndNameOnly() throws {
        func numbers(_ seed: UInt64, _ name: String, of names: [String]) throws -> [Float] {
            try RandomWeights(names.map { ($0, [3, 4]) }, seed: seed).withTensor(name) { $0.elements() }
        }
        let first = try numbers(1, "a.weight", of: ["a.weight", "b.weight"])
        let (alone, otherSeed) = (
            try numbers(1, "a.weight", of: ["a.weight"]), try numbers(2, "a.weight", of: ["a.weight"])
        )
        let otherName = try numbers(1, "b.weight", of: ["a.weight", "b.weight"])
        #expect(first == alone)
        #expect(first != otherSeed)
        #expect(first != otherName)
        #expect(throws: ModelError.self) { try numbers(1, "c", of: ["a.weight"]) }
    }
}
