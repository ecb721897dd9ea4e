// SPDX-License-Identifier: MIT
internal import CBeasts

/// The ops of the contract. Numbers and names are those of `BEASTS_FOR_EACH_OP` in `beasts_backend.h`, which is the one
/// list; a test holds this enumeration against it.
public enum BackendOp: Int32, Sendable, CaseIterable {
    case fill = 1
    case copy
    case gatherRows
    case add
    case multiply
    case scale
    case activation
    case matmul
    case linear
    case conv2d
    case maxPool2d
    case softmax
    case layerNorm
    case groupNorm
    case reduce
    case argReduce
    case attention
    case attentionProbabilities
    case residualLayerNorm
    case conv3d
    case convTranspose3d
    case patchEmbedding
    case nearestCode
    case topK

    private var entry: beasts_op_description { beasts_op_descriptions()[Int(rawValue) - 1] }

    /// The name in the contract, on the command line and in reports, such as `layer_norm`.
    public var name: String { String(cString: entry.name) }

    /// Whether every backend must have it; the others are composed from these where a backend leaves them out.
    public var isRequired: Bool { entry.is_required != 0 }

    /// The distance in bytes of the op's entry from the start of `beasts_backend_table`.
    var tableOffset: Int { Int(entry.table_offset) }
}

extension BackendOp {
    /// The Swift structure of each op's arguments: the one place where an op's number meets its type.
    var argumentsType: any OpArguments.Type {
        switch self {
        case .fill: FillArguments.self
        case .copy: CopyArguments.self
        case .gatherRows: GatherRowsArguments.self
        case .add: AddArguments.self
        case .multiply: MultiplyArguments.self
        case .scale: ScaleArguments.self
        case .activation: ActivationArguments.self
        case .matmul: MatmulArguments.self
        case .linear: LinearArguments.self
        case .conv2d: Conv2dArguments.self
        case .maxPool2d: MaxPool2dArguments.self
        case .softmax: SoftmaxArguments.self
        case .layerNorm: LayerNormArguments.self
        case .groupNorm: GroupNormArguments.self
        case .reduce: ReduceArguments.self
        case .argReduce: ArgReduceArguments.self
        case .attention: AttentionArguments.self
        case .attentionProbabilities: AttentionProbabilitiesArguments.self
        case .residualLayerNorm: ResidualLayerNormArguments.self
        case .conv3d: Conv3dArguments.self
        case .convTranspose3d: ConvTranspose3dArguments.self
        case .patchEmbedding: PatchEmbeddingArguments.self
        case .nearestCode: NearestCodeArguments.self
        case .topK: TopKArguments.self
        }
    }

    /// Reads this op's arguments from their C structure.
    func readArguments(_ pointer: UnsafeRawPointer) throws(BackendError) -> any OpArguments {
        try argumentsType.read(pointer)
    }
}
