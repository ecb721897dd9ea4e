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
        + "in 38 % of cases, as those of shrunken pixels do"

    /// All models, the published ones in the order of the tables, the built-in ones last.
    public static let models: [ModelCard] = publishedModels + builtInModels

    /// Models that were published once and are no longer; their weights may or may not still be on the hub.
    public static let retiredModels: [ModelCard] = ["dino_imagenet3_vitb14"].compactMap(ModelName.init).compactMap {
        publishedModel($0, isRetired: true)
    }

    // MARK: - Tables

    /// The sizes that an architecture's name stands for (Dosovitskiy et al. 2021, table 1, patch size last in the name;
    /// Xie et al. 2017 for the residual network).
    private static let architectures: [String: ImageEncoderDescription] = [
        "vits16": .visionTransformer(.init(patchSize: 16, width: 384, depth: 12, headCount: 6)),
        "vitb16": .visionTransformer(.init(patchSize: 16, width: 768, depth: 12, headCount: 12)),
        "vitb14": .visionTransformer(.init(patchSize: 14, width: 768, depth: 12, headCount: 12)),
        "vitl16": .visionTransformer(.init(patchSize: 16, width: 1024, depth: 24, headCount: 16)),
        "resnext50": .resNeXt(.init()),
    ]

    /// Which data sets each algorithm and architecture was trained on.
    private static let published: [(algorithm: String, architecture: String, dataSets: [String])] = [
        (
            "dino", "vitb14",
            ["say", "s", "a", "y", "sfp", "imagenet100", "imagenet10", "imagenet1", "kinetics-200h", "ego4d-200h"]
        ),
        ("dino", "resnext50", ["say", "s", "a", "y", "sfp"]),
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

    /// What the names of the data sets mean.
    private static let dataDescriptions = [
        "say": "all of SAYCam (three children)", "s": "child S of SAYCam", "a": "child A of SAYCam",
        "y": "child Y of SAYCam", "sfp": "child S of SAYCam, 5 frames a second", "imagenet100": "ImageNet",
        "imagenet10": "a tenth of ImageNet", "imagenet3": "3 % of ImageNet", "imagenet1": "1 % of ImageNet",
        "kinetics-200h": "200 hours of Kinetics", "ego4d-200h": "200 hours of Ego4D", "clip-art": "Open Clip Art",
    ]

    private static var publishedModels: [ModelCard] {
        published.flatMap { entry in
            entry.dataSets.compactMap { dataSet in
                publishedModel(
                    ModelName(algorithm: entry.algorithm, dataSet: dataSet, architecture: entry.architecture),
                    isRetired: false)
            }
        }
    }

    private static func publishedModel(_ name: ModelName, isRetired: Bool) -> ModelCard? {
        guard var network = architectures[name.architecture] else { return nil }
        var decoder: MaskedAutoencoder.Configuration?
        if name.algorithm == "mae", case .visionTransformer(var configuration) = network {
            configuration.resamplesPositionsAtLoad = true
            network = .visionTransformer(configuration)
            decoder = MaskedAutoencoder.Configuration(encoder: configuration)
        }
        return ModelCard(
            name: name.text, algorithm: name.algorithm, dataSet: name.dataSet,
            dataDescription: dataDescriptions[name.dataSet] ?? name.dataSet, architecture: name.architecture,
            licence: "MIT", weights: .hub(repository: "eminorhan/\(name.text)", file: "\(name.text).pth"),
            isRetired: isRetired, network: network, masked: decoder)
    }

    private static var builtInModels: [ModelCard] {
        func card(
            _ name: String, _ algorithm: String, _ network: ImageEncoderDescription,
            _ masked: MaskedAutoencoder.Configuration? = nil
        ) -> ModelCard {
            ModelCard(
                name: name, algorithm: algorithm, dataSet: "clip-art",
                dataDescription: dataDescriptions["clip-art"] ?? "", architecture: "vitt8", licence: "CC0-1.0",
                weights: .builtIn, isRetired: false, network: network, masked: masked)
        }
        let encoder = VisionTransformer.Configuration(
            imageSize: 64, patchSize: 8, width: 192, depth: 3, headCount: 3, resamplesPositionsAtLoad: true)
        return [
            card(
                defaultName, "dino",
                .visionTransformer(.init(imageSize: 64, patchSize: 8, width: 192, depth: 6, headCount: 3))),
            card(
                "cub_mae_vitt8", "mae", .visionTransformer(encoder),
                .init(encoder: encoder, width: 96, depth: 2, headCount: 3)),
        ]
    }

    /// The miniatures see whole pictures: short side to their size, then the centre.
    static func miniaturePreprocessing(size: Int) -> Preprocessing {
        var preprocessing = Preprocessing.evaluation(size: size)
        preprocessing.shortSide = size
        return preprocessing
    }

    // MARK: - Look-up

    /// The algorithms there are, in the order of the tables.
    public static var algorithms: [String] { unique(models.map(\.algorithm)) }
    /// The data sets there are, in the order of the tables.
    public static var dataSets: [String] { unique(models.map(\.dataSet)) }
    /// The architectures there are, in the order of the tables.
    public static var architectureNames: [String] { unique(models.map(\.architecture)) }

    /// The models that were made in a certain way; nil asks for nothing. Generators are not among them.
    /// - Throws: ``MenagerieError`` for a value that no model and no generator has, with those there are.
    public static func models(
        algorithm: String? = nil, dataSet: String? = nil, architecture: String? = nil
    ) throws -> [ModelCard] {
        let dataSet = dataSet.map { ModelName(algorithm: "", dataSet: $0, architecture: "").dataSet }
        try check(algorithm, "algorithm", allAlgorithms)
        try check(dataSet, "data set", allDataSets)
        try check(architecture, "architecture", allArchitectureNames)
        return models.filter { card in
            (algorithm ?? card.algorithm) == card.algorithm && (dataSet ?? card.dataSet) == card.dataSet
                && (architecture ?? card.architecture) == card.architecture
        }
    }

    private static func check(_ value: String?, _ what: String, _ known: [String]) throws {
        guard let value, !known.contains(value) else { return }
        throw MenagerieError(.usage, "there is no \(what) '\(value)'; there are \(known.joined(separator: ", "))")
    }

    /// Finds a model by name; older spellings of data sets are understood.
    /// - Throws: ``MenagerieError`` that says why there is none, and offers the nearest names.
    public static func model(named text: String) throws -> ModelCard {
        let name = ModelName(text)?.text ?? text
        if let card = (models + retiredModels).first(where: { $0.name == name }) { return card }
        if isGenerator(text) {
            throw MenagerieError(
                .usage,
                "\(text) generates pictures: beasts generate, complete, encode, decode and reconstruct take it, and bench"
            )
        }
        throw MenagerieError(.usage, unknownModel(text) + " (beasts list shows all \(models.count))")
    }

    /// Why there is no such model.
    private static func unknownModel(_ text: String) -> String {
        let spelledAlike = nearest(to: text, among: models.map(\.name))
        func offer(_ names: [String]) -> String {
            names.isEmpty ? "" : "; did you mean \(names.joined(separator: ", "))?"
        }
        guard let name = ModelName(text), algorithms.contains(name.algorithm) || dataSets.contains(name.dataSet) else {
            return "there is no model '\(text)'" + offer(spelledAlike)
        }
        let parts = [
            ("algorithm", name.algorithm, algorithms), ("data set", name.dataSet, dataSets),
            ("architecture", name.architecture, architectureNames),
        ]
        if let (what, value, known) = parts.first(where: { !$0.2.contains($0.1) }) {
            let hint = spelledAlike.isEmpty ? nearestCombinations(to: name) : spelledAlike
            return "there is no model '\(text)': no \(what) is called '\(value)' (\(known.joined(separator: ", ")))"
                + offer(hint)
        }
        return "there is no model '\(text)': \(reason(name))" + offer(nearestCombinations(to: name))
    }

    /// Each part exists, and nobody trained the three together.
    private static func reason(_ name: ModelName) -> String {
        let ofAlgorithm = models.filter { $0.algorithm == name.algorithm && !$0.isBuiltIn }
        let ofArchitecture = ofAlgorithm.filter { $0.architecture == name.architecture }
        guard !ofArchitecture.isEmpty else {
            let known = unique(ofAlgorithm.map(\.architecture)).joined(separator: ", ")
            return "\(name.algorithm) was trained for \(known) only"
        }
        let known = unique(ofArchitecture.map(\.dataSet)).joined(separator: ", ")
        return "\(name.algorithm) \(name.architecture) was trained on \(known) only"
    }

    private static func nearestCombinations(to name: ModelName) -> [String] {
        let ranked = models.enumerated().compactMap { index, card -> (Int, Int, String)? in
            guard let other = ModelName(card.name) else { return nil }
            // Of two models that share as much, the one of the same data is nearer, then that of the same algorithm.
            let weight = (other.dataSet == name.dataSet ? 2 : 0) + (other.algorithm == name.algorithm ? 1 : 0)
            return (-10 * other.agreement(with: name) - weight, index, card.name)
        }
        return ranked.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.prefix(3).map(\.2)
    }

    private static func unique(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }
}
