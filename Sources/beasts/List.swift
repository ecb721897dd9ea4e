// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct List: CommonOptionsCommand {
    static let configuration = CommandConfiguration(abstract: "List the models that can be loaded by name.")

    @Option(name: .long, help: "Only models of this algorithm.", completion: .list(Catalogue.allAlgorithms))
    var algorithm: String?

    @Option(name: .long, help: "Only models trained on this data set.", completion: .list(Catalogue.allDataSets))
    var data: String?

    @Option(
        name: .long, help: "Only models of this architecture.", completion: .list(Catalogue.allArchitectureNames))
    var architecture: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let models = try Catalogue.models(algorithm: algorithm, dataSet: data, architecture: architecture)
        let generators = Catalogue.generators(algorithm: algorithm, dataSet: data, architecture: architecture)
        if models.isEmpty, generators.isEmpty {
            throw MenagerieError(.usage, "no model is all of that at once; beasts list shows all")
        }
        let cached = Catalogue.cachedNames()
        if common.json {
            try JSONOutput.print(
                models.map { Entry.encoder(ModelReport($0, isCached: cached.contains($0.name))) }
                    + generators.map { Entry.generator(GeneratorReport($0, isCached: cached.contains($0.name))) })
            return
        }
        func place(_ name: String, isBuiltIn: Bool) -> String {
            isBuiltIn ? "built in" : cached.contains(name) ? "cached" : "hub"
        }
        let rows = models.map { card in
            [
                card.name, card.algorithm, card.dataSet, card.architecture, "\(card.network.imageSize)",
                ModelReport.millions(card.parameterCount), place(card.name, isBuiltIn: card.isBuiltIn), card.licence,
            ]
        }
        let generatorRows = generators.map { card in
            [
                card.name, Catalogue.generatorAlgorithm, card.dataSet, card.architecture, "\(card.imageSize)",
                ModelReport.millions(card.parameterCount), place(card.name, isBuiltIn: card.isBuiltIn), card.licence,
            ]
        }
        StandardOutput.print(
            table(
                [["model", "algorithm", "trained on", "architecture", "size", "parameters", "weights", "licence"]]
                    + rows + generatorRows))
    }

    private enum Entry: Encodable {
        case encoder(ModelReport)
        case generator(GeneratorReport)

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .encoder(let report): try report.encode(to: encoder)
            case .generator(let report): try report.encode(to: encoder)
            }
        }
    }
}

/// Columns as wide as their widest cell.
func table(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
        let line = cells.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
}
