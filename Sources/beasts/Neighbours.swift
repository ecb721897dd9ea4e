// SPDX-License-Identifier: MIT
import ArgumentParser
import Menagerie

struct Neighbours: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "neighbours",
        abstract: "List the pictures nearest to some, by the cosine of their embeddings.",
        aliases: ["neighbors"])

    @Argument(help: "Embeddings, a .npy file that beasts embed wrote.", completion: .file(extensions: ["npy"]))
    var embeddings: String

    @Option(name: .long, help: "How many pictures to take as queries, spread evenly over the list.")
    var queries = 6

    @Option(name: .long, help: "A picture of the list to take as a query, by its path; may be repeated.")
    var query: [String] = []

    @Option(name: .long, help: "How many neighbours of each.")
    var count = 5

    @Option(
        name: .long, help: "Draw queries and neighbours into this PNG file.", completion: .file(extensions: ["png"]))
    var sheet: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if queries < 1 { throw ValidationError("--queries \(queries): must be 1 or more") }
        if let sheet, !sheet.lowercased().hasSuffix(".png") {
            throw ValidationError("--sheet \(sheet): a sheet is a .png file")
        }
        if count < 1 { throw ValidationError("--count \(count): must be 1 or more") }
    }

    func run() throws {
        let table = try EmbeddingTable(contentsOfFile: embeddings)
        let rows = query.isEmpty ? table.evenlySpread(queries) : try query.map { try row(of: $0, in: table) }
        let results = rows.map { (query: table.paths[$0], neighbours: table.neighbours(of: $0, count: count)) }
        if let sheet {
            try ContactSheet(rows: results.map { ($0.query, $0.neighbours.map(\.path)) }).write(
                to: sheet, pending: Interruption.pendingFiles)
            common.note("contact sheet -> \(sheet)")
        }
        if common.json {
            try JSONOutput.print(
                results.map { Report(query: $0.query, neighbours: $0.neighbours.map(Report.Item.init)) })
        } else {
            for result in results { StandardOutput.print(readable(result.query, result.neighbours)) }
        }
    }

    private func row(of path: String, in table: EmbeddingTable) throws -> Int {
        guard let row = table.paths.firstIndex(of: path) else {
            throw MenagerieError(.usage, "\(embeddings) has no picture '\(path)'")
        }
        return row
    }

    private func readable(_ query: String, _ neighbours: [EmbeddingTable.Neighbour]) -> String {
        let lines = neighbours.map { "  \(decimals($0.similarity))  \(name($0.path))" }
        return ([name(query)] + lines).joined(separator: "\n")
    }

    /// The file's own name, on one line.
    private func name(_ path: String) -> String {
        StandardError.visible(path.split(separator: "/").last.map(String.init) ?? path)
    }

    /// Four digits behind the point.
    private func decimals(_ value: Float) -> String {
        let digits = String(Int((abs(Double(value)) * 10_000).rounded()))
        let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        return (value < 0 ? "-" : "") + padded.dropLast(4) + "." + padded.suffix(4)
    }

    private struct Report: Encodable {
        struct Item: Encodable {
            let path: String
            let similarity: Float

            init(_ neighbour: EmbeddingTable.Neighbour) {
                path = neighbour.path
                similarity = neighbour.similarity
            }
        }

        let query: String
        let neighbours: [Item]
    }
}
