// SPDX-License-Identifier: MIT
public import BeastCore
public import BeastMedia

/// What the catalogue knows of a model: where its weights are, how to read them, how its pictures are prepared.
public struct ModelCard: Sendable {
    /// `algorithm_data_architecture`, such as `dino_s_vitb14`.
    public let name: String
    /// `dino`, `mugs` or `mae`.
    public let algorithm: String
    /// What it was trained on: `say`, `s`, `imagenet100`, ...
    public let dataSet: String
    /// The same in words.
    public let dataDescription: String
    /// `vits16`, `vitb14`, `resnext50`, ...
    public let architecture: String
    public let licence: String
    public let weights: WeightLocation
    /// Whether it is no longer in the published list, so that its weights may be gone.
    public let isRetired: Bool
    /// The network that embeds pictures.
    public let network: ImageEncoderDescription
    /// Encoder and decoder, for models that can complete pictures.
    public let masked: MaskedAutoencoder.Configuration?

    /// Where weights come from when no file is given.
    public enum WeightLocation: Sendable, Equatable {
        /// Part of the program.
        case builtIn
        /// A file at the top of a hub repository.
        case hub(repository: String, file: String)
    }

    /// The top-level keys of a checkpoint whose map of tensors is wanted, the first that is there.
    public var checkpointKeys: [String] { algorithm == "mae" ? ["model"] : ["teacher"] }

    /// Removed wherever they stand in a key, in this order (as the published loader does).
    public var strippedPrefixes: [String] { algorithm == "mae" ? [] : ["module.", "backbone.", "encoder."] }

    public var isBuiltIn: Bool { weights == .builtIn }

    /// How a picture becomes the model's input when no size is asked for.
    public var preprocessing: Preprocessing {
        isBuiltIn
            ? Catalogue.miniaturePreprocessing(size: network.imageSize) : .evaluation(size: network.imageSize)
    }

    /// Learned numbers in all tensors of the encoder.
    public var parameterCount: Int { network.parameterCount }

    /// Width of the embedding.
    public var width: Int { network.width }
}
