// SPDX-License-Identifier: MIT
internal import BeastCore

extension ConformanceCase {
    /// Every case, in the order of the contract's list of ops, what belongs to no op first.
    /// - Parameter seed: of the data; the shapes are always the same.
    public static func all(seed: UInt64 = 1) -> [ConformanceCase] {
        var bodies: [any CaseBody] = BufferCase.all + WeightCase.all
        for op in BackendOp.allCases { bodies += ConformanceCase.bodies(of: op) + misuse(of: op) }
        return bodies.map { ConformanceCase($0, seed: seed) }
    }

    private static func bodies(of op: BackendOp) -> [any CaseBody] {
        switch op {
        case .fill: FillCase.all
        case .copy: CopyCase.all
        case .gatherRows: GatherRowsCase.all
        case .add, .multiply: BinaryCase.all(op)
        case .scale: ScaleCase.all
        case .activation: ActivationCase.all
        case .matmul: MatmulCase.all
        case .linear: LinearCase.all
        case .conv2d: Conv2dCase.all
        case .maxPool2d: MaxPool2dCase.all
        case .softmax: SoftmaxCase.all
        case .layerNorm: LayerNormCase.all
        case .groupNorm: GroupNormCase.all
        case .reduce: ReduceCase.all
        case .argReduce: ArgReduceCase.all
        case .attention: AttentionCase.all
        case .attentionProbabilities: AttentionProbabilitiesCase.all
        case .residualLayerNorm: ResidualLayerNormCase.all
        case .conv3d: Conv3dCase.all
        case .convTranspose3d: ConvTranspose3dCase.all
        case .patchEmbedding: PatchEmbeddingCase.all
        case .nearestCode: NearestCodeCase.all
        case .topK: TopKCase.all
        }
    }
}
