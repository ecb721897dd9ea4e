// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CBeasts

/// Buffers and weights of a raw context, and for each op arguments that are right.
struct MisuseStage {
    static let byteCount = 4096
    let raw: RawContract
    let input: BufferHandle
    let output: BufferHandle
    let second: BufferHandle
    /// int32, all 0.
    let indices: BufferHandle
    let weight: BufferHandle
    /// Of another kind than the op wants.
    let otherWeight: BufferHandle

    init(_ raw: RawContract, _ op: BackendOp) throws(CaseStop) {
        self.raw = raw
        let half = (0..<Self.byteCount / 4).flatMap { _ in [0, 0, 0, 0x3f] as [UInt8] }
        input = BufferHandle(rawValue: try raw.makeBuffer(half))
        output = BufferHandle(rawValue: try raw.makeBuffer(half))
        second = BufferHandle(rawValue: try raw.makeBuffer(half))
        indices = BufferHandle(rawValue: try raw.makeBuffer([UInt8](repeating: 0, count: Self.byteCount)))
        let (kind, shape): (WeightKind, [Int]) =
            switch op {
            case .conv2d: (.conv2d, [4, 3, 2, 2])
            case .conv3d: (.conv3d, [4, 3, 2, 2, 2])
            case .convTranspose3d: (.convTranspose3d, [3, 4, 2, 2, 2])
            case .patchEmbedding: (.linear, [5, 12])
            default: (.linear, [5, 6])
            }
        let prepared = raw.prepare(kind, shape)
        guard prepared.answer.code == 0 else { throw .failed("prepare_weight \(kind): \(prepared.answer.message)") }
        weight = BufferHandle(rawValue: prepared.weight)
        let other = raw.prepare(kind == .conv2d ? .linear : .conv2d, [5, 6, 1, 1])
        guard other.answer.code == 0 else { throw .failed("prepare_weight: \(other.answer.message)") }
        otherWeight = BufferHandle(rawValue: other.weight)
    }

    func contents() throws(CaseStop) -> [[UInt8]] {
        var contents: [[UInt8]] = []
        for buffer in [input, output, second, indices] {
            contents.append(try raw.download(buffer.rawValue, byteCount: Self.byteCount))
        }
        return contents
    }

    func input(_ shape: Shape, dtype: DType = .float32) -> TensorView {
        TensorView(buffer: input, dtype: dtype, shape: shape)
    }
    func output(_ shape: Shape, dtype: DType = .float32) -> TensorView {
        TensorView(buffer: output, dtype: dtype, shape: shape)
    }
    func second(_ shape: Shape, dtype: DType = .float32) -> TensorView {
        TensorView(buffer: second, dtype: dtype, shape: shape)
    }
    func indices(_ shape: Shape) -> TensorView { TensorView(buffer: indices, dtype: .int32, shape: shape) }

    // MARK: Arguments that are right. The first axis of every view has at least two elements.

    var fill: FillArguments { FillArguments(output: output([3, 4]), value: 2) }
    var copy: CopyArguments { CopyArguments(output: output([3, 4]), input: input([3, 4])) }
    var gather: GatherRowsArguments {
        GatherRowsArguments(output: output([3, 4]), table: input([2, 4]), indices: indices([3]))
    }
    var add: AddArguments { AddArguments(output: output([3, 4]), left: input([3, 4]), right: input([3, 4])) }
    var multiply: MultiplyArguments {
        MultiplyArguments(output: output([3, 4]), left: input([3, 4]), right: input([3, 4]))
    }
    var scale: ScaleArguments { ScaleArguments(output: output([3, 4]), input: input([3, 4]), alpha: 2) }
    var activation: ActivationArguments {
        ActivationArguments(output: output([3, 4]), input: input([3, 4]), activation: .gelu)
    }
    var matmul: MatmulArguments {
        MatmulArguments(output: output([3, 5]), left: input([3, 4]), right: input([4, 5]))
    }
    var linear: LinearArguments { LinearArguments(output: output([3, 5]), input: input([3, 6]), weight: weight) }
    var conv2d: Conv2dArguments {
        Conv2dArguments(output: output([2, 3, 4, 4]), input: input([2, 4, 5, 3]), weight: weight)
    }
    var maxPool2d: MaxPool2dArguments {
        MaxPool2dArguments(output: output([2, 3, 4, 3]), input: input([2, 4, 5, 3]), kernelY: 2, kernelX: 2)
    }
    var softmax: SoftmaxArguments { SoftmaxArguments(output: output([3, 4]), input: input([3, 4]), keyLength: 4) }
    var layerNorm: LayerNormArguments {
        LayerNormArguments(
            output: output([3, 4]), input: input([3, 4]), weight: second([4]), bias: second([4]), epsilon: 1e-6)
    }
    var groupNorm: GroupNormArguments {
        GroupNormArguments(
            output: output([2, 3, 4]), input: input([2, 3, 4]), weight: second([4]), bias: second([4]), epsilon: 1e-6,
            groups: 2)
    }
    var reduce: ReduceArguments { ReduceArguments(output: output([3, 4]), input: input([3, 2, 4]), reduction: .mean) }
    var argReduce: ArgReduceArguments {
        ArgReduceArguments(output: output([3], dtype: .int32), input: input([3, 4]), extremum: .maximum)
    }

    func valid(_ op: BackendOp) -> any OpArguments {
        switch op {
        case .fill: fill
        case .copy: copy
        case .gatherRows: gather
        case .add: add
        case .multiply: multiply
        case .scale: scale
        case .activation: activation
        case .matmul: matmul
        case .linear: linear
        case .conv2d: conv2d
        case .maxPool2d: maxPool2d
        case .softmax: softmax
        case .layerNorm: layerNorm
        case .groupNorm: groupNorm
        case .reduce: reduce
        case .argReduce: argReduce
        default: validOptional(op)
        }
    }

    private func validOptional(_ op: BackendOp) -> any OpArguments {
        switch op {
        case .attentionProbabilities:
            AttentionProbabilitiesArguments(
                output: output([2, 2, 3, 4]), query: input([2, 2, 3, 5]), key: input([2, 2, 4, 5]), scale: 1,
                keyLength: 4)
        case .residualLayerNorm:
            ResidualLayerNormArguments(
                output: output([3, 4]), residual: TensorView(buffer: output, offset: 100, shape: [3, 4]),
                input: indices0([3, 4]),
                weight: second([4]), bias: second([4]), epsilon: 1e-6)
        case .conv3d: Conv3dArguments(output: output([2, 1, 2, 3, 4]), input: input([2, 2, 3, 4, 3]), weight: weight)
        case .convTranspose3d:
            ConvTranspose3dArguments(output: output([2, 3, 3, 3, 4]), input: input([2, 2, 2, 2, 3]), weight: weight)
        case .patchEmbedding:
            PatchEmbeddingArguments(
                output: output([2, 4, 5]), input: input([2, 4, 4, 3]), weight: weight, patch: Extent3(1, 2, 2))
        case .nearestCode:
            NearestCodeArguments(
                codes: output([3], dtype: .int32), distances: TensorView(buffer: output, offset: 100, shape: [3]),
                input: input([3, 6]), weight: weight, squaredNorms: second([5]))
        case .topK:
            TopKArguments(
                values: output([3, 2]), indices: TensorView(buffer: output, offset: 100, dtype: .int32, shape: [3, 2]),
                ties: TensorView(buffer: output, offset: 200, dtype: .int32, shape: [3]), input: input([3, 4]))
        default:
            AttentionArguments(
                output: output([2, 2, 3, 5]), query: input([2, 2, 3, 5]), key: input([2, 2, 4, 5]),
                value: second([2, 2, 4, 5]),
                scale: 1, keyLength: 4)
        }
    }

    /// All zeros as float32: added to a residual they change nothing, so that a second run has the same result.
    private func indices0(_ shape: Shape) -> TensorView { TensorView(buffer: indices, shape: shape) }
}
