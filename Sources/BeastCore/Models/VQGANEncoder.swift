// SPDX-License-Identifier: MIT

/// Pictures to features, before the codebook.
struct VQGANEncoder {
    private let convIn: SquareConvolution
    private let levels: [VQGANLevel]
    private let downsamples: [SquareConvolution]
    private let middle: VQGANMiddle
    private let normOut: GroupNorm
    private let convOut: SquareConvolution

    init(_ parameters: Parameters, _ configuration: VQGANConfiguration) throws {
        let base = configuration.baseChannels
        convIn = try SquareConvolution(parameters, "conv_in", configuration.inputChannels, base)
        levels = try (0..<configuration.levelCount).map { level in
            try VQGANLevel(parameters["down.\(level)"], configuration.encoderStages(level))
        }
        downsamples = try (0..<configuration.levelCount - 1).map { level in
            let channels = base * configuration.channelMultipliers[level]
            return try SquareConvolution(
                parameters["down.\(level).downsample"], "conv", channels, channels, .halving)
        }
        middle = try VQGANMiddle(parameters["mid"], configuration.middleChannels)
        normOut = try GroupNorm(parameters, "norm_out", configuration.middleChannels)
        convOut = try SquareConvolution(
            parameters, "conv_out", configuration.middleChannels, configuration.latentChannels)
    }

    /// - Parameter pictures: [batch, height, width, 3], -1 to 1.
    /// - Returns: [batch, rows, columns, latent channels].
    func callAsFunction(_ pictures: Tensor, as dtype: DType) throws -> Tensor {
        let activations = pictures.session.precision.activations
        var x = try convIn(pictures.cast(to: activations))
        for (index, level) in levels.enumerated() {
            x = try level(x)
            if index < downsamples.count { x = try downsamples[index](x.cast(to: activations)) }
        }
        return try convOut(normOut(middle(x), then: .silu), as: dtype)
    }
}
