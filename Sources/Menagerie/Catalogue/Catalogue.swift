// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastMedia

/// Every model that can be loaded by name.
public enum Catalogue {
    /// The model used when none is named.
    public static let defaultName = "cub_dino_vitt8"

    /// One line on what the default model is worth.
    public static let defaultModelNote =
        "the built-in cub_dino_vitt8, a miniature for trying things out: its nearest neighbours agree on the topic of clip art "
        + "in 32 % of cases, shrunken pixels in 38 %"

    /// The sizes that an architecture's name stands for (Dosovitskiy et al. 2021, table 1; patch size last in the name).
    private static let architectures: [String: VisionTransformer.Configuration] = [
        "vits16": .init(patchSize: 16, width: 384, depth: 12, headCount: 6),
        "vitb16": .init(patchSize: 16, width: 768, depth: 12, headCount: 12),
        "vitb14": .init(patchSize: 14, width: 768, depth: 12, headCount: 12),
        "vitl16": .init(patchSize: 16, width: 1024, depth: 24, headCount: 16),
        "vitt8": .init(imageSize: 64, patchSize: 8, width: 192, depth: 6, headCount: 3),
    ]

    /// Which data sets each algorithm and architecture was trained on. SAYCam: `say` is all of it, `s`, `a`, `y` one
    /// child each, `sfp` a variant of S; `imagenet100`, `10`, `1` are percentages; the others are subsets of 200 hours.
    private static let published: [(algorithm: String, architecture: String, dataSets: [String])] = [
        (
            "dino", "vitb14",
            ["say", "s", "a", "y", "sfp", "imagenet100", "imagenet10", "imagenet1", "kinetics-200h", "ego4d-200h"]
        ),
        ("dino", "vitl16", ["say", "s", "a", "y"]),
        ("dino", "vitb16", ["say", "s", "a", "y"]),
        ("dino", "vits16", ["say", "s", "a", "y"]),
        ("mugs", "vitl16", ["say", "s", "a", "y"]),
        ("mugs", "vitb16", ["say", "s", "a", "y"]),
        ("mugs", "vits16", ["say", "s", "a", "y"]),
        ("mae", "vitl16", ["say", "s", "a", "y"]),
        ("mae", "vitb16", ["say", "s", "a", "y"]),
        ("mae", "vits16", ["say", "s", "a", "y"]),
    ]

    /// All models, the published ones in the order of the tables, the built-in ones last.
    public static let models: [ModelCard] = publishedModels + builtInModels

    private static var publishedModels: [ModelCard] {
        published.flatMap { entry in
            entry.dataSets.compactMap { dataSet in
                architectures[entry.architecture].map { architecture in
                    var configuration = architecture
                    configuration.resamplesPositionsAtLoad = entry.algorithm == "mae"
                    let name = "\(entry.algorithm)_\(dataSet)_\(entry.architecture)"
                    return ModelCard(
                        name: name, algorithm: entry.algorithm, dataSet: dataSet, architecture: entry.architecture,
                        licence: "MIT", weights: .hub(repository: "eminorhan/\(name)", file: "\(name).pth"),
                        configuration: configuration)
                }
            }
        }
    }

    private static var builtInModels: [ModelCard] {
        architectures["vitt8"].map { configuration in
            [
                ModelCard(
                    name: defaultName, algorithm: "dino", dataSet: "clip art", architecture: "vitt8",
                    licence: "CC0-1.0",
                    weights: .builtIn, configuration: configuration)
            ]
        } ?? []
    }

    /// The miniatures see whole pictures: short side to their size, then the centre.
    static func miniaturePreprocessing(size: Int) -> Preprocessing {
        var preprocessing = Preprocessing.evaluation(size: size)
        preprocessing.shortSide = size
        return preprocessing
    }

    /// Finds a model by name.
    /// - Throws: ``MenagerieError`` that offers the nearest names.
    public static func model(named name: String) throws -> ModelCard {
        if let card = models.first(where: { $0.name == name }) { return card }
        let suggestions = nearest(to: name, among: models.map(\.name))
        let hint = suggestions.isEmpty ? "" : "; did you mean \(suggestions.joined(separator: ", "))?"
        throw MenagerieError(.usage, "there is no model '\(name)'\(hint) (beasts list shows all \(models.count))")
    }
}
