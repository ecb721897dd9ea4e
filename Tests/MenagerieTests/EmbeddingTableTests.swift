// SPDX-License-Identifier: MIT
import BeastWeights
import Foundation
import Menagerie
import Testing

@Suite struct EmbeddingTableTests {
    /// Writes an array and its list of paths into a folder of their own, and removes both afterwards.
    private func withTable<Result>(
        _ rows: [[Float]], paths: String, _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let header = try NumpyHeader(element: .float32, shape: [rows.count, rows.first?.count ?? 0]).reservedBytes()
        let numbers = rows.flatMap { $0 }.withUnsafeBytes { Data($0) }
        try (Data(header) + numbers).write(to: folder.appending(path: "e.npy"))
        try Data(paths.utf8).write(to: folder.appending(path: "e.paths.txt"))
        return try body(folder.appending(path: "e.npy").path)
    }

    @Test("Neighbours come nearest first, by angle and not by length")
    func order() throws {
        try withTable([[1, 0], [0, 3], [5, 0.1], [-1, 0]], paths: "a\nb\nc\nd\n") { path in
            let table = try EmbeddingTable(contentsOfFile: path)
            let neighbours = table.neighbours(of: 0, count: 9)
            #expect(neighbours.map(\.path) == ["c", "b", "d"])
            #expect(neighbours[1].similarity == 0)
            #expect(neighbours[2].similarity == -1)
            #expect(table.neighbours(of: 0, count: 1).count == 1)
            #expect(table.evenlySpread(2) == [0, 2])
            #expect(table.evenlySpread(9) == [0, 1, 2, 3])
        }
    }

    @Test("Newlines and backslashes in paths survive")
    func escapedPaths() throws {
        try withTable([[1], [2]], paths: "a\\nb\nc\\\\d\n") { path in
            let table = try EmbeddingTable(contentsOfFile: path)
            #expect(table.paths == ["a\nb", "c\\d"])
        }
    }

    @Test("A list that does not fit the array is an error")
    func mismatch() throws {
        try withTable([[1], [2]], paths: "a\n") { path in
            let error = #expect(throws: MenagerieError.self) { try EmbeddingTable(contentsOfFile: path) }
            #expect(error?.code == .badData)
            #expect(error?.description.contains("names 1 pictures") == true)
        }
    }
}
