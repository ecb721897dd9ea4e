// SPDX-License-Identifier: MIT
internal import BeastCore

extension Catalogue {
    /// The generator used when none is named.
    public static let defaultGeneratorName = "cub_gpt"

    /// What ``models(algorithm:dataSet:architecture:)`` would call the algorithm of generators.
    public static let generatorAlgorithm = "gpt"

    /// All models that generate pictures, the published ones in the order of the tables, the built-in one last.
    public static let generators: [GeneratorCard] = publishedGenerators + [builtInGenerator]

    /// Which data sets each architecture was trained on.
    private static let publishedGeneratorNames: [(architecture: String, dataSets: [String])] = [
        ("gimel", ["say", "s", "a", "y"]),
        (
            "gimel",
            ["say", "s", "a", "y"].flatMap { ["\($0)+konkleiid", "\($0)+konklenonvehicle"] } + [
                "konkleiid", "konklenonvehicle",
            ]
        ),
        ("gimel", ["imagenet100", "imagenet10", "imagenet1"]),
        ("alef", ["imagenet100"]), ("bet", ["imagenet100"]), ("dalet", ["imagenet100"]),
        (
            "gimel",
            ["imagenet100", "imagenet10", "imagenet1"].flatMap { ["\($0)+konkleiid", "\($0)+konklenonvehicle"] }
        ),
    ]

    /// Layers, heads and width.
    private static let generatorSizes = [
        "alef": (12, 12, 768), "bet": (24, 16, 1024), "gimel": (36, 20, 1280), "dalet": (48, 25, 1600),
    ]

    private static let generatorDataDescriptions = [
        "say": "all of SAYCam (three children)", "s": "child S of SAYCam", "a": "child A of SAYCam",
        "y": "child Y of SAYCam", "imagenet100": "ImageNet", "imagenet10": "a tenth of ImageNet",
        "imagenet1": "1 % of ImageNet", "konkleiid": "the Konkle objects, split at random",
        "konklenonvehicle": "the Konkle objects without vehicles",
    ]

    private static var publishedGenerators: [GeneratorCard] {
        publishedGeneratorNames.flatMap { entry in
            entry.dataSets.map { publishedGenerator($0, entry.architecture) }
        }
    }

    private static func publishedGenerator(_ dataSet: String, _ architecture: String) -> GeneratorCard {
        let parts = dataSet.split(separator: "+").map(String.init)
        let isOfImageNet = parts[0].hasPrefix("imagenet")
        let tokenizer =
            isOfImageNet
            ? VQGANConfiguration(
                codeCount: 16384, channelMultipliers: [1, 1, 2, 2, 4], attentionResolutions: [16])
            : VQGANConfiguration()
        // A transformer of Konkle objects from the start uses the tokeniser of all of SAYCam.
        let tokenizerData = isOfImageNet ? "imagenet" : parts[0].hasPrefix("konkle") ? "say" : parts[0]
        let file = "\(tokenizerData)_" + (isOfImageNet ? "16x16_16384" : "32x32_8192")
        let (depth, headCount, width) = generatorSizes[architecture] ?? (36, 20, 1280)
        let name = "\(dataSet)_\(architecture)"
        return GeneratorCard(
            name: name, dataSet: dataSet,
            dataDescription: parts.map { generatorDataDescriptions[$0] ?? $0 }.joined(separator: ", then "),
            architecture: architecture, licence: "MIT",
            weights: .hub(
                repository: "eminorhan/gpt_saycam", transformer: "gpt_pretrained_models/\(name).pt",
                tokenizer: "vqgan_pretrained_models/\(file).ckpt",
                configuration: "vqgan_pretrained_models/\(file).yaml"),
            transformer: GPT.Configuration(
                codeCount: tokenizer.codeCount, blockLength: tokenizer.gridSize * tokenizer.gridSize - 1, depth: depth,
                headCount: headCount, width: width),
            tokenizer: tokenizer)
    }

    private static var builtInGenerator: GeneratorCard {
        let tokenizer = VQGANConfiguration(
            codeCount: 512, codeWidth: 32, latentChannels: 32, resolution: 64, baseChannels: 64,
            channelMultipliers: [1, 1, 1], blocksPerLevel: 1, attentionResolutions: [16])
        return GeneratorCard(
            name: defaultGeneratorName, dataSet: "clip-art", dataDescription: "Open Clip Art", architecture: "cub",
            licence: "CC0-1.0", weights: .builtIn,
            transformer: GPT.Configuration(codeCount: 512, blockLength: 255, depth: 4, headCount: 4, width: 128),
            tokenizer: tokenizer)
    }

    // MARK: - Look-up

    /// Algorithms of models and generators.
    public static var allAlgorithms: [String] { algorithms + [generatorAlgorithm] }
    /// Data sets of models and generators.
    public static var allDataSets: [String] { merged(dataSets, generators.map(\.dataSet)) }
    /// Architectures of models and generators.
    public static var allArchitectureNames: [String] { merged(architectureNames, generators.map(\.architecture)) }

    private static func merged(_ first: [String], _ second: [String]) -> [String] {
        var seen = Set(first)
        return first + second.filter { seen.insert($0).inserted }
    }

    /// The generators that were made in a certain way; nil asks for nothing.
    public static func generators(
        algorithm: String? = nil, dataSet: String? = nil, architecture: String? = nil
    ) -> [GeneratorCard] {
        generators.filter { card in
            (algorithm ?? generatorAlgorithm) == generatorAlgorithm && (dataSet ?? card.dataSet) == card.dataSet
                && (architecture ?? card.architecture) == card.architecture
        }
    }

    /// Whether a generator has this name.
    public static func isGenerator(_ name: String) -> Bool { generators.contains { $0.name == name } }

    /// Finds a generator by name.
    /// - Throws: ``MenagerieError`` that says why there is none, and offers the nearest names.
    public static func generator(named name: String) throws -> GeneratorCard {
        if let card = generators.first(where: { $0.name == name }) { return card }
        if models.contains(where: { $0.name == name }) {
            throw MenagerieError(
                .usage, "\(name) does not generate pictures; those that do are \(generatorFamilies)")
        }
        let offers = nearest(to: name, among: generators.map(\.name))
        throw MenagerieError(
            .usage,
            "there is no generator '\(name)'"
                + (offers.isEmpty
                    ? "; there are \(generatorFamilies)" : "; did you mean \(offers.joined(separator: ", "))?")
                + " (beasts list --algorithm \(generatorAlgorithm) shows all \(generators.count))")
    }

    private static let generatorFamilies = "cub_gpt, say_gimel, imagenet100_alef and others"
}
