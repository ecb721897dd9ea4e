// SPDX-License-Identifier: MIT
import BeastCore
import Menagerie

/// A generator's facts for JSON.
struct GeneratorReport: Encodable {
    let name: String
    let algorithm = Catalogue.generatorAlgorithm
    let dataSet: String
    let dataDescription: String
    let architecture: String
    let licence: String
    let parameters: Int
    let transformerParameters: Int
    let tokenizerParameters: Int
    let size: Int
    let width: Int
    let depth: Int
    let heads: Int
    let codes: Int
    let codesPerPicture: Int
    let preparation: String
    let isBuiltIn: Bool
    /// Whether all its files are in the hub cache; left out for the built-in one, and where nobody looked.
    let isCached: Bool?
    let repository: String?
    let file: String?
    let tokenizerFile: String?

    init(_ card: GeneratorCard, isCached: Bool? = nil) {
        name = card.name
        dataSet = card.dataSet
        dataDescription = card.dataDescription
        architecture = card.architecture
        licence = card.licence
        parameters = card.parameterCount
        transformerParameters = card.transformer.parameterCount
        tokenizerParameters = card.tokenizer.parameterCount
        size = card.imageSize
        width = card.transformer.width
        depth = card.transformer.depth
        heads = card.transformer.headCount
        codes = card.transformer.codeCount
        codesPerPicture = card.codesPerPicture
        preparation = card.preprocessing.summary
        isBuiltIn = card.isBuiltIn
        self.isCached = card.isBuiltIn ? nil : isCached
        if case .hub(let repository, let transformer, let tokenizer, _) = card.weights {
            self.repository = repository
            file = transformer
            tokenizerFile = tokenizer
        } else {
            repository = nil
            file = nil
            tokenizerFile = nil
        }
    }
}
