// SPDX-License-Identifier: MIT
public import BeastCore
public import BeastMedia

/// What the catalogue knows of a model that generates pictures: a tokeniser, a transformer over its codes, their files.
public struct GeneratorCard: Sendable {
    /// `data_architecture`, such as `say_gimel`.
    public let name: String
    /// What the transformer was trained on: `say`, `s+konkleiid`, `imagenet100`, ...
    public let dataSet: String
    /// The same in words.
    public let dataDescription: String
    /// `alef`, `bet`, `gimel`, `dalet`.
    public let architecture: String
    public let licence: String
    public let weights: WeightLocation
    public let transformer: GPT.Configuration
    public private(set) var tokenizer: VQGANConfiguration

    /// Where weights come from when no file is given.
    public enum WeightLocation: Sendable, Equatable {
        /// Part of the program, both halves in one file.
        case builtIn
        /// Three files of a hub repository.
        case hub(repository: String, transformer: String, tokenizer: String, configuration: String)
    }

    public var isBuiltIn: Bool { weights == .builtIn }

    /// The same model with a tokeniser of other sizes.
    /// - Parameter origin: what messages call the sizes' source.
    /// - Throws: ``MenagerieError`` for a tokeniser whose codes the transformer cannot continue.
    public func with(tokenizer: VQGANConfiguration, from origin: String) throws -> GeneratorCard {
        var card = self
        card.tokenizer = tokenizer
        guard tokenizer.codeCount == transformer.codeCount, card.codesPerPicture == transformer.blockLength + 1 else {
            throw MenagerieError(
                .badData,
                "\(origin): a tokeniser of \(tokenizer.codeCount) codes, \(card.codesPerPicture) a picture; \(name) continues "
                    + "\(transformer.codeCount) codes, \(transformer.blockLength + 1) a picture")
        }
        return card
    }

    /// Refuses ways of drawing codes that cannot work.
    func check(rule: SamplingRule, batchSize: Int?) throws {
        if let batchSize, batchSize < 1 { throw MenagerieError(.usage, "batch size \(batchSize): at least 1") }
        do {
            try rule.validate(codeCount: transformer.codeCount)
        } catch {
            throw MenagerieError(.usage, error.message, cause: error)
        }
    }

    /// Side of the pictures in pixels.
    public var imageSize: Int { tokenizer.resolution }

    /// Codes of a picture.
    public var codesPerPicture: Int { tokenizer.gridSize * tokenizer.gridSize }

    public var parameterCount: Int { transformer.parameterCount + tokenizer.parameterCount }

    /// How a picture becomes the tokeniser's input: short side to its size, the centre, -1 to 1.
    public var preprocessing: Preprocessing { preprocessing(size: imageSize) }

    /// The same for another size.
    public func preprocessing(size: Int) -> Preprocessing {
        Preprocessing(
            shortSide: size, filter: isBuiltIn ? .bicubic : .bilinear, cropSize: size, mean: [0.5, 0.5, 0.5],
            standardDeviation: [0.5, 0.5, 0.5])
    }
}
