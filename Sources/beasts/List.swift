// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct List: CommonOptionsCommand {
    static let configuration = CommandConfiguration(abstract: "List the models that can be loaded by name.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let models = Catalogue.models
        if common.json {
            try JSONOutput.print(models.map(ModelReport.init))
            return
        }
        let rows = models.map { card in
            [
                card.name, card.algorithm, card.dataSet, card.architecture, "\(card.configuration.imageSize)",
                ModelReport.millions(card.parameterCount), card.isBuiltIn ? "built in" : "hub", card.licence,
            ]
        }
        StandardOutput.print(
            table(
                [["model", "algorithm", "trained on", "architecture", "size", "parameters", "weights", "licence"]]
                    + rows))
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

/// A model's facts for JSON.
struct ModelReport: Encodable {
    let name: String
    let algorithm: String
    let dataSet: String
    let architecture: String
    let licence: String
    let parameters: Int
    let size: Int
    let patchSize: Int
    let width: Int
    let depth: Int
    let heads: Int
    let isBuiltIn: Bool
    let repository: String?
    let file: String?

    init(_ card: ModelCard) {
        name = card.name
        algorithm = card.algorithm
        dataSet = card.dataSet
        architecture = card.architecture
        licence = card.licence
        parameters = card.parameterCount
        size = card.configuration.imageSize
        patchSize = card.configuration.patchSize
        width = card.configuration.width
        depth = card.configuration.depth
        heads = card.configuration.headCount
        isBuiltIn = card.isBuiltIn
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
