// SPDX-License-Identifier: MIT
import BeastCore
import Glibc

/// A mistake that a backend might make.
enum Fault: String, CaseIterable, Sendable {
    case none
    case bfloat16Products, truncatedProducts, tanhGELU, wrongEpsilon, sampleVariance, meanOfSquares
    case writesBehindRows, writesBeforeRows, changesInput, forgetsLastElement
    case lastOfEquals, ignoresNaNInMaximum, dropsNaNInReLU
    case ignoresKeyLength, causalOffByOne, blindRowsNotZero
    case biasAfterActivation, ignoresResidualOrder, readsOutputAsResidualLate
    case ignoresAsymmetricPadding, ignoresGroups
    case truncatesCasts, wrapsCasts, ignoresIndexRange
    case falseCapability, falseModesty
}

/// Computes in float32 from beginning to end, one operation after the other: what the tolerances must let pass. It also
/// has the optional ops, which the reference leaves to the host. With a fault it must fail.
final class NaiveBackend: ForwardingBackend {
    let fault: Fault
    private var weights: [BufferHandle: (shape: [Int], elements: [Float])] = [:]

    init(_ base: PluginBackend, fault: Fault = .none) {
        self.fault = fault
        super.init(base)
    }

    override func supports(_ arguments: any OpArguments) -> Bool {
        let op = type(of: arguments).op
        if fault == .falseModesty, op == .matmul { return false }
        if fault == .falseCapability, op == .add { return true }
        if op.isRequired { return super.supports(arguments) }
        return arguments.inputs.allSatisfy { $0.dtype == .float32 }
    }

    // MARK: Weights

    override func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        guard [.linear, .conv2d, .conv3d, .convTranspose3d].contains(description.kind), description.target == .float32
        else { return try super.prepareWeight(description) }
        var elements: [Float] = []
        for part in description.parts {
            for index in indices(of: part.shape) {
                let offset = zip(index, part.strides).reduce(0) { $0 + $1.0 * $1.1 } * part.dtype.byteCount
                switch part.dtype {
                case .float16:
                    elements.append(Float(part.bytes.loadUnaligned(fromByteOffset: offset, as: Float16.self)))
                case .bfloat16:
                    let bits = UInt32(part.bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
                    elements.append(Float(bitPattern: bits << 16))
                default: elements.append(part.bytes.loadUnaligned(fromByteOffset: offset, as: Float.self))
                }
            }
        }
        let handle = try base.makeBuffer(byteCount: 1)
        weights[handle] = (Array(description.shape), elements)
        return PreparedWeight(handle: handle, byteCount: elements.count * 4)
    }

    override func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        guard weights.removeValue(forKey: weight) != nil else { return try super.releaseWeight(weight) }
        try base.destroyBuffer(weight)
    }

    func weight(_ handle: BufferHandle) throws(BackendError) -> (shape: [Int], elements: [Float]) {
        guard let weight = weights[handle] else { throw BackendError(.invalidArgument, "no such weight") }
        return weight
    }

    // MARK: Arithmetic

    func product(_ left: Float, _ right: Float) -> Float {
        switch fault {
        case .bfloat16Products: return bfloat16(left) * bfloat16(right)
        case .truncatedProducts:
            // 11 significant bits, as in TF32.
            return Float(bitPattern: left.bitPattern & 0xffff_e000) * Float(bitPattern: right.bitPattern & 0xffff_e000)
        default: return left * right
        }
    }

    private func bfloat16(_ value: Float) -> Float {
        if !value.isFinite { return value }
        return Float(bitPattern: (value.bitPattern + 0x7fff + (value.bitPattern >> 16 & 1)) & 0xffff_0000)
    }

    func activated(_ x: Float, _ activation: Activation) -> Float {
        switch activation {
        case .none: x
        case .relu: fault == .dropsNaNInReLU ? (x > 0 ? x : 0) : (x < 0 ? 0 : x)
        case .gelu:
            fault == .tanhGELU
                ? 0.5 * x * (1 + tanhf(0.797_884_56 * (x + 0.044715 * x * x * x)))
                : 0.5 * x * (1 + erff(x * 0.707_106_77))
        case .silu: x / (1 + expf(-x))
        }
    }

    func finished(_ product: Float, _ epilogue: Epilogue, _ index: [Int]) throws(BackendError) -> Float {
        let bias =
            try epilogue.bias.map { (view) throws(BackendError) in try FloatView(view, self)[index[index.count - 1]] }
            ?? 0
        let added = try epilogue.residual.map { (view) throws(BackendError) in try FloatView(view, self)[index] } ?? 0
        if fault == .biasAfterActivation { return activated(product, epilogue.activation) + bias + added }
        if epilogue.order == .activationThenResidual || fault == .ignoresResidualOrder {
            return activated(product + bias, epilogue.activation) + added
        }
        return activated(product + bias + added, epilogue.activation)
    }

    /// Stores a row's worth of results, with what faults do to it.
    func finish(_ output: TensorView, _ input: TensorView? = nil) throws(BackendError) {
        let view = try FloatView(output, self)
        guard output.elementCount > 0 else { return }
        let last = view.shape.count - 1
        let length = last >= 0 ? view.shape[last] : 1
        for row in indices(of: Array(view.shape.dropLast())) {
            let start = zip(row, view.strides).reduce(0) { $0 + $1.0 * $1.1 }
            if fault == .writesBehindRows { view.base[start + length] = 0 }
            if fault == .writesBeforeRows { view.base[start - 1] = 0 }
        }
        if fault == .changesInput, let input { try FloatView(input, self).base[0] = 42 }
    }

    // MARK: Products

    override func linear(_ arguments: LinearArguments) throws(BackendError) {
        try refuseOthers(arguments)
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let weight = try weight(arguments.weight)
        let inner = input.shape[input.shape.count - 1]
        if fault == .readsOutputAsResidualLate, arguments.epilogue.residual?.buffer == arguments.output.buffer {
            for index in indices(of: output.shape) { output[index] = 0 }
        }
        var results: [Float] = []
        let all = indices(of: output.shape)
        for index in all {
            var sum: Float = 0
            for k in 0..<inner {
                sum += product(input[index.dropLast() + [k]], weight.elements[index[index.count - 1] * inner + k])
            }
            results.append(try finished(arguments.alpha * sum, arguments.epilogue, index))
        }
        for (index, result) in zip(all, results) { output[index] = result }
        try finish(arguments.output, arguments.input)
    }

    override func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        if fault == .falseModesty { throw BackendError(.unsupported, "too modest") }
        try refuseOthers(arguments)
        let (left, right) = (try FloatView(arguments.left, self), try FloatView(arguments.right, self))
        let output = try FloatView(arguments.output, self)
        for index in indices(of: output.shape) {
            let (batch, row, column) = (Array(index.dropLast(2)), index[index.count - 2], index[index.count - 1])
            var sum: Float = 0
            for k in 0..<left.shape[left.shape.count - 1] {
                sum += product(left[batch + [row, k]], right[batch + [k, column]])
            }
            output[index] = arguments.alpha * sum
        }
    }

    func refuseOthers(_ arguments: some OpArguments) throws(BackendError) {
        guard supports(arguments) else { throw BackendError(.unsupported, "float32 only") }
    }

    // MARK: The others, whose bodies are in extensions: only a class's own body can override.

    override func copy(_ arguments: CopyArguments) throws(BackendError) { try naiveCopy(arguments) }
    override func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) { try naiveGatherRows(arguments) }
    override func activation(_ arguments: ActivationArguments) throws(BackendError) { try naiveActivation(arguments) }
    override func conv2d(_ arguments: Conv2dArguments) throws(BackendError) { try naiveConv2d(arguments) }
    override func softmax(_ arguments: SoftmaxArguments) throws(BackendError) { try naiveSoftmax(arguments) }
    override func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) { try naiveLayerNorm(arguments) }
    override func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) { try naiveGroupNorm(arguments) }
    override func reduce(_ arguments: ReduceArguments) throws(BackendError) { try naiveReduce(arguments) }
    override func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) { try naiveArgReduce(arguments) }
    override func attention(_ arguments: AttentionArguments) throws(BackendError) { try naiveAttention(arguments) }
    override func attentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError) {
        try naiveAttentionProbabilities(arguments)
    }
    override func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) {
        try naiveResidualLayerNorm(arguments)
    }
    override func conv3d(_ arguments: Conv3dArguments) throws(BackendError) { try naiveConv3d(arguments) }
    override func convTranspose3d(_ arguments: ConvTranspose3dArguments) throws(BackendError) {
        try naiveConvTranspose3d(arguments)
    }
    override func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) {
        try naivePatchEmbedding(arguments)
    }
    override func nearestCode(_ arguments: NearestCodeArguments) throws(BackendError) {
        try naiveNearestCode(arguments)
    }
    override func topK(_ arguments: TopKArguments) throws(BackendError) { try naiveTopK(arguments) }
}
