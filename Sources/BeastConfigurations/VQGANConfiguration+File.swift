// SPDX-License-Identifier: MIT
public import BeastCore

extension VQGANConfiguration {
    /// Reads the configuration file (YAML) that lies beside a published tokeniser.
    ///
    /// The file has at most 1 MiB of UTF-8 text. Classes are only ever compared with the known names; nothing is looked
    /// up or executed. Training-only keys (`lossconfig`, `base_learning_rate`, ...) are not read; a key of `ddconfig`
    /// that is not known is an error, because it may change the network.
    ///
    /// - Parameter path: a regular file.
    /// - Throws: ``ConfigurationError`` naming the file, the key and what was found.
    public init(contentsOfFile path: String) throws(ConfigurationError) {
        let model = try ConfigurationSection(parsing: try ConfigurationFile(path: path)).section("model")
        let target = try model.text("target")
        guard let quantizer = Self.quantizers[target] else {
            let known = Self.quantizers.keys.sorted().joined(separator: ", ")
            throw model.error(
                .badValue, "\(model.path("target")) is '\(target.prefix(60))', known are \(known)")
        }
        let params = try model.section("params")
        let network = try params.section("ddconfig")
        if let unknown = network.keys.first(where: { !Self.networkKeys.contains($0) }) {
            throw network.error(
                .unsupported,
                "\(network.path(String(unknown.prefix(60)))) is not known here; it may change the network, so the file is "
                    + "refused")
        }
        guard !params.hasValue("remap") else {
            throw params.error(.unsupported, "\(params.path("remap")) is set; renumbered codes are not supported")
        }
        self.init(
            quantizer: quantizer, codeCount: try params.integer("n_embed"), codeWidth: try params.integer("embed_dim"),
            latentChannels: try network.integer("z_channels"), doublesLatent: try network.truth("double_z"),
            resolution: try network.integer("resolution"), inputChannels: try network.integer("in_channels"),
            outputChannels: try network.integer("out_ch"), baseChannels: try network.integer("ch"),
            channelMultipliers: try network.integers("ch_mult"),
            blocksPerLevel: try network.integer("num_res_blocks"),
            attentionResolutions: try network.integers("attn_resolutions"), dropout: try network.number("dropout"))
        do throws(ModelError) {
            try validate()
        } catch {
            throw model.error(.badValue, error.message)
        }
    }

    /// The classes that have this structure: those of the published files, and where they come from.
    private static let quantizers: [String: Quantizer] = [
        "vqmodel.VQModel": .nearestCode, "vqmodel.GumbelVQ": .gumbel,
        "taming.models.vqgan.VQModel": .nearestCode, "taming.models.vqgan.GumbelVQ": .gumbel,
    ]

    private static let networkKeys: Set<String> = [
        "double_z", "z_channels", "resolution", "in_channels", "out_ch", "ch", "ch_mult", "num_res_blocks",
        "attn_resolutions", "dropout",
    ]
}
