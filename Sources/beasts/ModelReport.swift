// SPDX-License-Identifier: MIT
import BeastCore
import Menagerie

/// A model's facts for JSON. What an architecture does not have is left out.
struct ModelReport: Encodable {
    let name: String
    let algorithm: String
    let dataSet: String
    let dataDescription: String
    let architecture: String
    let licence: String
    let parameters: Int
    let size: Int
    let width: Int
    let patchSize: Int?
    let depth: Int?
    let heads: Int?
    let preparation: String
    let completesPictures: Bool
    let isBuiltIn: Bool
    let isRetired: Bool
    /// Whether all its files are in the hub cache; left out for built-in models, and where nobody looked.
    let isCached: Bool?
    let repository: String?
    let file: String?

    init(_ card: ModelCard, isCached: Bool? = nil) {
        name = card.name
        algorithm = card.algorithm
        dataSet = card.dataSet
        dataDescription = card.dataDescription
        architecture = card.architecture
        licence = card.licence
        parameters = card.parameterCount
        size = card.network.imageSize
        width = card.width
        var configuration: VisionTransformer.Configuration?
        if case .visionTransformer(let sizes) = card.network { configuration = sizes }
        patchSize = configuration?.patchSize
        depth = configuration?.depth
        heads = configuration?.headCount
        preparation = card.preprocessing.summary
        completesPictures = card.masked != nil
        isBuiltIn = card.isBuiltIn
        isRetired = card.isRetired
        self.isCached = card.isBuiltIn ? nil : isCached
        if case .hub(let repository, let file) = card.weights {
            self.repository = repository
            self.file = file
        } else {
            repository = nil
            file = nil
        }
    }

    static func millions(_ count: Int) -> String { "\(tenths(Double(count) / 1e6)) M" }
}
