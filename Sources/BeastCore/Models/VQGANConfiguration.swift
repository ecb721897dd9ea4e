// SPDX-License-Identifier: MIT

/// The sizes of a picture tokeniser (VQGAN, Esser et al. 2021), as its configuration file gives them.
///
/// Only sizes: nothing here holds weights. Names of the file are in brackets below and in every message.
public struct VQGANConfiguration: Sendable, Equatable {
    /// How a code is found for a feature vector.
    public enum Quantizer: Sendable, Equatable {
        /// The nearest entry of the codebook (`VQModel`).
        case nearestCode
        /// The entry with the largest logit of a 1 x 1 convolution (`GumbelVQ`).
        case gumbel
    }

    /// How a code is found [target].
    public var quantizer: Quantizer
    /// Entries of the codebook [n_embed].
    public var codeCount: Int
    /// Width of a code [embed_dim].
    public var codeWidth: Int
    /// Channels between the encoder and the codebook, and between the codebook and the decoder [z_channels].
    public var latentChannels: Int
    /// Whether the encoder gives means and variances [double_z]. No tokeniser with a codebook does.
    public var doublesLatent: Bool
    /// Side of the pictures it was trained on, in pixels; it decides which levels have attention [resolution].
    public var resolution: Int
    /// Channels of a picture that goes in [in_channels].
    public var inputChannels: Int
    /// Channels of a picture that comes out [out_ch].
    public var outputChannels: Int
    /// Channels of the first level before its multiplier [ch].
    public var baseChannels: Int
    /// Channels of each level, from full resolution on, in multiples of ``baseChannels`` [ch_mult].
    public var channelMultipliers: [Int]
    /// Residual blocks in each level of the encoder; the decoder has one more [num_res_blocks].
    public var blocksPerLevel: Int
    /// Sides of the feature maps that have attention, in elements [attn_resolutions].
    public var attentionResolutions: [Int]
    /// Probability of dropout in training; without effect here [dropout].
    public var dropout: Double

    /// The published 32 x 32 code grid with 8192 codes, unless said otherwise. Not checked; see ``validate()``.
    public init(
        quantizer: Quantizer = .nearestCode, codeCount: Int = 8192, codeWidth: Int = 256, latentChannels: Int = 256,
        doublesLatent: Bool = false, resolution: Int = 256, inputChannels: Int = 3, outputChannels: Int = 3,
        baseChannels: Int = 128, channelMultipliers: [Int] = [1, 1, 2, 4], blocksPerLevel: Int = 2,
        attentionResolutions: [Int] = [32], dropout: Double = 0
    ) {
        self.quantizer = quantizer
        self.codeCount = codeCount
        self.codeWidth = codeWidth
        self.latentChannels = latentChannels
        self.doublesLatent = doublesLatent
        self.resolution = resolution
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.baseChannels = baseChannels
        self.channelMultipliers = channelMultipliers
        self.blocksPerLevel = blocksPerLevel
        self.attentionResolutions = attentionResolutions
        self.dropout = dropout
    }

    /// Groups of every group norm; all channel counts are multiples of it.
    public static let normGroups = 32

    /// How many times smaller than the picture the code grid is; valid configurations only.
    public var downsampling: Int { 1 << (channelMultipliers.count - 1) }

    /// Refuses sizes that no model has, before anything is allocated for them.
    ///
    /// Afterwards every product of two sizes, and the codebook's element count, fits 64 bits with room to spare.
    ///
    /// - Throws: ``ModelError`` `badConfiguration` naming the key of the configuration file, its value and what is allowed.
    public func validate() throws(ModelError) {
        try check("n_embed", codeCount, 1...1 << 20)
        try check("embed_dim", codeWidth, 1...1 << 13)
        try check("z_channels", latentChannels, 1...1 << 13)
        try check("resolution", resolution, 1...1 << 13)
        try check("in_channels", inputChannels, 1...64)
        try check("out_ch", outputChannels, 1...64)
        try check("ch", baseChannels, 1...1 << 12)
        try check("num_res_blocks", blocksPerLevel, 1...32)
        guard (1...8).contains(channelMultipliers.count) else {
            throw ModelError(.badConfiguration, "ch_mult has \(channelMultipliers.count) entries, allowed are 1 to 8")
        }
        for multiplier in channelMultipliers { try check("an entry of ch_mult", multiplier, 1...64) }
        guard attentionResolutions.count <= 8 else {
            throw ModelError(
                .badConfiguration, "attn_resolutions has \(attentionResolutions.count) entries, allowed are up to 8")
        }
        for side in attentionResolutions { try check("an entry of attn_resolutions", side, 1...1 << 13) }
        guard baseChannels % Self.normGroups == 0 else {
            throw ModelError(
                .badConfiguration, "ch is \(baseChannels), it must be a multiple of the \(Self.normGroups) norm groups")
        }
        guard resolution % downsampling == 0 else {
            throw ModelError(
                .badConfiguration,
                "resolution is \(resolution), it must be a multiple of \(downsampling) for the "
                    + "\(channelMultipliers.count) levels of ch_mult")
        }
        guard codeCount * codeWidth <= 1 << 28 else {
            throw ModelError(
                .badConfiguration,
                "n_embed x embed_dim is \(codeCount) x \(codeWidth), a codebook of more than \(1 << 28) numbers")
        }
        guard !doublesLatent else {
            throw ModelError(.badConfiguration, "double_z is true, a model with a codebook needs false")
        }
        guard dropout >= 0, dropout < 1 else {
            throw ModelError(.badConfiguration, "dropout is \(dropout), it must be at least 0 and below 1")
        }
    }

    private func check(_ key: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(ModelError) {
        guard allowed.contains(value) else {
            throw ModelError(
                .badConfiguration,
                "\(key) is \(value), allowed are \(allowed.lowerBound) to \(allowed.upperBound)")
        }
    }
}
