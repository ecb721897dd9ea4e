// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Show: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a model: its layers with their shapes, its parameters, what --layer accepts.")

    @Argument(help: "A name that beasts list prints.")
    var model: String = Catalogue.defaultName

    @OptionGroup var common: CommonOptions

    func run() throws {
        if Catalogue.isGenerator(model) { return try show(try Catalogue.generator(named: model)) }
        let card = try Catalogue.model(named: model)
        if common.json {
            try JSONOutput.print(Report(card))
            return
        }
        StandardOutput.print(
            "\(card.name): \(card.algorithm), trained on \(card.dataDescription), \(card.architecture), licence \(card.licence)"
        )
        if card.isRetired { StandardOutput.print("retired       no longer in the published list") }
        switch card.weights {
        case .builtIn: StandardOutput.print("weights       built in")
        case .hub(let repository, let file): StandardOutput.print("weights       \(file) of \(repository)")
        }
        StandardOutput.print("parameters    \(card.parameterCount)")
        let size = card.network.imageSize
        StandardOutput.print("input         [batch, \(size), \(size), 3], \(otherSizes(card))")
        StandardOutput.print("preparation   \(card.preprocessing.summary)")
        if case .visionTransformer(let configuration) = card.network {
            let (grid, patch) = (configuration.gridSize, configuration.patchSize)
            let tokens = grid * grid + 1
            StandardOutput.print(
                "tokens        \(tokens): the CLS token and \(grid) x \(grid) patches of \(patch) x \(patch) pixels")
            StandardOutput.print("attention     [batch, \(configuration.headCount), \(tokens), \(tokens)]")
        }
        let standard = card.network.standardRequest
        StandardOutput.print(
            "embedding     [batch, \(card.width)]: \(standard.layer), token \(standard.token.rawValue)")
        if card.masked != nil {
            StandardOutput.print("completion    beasts complete \(card.name) (\(size) x \(size) only)")
        }
        StandardOutput.print("\nlayers (--layer)")
        StandardOutput.print(table(card.network.layers.map { ["  \($0.name)", "[batch, \(list($0.shape))]"] }))
        StandardOutput.print("\ntensors")
        StandardOutput.print(table(card.network.tensors.map { ["  \($0.name)", "\($0.shape)"] }))
    }

    private func show(_ card: GeneratorCard) throws {
        if common.json {
            try JSONOutput.print(
                GeneratorDetails(
                    model: GeneratorReport(card),
                    transformerTensors: card.transformer.tensors.map { Report.Tensor(name: $0.name, shape: $0.shape) },
                    tokenizerTensors: card.tokenizer.tensors.map { Report.Tensor(name: $0.name, shape: $0.shape) }))
            return
        }
        let (transformer, tokenizer) = (card.transformer, card.tokenizer)
        StandardOutput.print(
            "\(card.name): generates pictures, trained on \(card.dataDescription), \(card.architecture), licence "
                + card.licence)
        switch card.weights {
        case .builtIn: StandardOutput.print("weights       built in")
        case .hub(let repository, let file, let tokenizerFile, _):
            StandardOutput.print("weights       \(file), \(tokenizerFile) of \(repository)")
        }
        StandardOutput.print(
            "parameters    \(card.parameterCount): transformer \(transformer.parameterCount), tokeniser "
                + "\(tokenizer.parameterCount)")
        StandardOutput.print(
            "transformer   \(transformer.depth) blocks, \(transformer.headCount) heads, width \(transformer.width), "
                + "\(transformer.codeCount) codes, \(transformer.blockLength) positions")
        StandardOutput.print(
            "tokeniser     \(card.imageSize) x \(card.imageSize) pixels to \(tokenizer.gridSize) x \(tokenizer.gridSize) of "
                + "\(tokenizer.codeCount) codes, \(tokenizer.codeWidth) wide")
        StandardOutput.print("preparation   \(card.preprocessing.summary)")
        StandardOutput.print(
            "cache         \(tenths(Double(transformer.cacheElementCount * transformer.blockLength * 4) / 1e6)) MB a sample in "
                + "f32")
        StandardOutput.print("use           beasts generate, complete, encode, decode, reconstruct")
        StandardOutput.print("\ntransformer tensors")
        StandardOutput.print(table(transformer.tensors.map { ["  \($0.name)", "\($0.shape)"] }))
        StandardOutput.print("\ntokeniser tensors")
        StandardOutput.print(table(tokenizer.tensors.map { ["  \($0.name)", "\($0.shape)"] }))
    }

    private struct GeneratorDetails: Encodable {
        let model: GeneratorReport
        let transformerTensors: [Report.Tensor]
        let tokenizerTensors: [Report.Tensor]
    }

    private func otherSizes(_ card: ModelCard) -> String {
        switch (card.network, card.algorithm) {
        case (.resNeXt, _): "any other size too"
        case (_, "mae"): "other sizes by interpolated positions (beyond what the published code embeds)"
        default: "other sizes by interpolated positions"
        }
    }

    private func list(_ sizes: [Int]) -> String { sizes.map(String.init).joined(separator: ", ") }

    private struct Report: Encodable {
        struct Tensor: Encodable {
            let name: String
            let shape: [Int]
        }

        struct Layer: Encodable {
            let name: String
            let shape: [Int]
        }

        let model: ModelReport
        let layers: [Layer]
        let tensors: [Tensor]

        init(_ card: ModelCard) {
            model = ModelReport(card)
            layers = card.network.layers.map { Layer(name: $0.name, shape: $0.shape) }
            tensors = card.network.tensors.map { Tensor(name: $0.name, shape: $0.shape) }
        }
    }
}
