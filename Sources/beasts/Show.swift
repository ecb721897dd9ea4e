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
        let card = try Catalogue.model(named: model)
        if common.json {
            try JSONOutput.print(Report(card))
            return
        }
        let configuration = card.configuration
        let (tokens, width) = (configuration.gridSize * configuration.gridSize + 1, configuration.width)
        StandardOutput.print(
            "\(card.name): \(card.algorithm), trained on \(card.dataSet), \(card.architecture), licence \(card.licence)"
        )
        switch card.weights {
        case .builtIn: StandardOutput.print("weights       built in")
        case .hub(let repository, let file): StandardOutput.print("weights       \(file) of \(repository)")
        }
        StandardOutput.print("parameters    \(card.parameterCount)")
        StandardOutput.print(
            "input         [batch, \(configuration.imageSize), \(configuration.imageSize), 3], other sizes by interpolated positions"
        )
        StandardOutput.print("preparation   \(card.preprocessing.summary)")
        StandardOutput.print(
            "tokens        \(tokens): the CLS token and \(configuration.gridSize) x \(configuration.gridSize) patches of \(configuration.patchSize) x \(configuration.patchSize) pixels"
        )
        StandardOutput.print("embedding     [batch, \(width)]")
        StandardOutput.print("attention     [batch, \(configuration.headCount), \(tokens), \(tokens)]")
        StandardOutput.print("\nlayers (--layer), each [batch, \(tokens), \(width)]")
        for layer in VisionTransformer.layers(of: configuration) { StandardOutput.print("  \(layer.name)") }
        StandardOutput.print("\ntensors")
        let rows = VisionTransformer.tensors(of: configuration).map { ["  \($0.name)", "\($0.shape)"] }
        StandardOutput.print(table(rows))
    }

    private struct Report: Encodable {
        struct Tensor: Encodable {
            let name: String
            let shape: [Int]
        }

        let model: ModelReport
        let layers: [String]
        let tensors: [Tensor]

        init(_ card: ModelCard) {
            model = ModelReport(card)
            layers = VisionTransformer.layers(of: card.configuration).map(\.name)
            tensors = VisionTransformer.tensors(of: card.configuration).map { Tensor(name: $0.name, shape: $0.shape) }
        }
    }
}
