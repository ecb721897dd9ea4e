// SPDX-License-Identifier: MIT

/// Features behind the codebook to pictures.
struct VQGANDecoder {
    private let convIn: SquareConvolution
    private let middle: VQGANMiddle
    /// From the lowest resolution to the highest, each with the convolution behind its upsampling; the last has none.
    private let levels: [(level: VQGANLevel, upsample: EnlargingConvolution?)]
    private let normOut: GroupNorm
    private let convOut: SquareConvolution

    init(_ parameters: Parameters, _ configuration: VQGANConfiguration) throws {
        convIn = try SquareConvolution(
            parameters, "conv_in", configuration.latentChannels, configuration.middleChannels)
        middle = try VQGANMiddle(parameters["mid"], configuration.middleChannels)
        levels = try (0..<configuration.levelCount).reversed().map { level in
            let channels = configuration.baseChannels * configuration.channelMultipliers[level]
            let inner = parameters["up.\(level)"]
            return (
                try VQGANLevel(inner, configuration.decoderStages(level)),
                level > 0 ? try EnlargingConvolution(inner["upsample"], "conv", channels, channels) : nil
            )
        }
        let channels = configuration.baseChannels * configuration.channelMultipliers[0]
        normOut = try GroupNorm(parameters, "norm_out", channels)
        convOut = try SquareConvolution(parameters, "conv_out", channels, configuration.outputChannels)
    }

    /// - Parameter features: [batch, rows, columns, latent channels], in the session's type of activations.
    /// - Returns: [batch, height, width, 3], about -1 to 1, float32.
    func callAsFunction(_ features: Tensor) throws -> Tensor {
        var x = try middle(convIn(features))
        for (level, upsample) in levels {
            x = try level(x)
            if let upsample { x = try upsample(x) }
        }
        return try convOut(normOut(x, then: .silu))
    }
}
