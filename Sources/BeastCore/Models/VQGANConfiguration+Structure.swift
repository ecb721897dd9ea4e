// SPDX-License-Identifier: MIT

extension VQGANConfiguration {
    /// A residual block that may have attention behind it.
    struct Stage: Equatable {
        let inputChannels: Int
        let outputChannels: Int
        let hasAttention: Bool
    }

    var levelCount: Int { channelMultipliers.count }

    private func channels(ofLevel level: Int) -> Int { baseChannels * channelMultipliers[level] }

    /// Channels of the lowest resolution, where encoder and decoder have their middle.
    var middleChannels: Int { channels(ofLevel: levelCount - 1) }

    private func hasAttention(_ level: Int) -> Bool { attentionResolutions.contains(resolution >> level) }

    /// The blocks of a level of the encoder, in the order of the work.
    func encoderStages(_ level: Int) -> [Stage] {
        stages(from: level > 0 ? channels(ofLevel: level - 1) : baseChannels, level, count: blocksPerLevel)
    }

    /// The blocks of a level of the decoder, which works from the last level to the first.
    func decoderStages(_ level: Int) -> [Stage] {
        stages(
            from: level + 1 < levelCount ? channels(ofLevel: level + 1) : middleChannels, level,
            count: blocksPerLevel + 1)
    }

    private func stages(from inputChannels: Int, _ level: Int, count: Int) -> [Stage] {
        (0..<count).map { index in
            Stage(
                inputChannels: index > 0 ? channels(ofLevel: level) : inputChannels,
                outputChannels: channels(ofLevel: level), hasAttention: hasAttention(level))
        }
    }

    /// Side of the square grid of codes of a picture of the trained size.
    public var gridSize: Int { resolution / downsampling }

    /// Elements of the largest feature map of a picture: what working on one costs in memory, several times over.
    func largestMap(height: Int, width: Int) -> Int {
        (0..<levelCount).map { level in
            let wide = max(
                channels(ofLevel: level), level + 1 < levelCount ? channels(ofLevel: level + 1) : 0, baseChannels)
            return max(1, height >> level) * max(1, width >> level) * wide
        }.max() ?? 0
    }

    // MARK: Tensors

    /// Every tensor that is read from a checkpoint, by its key.
    public var tensors: [(name: String, shape: [Int])] { encoderTensors + codebookTensors + decoderTensors }

    /// Learned numbers in all tensors.
    public var parameterCount: Int { tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }

    private var codebookTensors: [(name: String, shape: [Int])] {
        let book: [(name: String, shape: [Int])] =
            switch quantizer {
            case .nearestCode: [("quantize.embedding.weight", [codeCount, codeWidth])]
            case .gumbel:
                convolution("quantize.proj", codeWidth, codeCount, 1)
                    + [("quantize.embed.weight", [codeCount, codeWidth])]
            }
        return book + convolution("quant_conv", latentChannels, codeWidth, 1)
            + convolution("post_quant_conv", codeWidth, latentChannels, 1)
    }

    private var encoderTensors: [(name: String, shape: [Int])] {
        var tensors = convolution("encoder.conv_in", inputChannels, baseChannels, 3)
        for level in 0..<levelCount {
            let path = "encoder.down.\(level)"
            tensors += stageTensors(path, encoderStages(level))
            if level + 1 < levelCount {
                tensors += convolution("\(path).downsample.conv", channels(ofLevel: level), channels(ofLevel: level), 3)
            }
        }
        return tensors + middleTensors("encoder.mid") + norm("encoder.norm_out", middleChannels)
            + convolution("encoder.conv_out", middleChannels, latentChannels, 3)
    }

    private var decoderTensors: [(name: String, shape: [Int])] {
        var tensors = convolution("decoder.conv_in", latentChannels, middleChannels, 3) + middleTensors("decoder.mid")
        for level in (0..<levelCount).reversed() {
            let path = "decoder.up.\(level)"
            tensors += stageTensors(path, decoderStages(level))
            if level > 0 {
                tensors += convolution("\(path).upsample.conv", channels(ofLevel: level), channels(ofLevel: level), 3)
            }
        }
        return tensors + norm("decoder.norm_out", channels(ofLevel: 0))
            + convolution("decoder.conv_out", channels(ofLevel: 0), outputChannels, 3)
    }

    private func middleTensors(_ path: String) -> [(name: String, shape: [Int])] {
        let stage = Stage(inputChannels: middleChannels, outputChannels: middleChannels, hasAttention: false)
        return blockTensors("\(path).block_1", stage) + attentionTensors("\(path).attn_1", middleChannels)
            + blockTensors("\(path).block_2", stage)
    }

    private func stageTensors(_ path: String, _ stages: [Stage]) -> [(name: String, shape: [Int])] {
        stages.enumerated().flatMap { index, stage in
            blockTensors("\(path).block.\(index)", stage)
                + (stage.hasAttention ? attentionTensors("\(path).attn.\(index)", stage.outputChannels) : [])
        }
    }

    private func blockTensors(_ path: String, _ stage: Stage) -> [(name: String, shape: [Int])] {
        let (inputs, outputs) = (stage.inputChannels, stage.outputChannels)
        return norm("\(path).norm1", inputs) + convolution("\(path).conv1", inputs, outputs, 3)
            + norm("\(path).norm2", outputs) + convolution("\(path).conv2", outputs, outputs, 3)
            + (inputs != outputs ? convolution("\(path).nin_shortcut", inputs, outputs, 1) : [])
    }

    private func attentionTensors(_ path: String, _ channels: Int) -> [(name: String, shape: [Int])] {
        norm("\(path).norm", channels)
            + ["q", "k", "v", "proj_out"].flatMap { convolution("\(path).\($0)", channels, channels, 1) }
    }

    private func convolution(_ path: String, _ inputs: Int, _ outputs: Int, _ side: Int)
        -> [(name: String, shape: [Int])]
    {
        [("\(path).weight", [outputs, inputs, side, side]), ("\(path).bias", [outputs])]
    }

    private func norm(_ path: String, _ channels: Int) -> [(name: String, shape: [Int])] {
        [("\(path).weight", [channels]), ("\(path).bias", [channels])]
    }
}
