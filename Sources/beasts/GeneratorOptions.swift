// SPDX-License-Identifier: MIT
public import ArgumentParser
import BeastConfigurations
import BeastCore
public import Menagerie

/// Files of a generator that are given instead of the published ones.
struct GeneratorFileOptions: ParsableArguments {
    @Option(
        name: .long, help: "A checkpoint file for the transformer (default: the cache, else the hub).",
        completion: .file())
    var weights: String?

    @Option(
        name: .long, help: "A checkpoint file for the tokeniser (default: the cache, else the hub).",
        completion: .file())
    var tokenizer: String?

    @Option(
        name: .long, help: "A YAML file with the tokeniser's sizes (default: the cache, else those of the name).",
        completion: .file(extensions: ["yaml", "yml"]))
    var tokenizerConfig: String?

    @OptionGroup var hub: HubOptions

    /// The card with the sizes that the files tell.
    func card(_ card: GeneratorCard) throws -> GeneratorCard {
        guard let path = tokenizerConfig ?? (tokenizer == nil ? Menagerie.cachedTokenizerConfiguration(card) : nil)
        else { return card }
        return try card.with(tokenizer: try VQGANConfiguration(contentsOfFile: path), from: path)
    }

    /// Chooses the backend, says so, and loads.
    func load(
        _ card: GeneratorCard, _ parts: GenerativeModel.Parts, _ backend: BackendOptions, _ common: CommonOptions
    ) throws -> GenerativeModel {
        let card = try self.card(card)
        let threads = backend.threads ?? ProcessorCount.available
        let session = try backend.choose(common).makeSession(threadCount: threads, precision: backend.precision)
        return try Menagerie.loadGenerator(
            card, session: session, files: GeneratorFiles(transformer: weights, tokenizer: tokenizer), parts: parts,
            threadCount: threads, hub: hub.access(common))
    }
}

/// How codes are drawn.
struct SamplingOptions: ParsableArguments {
    @Option(name: .long, help: "The seed of all draws.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Logits are divided by it; 0 takes the most likely code each time.")
    var temperature = 1.0

    @Option(
        name: .long, help: "Draw from the N most likely codes only, ties with the last of them included; 0 for all.")
    var topK: Int?

    @Option(name: .long, help: "Draw from the most likely codes that together have this probability only.")
    var topP: Double?

    @Option(name: .long, help: "Samples computed together (default: as many as a part of the memory has room for).")
    var batchSize: Int?

    func validate() throws {
        if !(temperature >= 0 && temperature.isFinite) {
            throw ValidationError("--temperature \(temperature): must be 0 or more")
        }
        if let topK, topK < 0 { throw ValidationError("--top-k \(topK): must be 0 or more") }
        if let topP, !(topP > 0 && topP <= 1) {
            throw ValidationError("--top-p \(topP): must be above 0 and at most 1")
        }
        if let batchSize, batchSize < 1 || batchSize > 4096 {
            throw ValidationError("--batch-size \(batchSize): must be 1 to 4096")
        }
    }

    /// The 128 most likely codes unless said otherwise, as published.
    func rule(for card: GeneratorCard) -> SamplingRule {
        SamplingRule(
            temperature: temperature,
            topK: topK == 0 ? nil : topK ?? min(SamplingRule().topK ?? 128, card.transformer.codeCount), topP: topP)
    }

    /// Whether nothing is said of how to draw.
    var isStandard: Bool { temperature == 1 && topK == nil && topP == nil }

    func explain(_ common: CommonOptions) {
        if temperature == 0 {
            common.note("temperature 0: the most likely code each time, nothing is drawn but first codes")
        }
    }
}

/// Where pictures go.
struct PictureOutputOptions: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("output")], help: "A PNG file for all pictures, as a grid.",
        completion: .file(extensions: ["png"]))
    var grid: String?

    @Option(name: .long, help: "A folder for each picture as a PNG file.", completion: .directory)
    var each: String?

    @Option(
        name: .long,
        help: "What becomes black and white: stretched (default, the smallest and largest number) or fixed (-1 and 1).",
        completion: .list(PictureOutput.Range.allCases.map(\.rawValue)))
    var range = PictureOutput.Range.stretched

    @Option(name: .long, help: "Pictures side by side in the grid.")
    var columns: Int?

    func validate() throws {
        if let columns, columns < 1 { throw ValidationError("--columns \(columns): at least one") }
    }

    var output: PictureOutput {
        var output = PictureOutput(gridPath: grid, folder: each)
        output.range = range
        output.columns = columns
        return output
    }
}

extension PictureOutput.Range: ExpressibleByArgument {}
