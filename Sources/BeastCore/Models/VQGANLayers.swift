// SPDX-License-Identifier: MIT

// The layers of a VQGAN. Feature maps are [batch, height, width, channels]; the residual stream is float32, what enters
// products has the session's type of activations.

/// Normalisation over positions and groups of channels, with SiLU behind it where it is asked for.
struct GroupNorm {
    let weight: Tensor
    let bias: Tensor

    init(_ parameters: Parameters, _ name: String, _ channels: Int) throws {
        let inner = parameters[name]
        weight = try inner.weight("weight", [channels], as: .vector).tensor
        bias = try inner.weight("bias", [channels], as: .vector).tensor
    }

    /// - Returns: of the session's type of activations, since a product follows.
    func callAsFunction(_ x: Tensor, then activation: Activation = .none) throws(BackendError) -> Tensor {
        let output = try x.session.makeTensor(x.shape, dtype: x.session.precision.activations)
        try x.session.run(
            GroupNormArguments(
                output: output.view, input: x.view, weight: weight.view, bias: bias.view, epsilon: 1e-6,
                groups: VQGANConfiguration.normGroups, activation: activation))
        return output
    }
}

/// A 3 x 3 convolution with a bias.
struct SquareConvolution {
    /// How the kernel moves and what lies around the map.
    enum Form {
        /// One element of zeros on all sides: the size stays.
        case same
        /// One row below and one column to the right, stride 2: exactly half the size.
        case halving
    }

    let weight: Weight
    let bias: Tensor
    let form: Form

    init(_ parameters: Parameters, _ name: String, _ inputs: Int, _ outputs: Int, _ form: Form = .same) throws {
        let inner = parameters[name]
        weight = try inner.weight(
            "weight", [outputs, inputs, 3, 3], as: .conv2d, parameters.session.precision.activations)
        bias = try inner.weight("bias", [outputs], as: .vector).tensor
        self.form = form
    }

    /// - Parameter x: in the session's type of activations.
    func callAsFunction(_ x: Tensor, as dtype: DType = .float32) throws(BackendError) -> Tensor {
        let factor = form == .same ? 1 : 2
        let output = try x.session.makeTensor(
            [x.shape[0], x.shape[1] / factor, x.shape[2] / factor, weight.shape[0]], dtype: dtype)
        try run(x, output, Epilogue(bias: bias.view))
        return output
    }

    /// residual += convolution(x) + bias, in place.
    func add(_ x: Tensor, to residual: Tensor) throws(BackendError) {
        try run(x, residual, Epilogue(bias: bias.view, residual: residual.view))
    }

    private func run(_ x: Tensor, _ output: Tensor, _ epilogue: Epilogue) throws(BackendError) {
        let before = form == .same ? 1 : 0
        try x.session.run(
            Conv2dArguments(
                output: output.view, input: x.view, weight: weight.handle, strideY: form == .same ? 1 : 2,
                strideX: form == .same ? 1 : 2, paddingTop: before, paddingBottom: 1, paddingLeft: before,
                paddingRight: 1, epilogue: epilogue))
    }
}

extension Parameters {
    /// A 1 x 1 convolution, which is a linear layer of every element of a map; several of the same input as one. Never
    /// int8: that is for the matrices of transformers.
    func pointwise(_ names: [String], _ inputs: Int, _ outputs: Int, target: DType? = nil) throws -> Linear {
        Linear(
            weight: try joined(
                names, "weight", [outputs, inputs, 1, 1], as: .linear, target ?? session.precision.activations),
            bias: try joined(names, "bias", [outputs], as: .vector, .float32).tensor)
    }
}

/// x + conv2(silu(norm2(conv1(silu(norm1(x)))))), x through a 1 x 1 convolution where the channels change.
struct VQGANResidualBlock {
    private let norm1: GroupNorm
    private let conv1: SquareConvolution
    private let norm2: GroupNorm
    private let conv2: SquareConvolution
    private let shortcut: Linear?

    init(_ parameters: Parameters, _ inputs: Int, _ outputs: Int) throws {
        norm1 = try GroupNorm(parameters, "norm1", inputs)
        conv1 = try SquareConvolution(parameters, "conv1", inputs, outputs)
        norm2 = try GroupNorm(parameters, "norm2", outputs)
        conv2 = try SquareConvolution(parameters, "conv2", outputs, outputs)
        shortcut = inputs != outputs ? try parameters.pointwise(["nin_shortcut"], inputs, outputs) : nil
    }

    /// - Returns: `x` itself, changed, where the channels stay.
    func callAsFunction(_ x: Tensor) throws -> Tensor {
        let dtype = x.session.precision.activations
        let inner = try norm2(conv1(norm1(x, then: .silu), as: dtype), then: .silu)
        let stream = try shortcut.map { try $0(x.cast(to: dtype), as: .float32) } ?? x
        try conv2.add(inner, to: stream)
        return stream
    }
}

/// x + proj_out(attention(norm(x))) over all positions of a map, one head.
struct VQGANAttention {
    private let norm: GroupNorm
    private let qkv: Linear
    private let proj: Linear

    init(_ parameters: Parameters, _ channels: Int) throws {
        norm = try GroupNorm(parameters, "norm", channels)
        qkv = try parameters.pointwise(["q", "k", "v"], channels, channels)
        proj = try parameters.pointwise(["proj_out"], channels, channels)
    }

    /// Changes the map in place.
    func callAsFunction(_ x: Tensor) throws {
        let (batch, positions, channels) = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
        let rows = try norm(x).reshaped([batch, positions, channels])
        let parts = try qkv(rows).reshaped([batch, 1, positions, 3, channels]).permuted(3, 0, 1, 2, 4)
        let mixed = try x.session.makeTensor([batch, 1, positions, channels], dtype: rows.dtype)
        try x.session.run(
            AttentionArguments(
                output: mixed.view, query: parts.select(0, 0).view, key: parts.select(0, 1).view,
                value: parts.select(0, 2).view, scale: 1 / Float(channels).squareRoot(), keyLength: positions))
        try proj.add(mixed.reshaped([batch, positions, channels]), to: x.reshaped([batch, positions, channels]))
    }
}

/// Residual blocks of one level, attention behind each where the level has it.
struct VQGANLevel {
    private let blocks: [(block: VQGANResidualBlock, attention: VQGANAttention?)]

    init(_ parameters: Parameters, _ stages: [VQGANConfiguration.Stage]) throws {
        blocks = try stages.enumerated().map { index, stage in
            (
                try VQGANResidualBlock(
                    parameters["block.\(index)"], stage.inputChannels, stage.outputChannels),
                stage.hasAttention
                    ? try VQGANAttention(parameters["attn.\(index)"], stage.outputChannels) : nil
            )
        }
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        var x = x
        for (block, attention) in blocks {
            x = try block(x)
            try attention?(x)
        }
        return x
    }
}

/// block_1, attn_1, block_2 at the lowest resolution.
struct VQGANMiddle {
    private let block1: VQGANResidualBlock
    private let attention: VQGANAttention
    private let block2: VQGANResidualBlock

    init(_ parameters: Parameters, _ channels: Int) throws {
        block1 = try VQGANResidualBlock(parameters["block_1"], channels, channels)
        attention = try VQGANAttention(parameters["attn_1"], channels)
        block2 = try VQGANResidualBlock(parameters["block_2"], channels, channels)
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        let x = try block1(x)
        try attention(x)
        return try block2(x)
    }
}
