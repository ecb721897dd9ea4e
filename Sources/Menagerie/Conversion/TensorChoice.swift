// SPDX-License-Identifier: MIT
internal import BeastCore

/// Which tensors of a checkpoint a model needs.
struct TensorChoice: Sendable {
    /// Top-level keys, of which the first that is there holds the state dictionary.
    let keys: [String]
    /// Removed from names, one after the other, before they are looked at.
    let strippedPrefixes: [String]
    private let names: Set<String>
    private let families: [String]

    /// - Parameter families: beginnings of further names that are needed where the checkpoint has them.
    private init(keys: [String], strippedPrefixes: [String] = [], names: [String], families: [String] = []) {
        self.keys = keys
        self.strippedPrefixes = strippedPrefixes
        self.names = Set(names)
        self.families = families
    }

    /// - Parameter name: without the prefixes.
    func isWanted(_ name: String) -> Bool { names.contains(name) || families.contains { name.hasPrefix($0) } }

    /// Those of the encoder, and of the decoder where the model completes pictures.
    init(_ card: ModelCard) {
        self.init(
            keys: card.checkpointKeys, strippedPrefixes: card.strippedPrefixes, names: card.network.tensors.map(\.name),
            families: card.masked == nil ? [] : ["decoder_", "mask_token"])
    }

    static func transformer(of card: GeneratorCard) -> TensorChoice {
        TensorChoice(keys: ["model_state_dict"], names: card.transformer.tensors.map(\.name))
    }

    static func tokenizer(of card: GeneratorCard) -> TensorChoice {
        TensorChoice(keys: ["state_dict"], names: card.tokenizer.tensors.map(\.name))
    }

    /// Those of any file of a model, by the model's name.
    static func named(_ name: String) throws -> TensorChoice {
        guard Catalogue.isGenerator(name) else { return TensorChoice(try Catalogue.model(named: name)) }
        let card = try Catalogue.generator(named: name)
        return TensorChoice(
            keys: ["model_state_dict", "state_dict"],
            names: (card.transformer.tensors + card.tokenizer.tensors).map(\.name))
    }
}
