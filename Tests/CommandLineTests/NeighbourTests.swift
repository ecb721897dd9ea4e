// SPDX-License-Identifier: MIT
import BeastMedia
import BeastWeights
import Foundation
import Glibc
import Testing

@Suite struct NeighbourTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Row: Decodable {
        struct Neighbour: Decodable {
            let path: String
            let similarity: Float
        }

        let query: String
        let neighbours: [Neighbour]
    }

    private func rows(_ arguments: [String]) throws -> [Row] {
        let outcome = try Program.built.run(["neighbours"] + arguments + ["--json", "--quiet"], in: folder)
        outcome.expectSuccess()
        return try JSONDecoder().decode([Row].self, from: Data(outcome.output.utf8))
    }

    /// Writes an array with its list of paths.
    private func write(_ table: [[Float]], shape: [Int]? = nil, paths: [String]? = nil) throws {
        let header = try NumpyHeader(element: .float32, shape: shape ?? [table.count, table.first?.count ?? 0]).encoded()
        let numbers = table.flatMap { $0 }.withUnsafeBytes { [UInt8]($0) }
        try folder.write(header + numbers, to: "e.npy")
        let paths = paths ?? table.indices.map { "p\($0).png" }
        try folder.write(paths.map { $0 + "\n" }.joined(), to: "e.paths.txt")
    }

    @Test func `The nearest come first, with the cosine`() throws {
        try write([[1, 0], [0, 1], [3, 0.3], [-2, 0]])
        let all = try rows(["e.npy", "--queries", "99", "--count", "99"])
        #expect(all.map(\.query) == ["p0.png", "p1.png", "p2.png", "p3.png"])
        #expect(all[0].neighbours.map(\.path) == ["p2.png", "p1.png", "p3.png"])
        #expect(abs(all[0].neighbours[0].similarity - 0.9950372) < 1e-6)
        #expect(all[0].neighbours[2].similarity == -1)
        #expect(try rows(["e.npy", "--queries", "2", "--count", "1"]).map(\.query) == ["p0.png", "p2.png"])
        #expect(try rows(["e.npy", "--query", "p3.png", "--query", "p1.png"]).map(\.query) == ["p3.png", "p1.png"])
        let text = try Program.built.run(["neighbors", "e.npy", "--queries", "1", "--count", "1"], in: folder)
        #expect(text.output == "p0.png\n  0.9950  p2.png\n")
    }

    @Test func `Numbers that are not finite do no harm`() throws {
        try write([[.nan, 0], [.infinity, 1], [0, 0], [1e38, 1e38]])
        #expect(try rows(["e.npy"]).count == 4)
        try Program.built.run(["neighbours", "e.npy"], in: folder).expectSuccess()
    }

    @Test func `A sheet is a PNG with a row for each query`() throws {
        for index in 0..<3 { try folder.write(try Samples.picture(index, width: 30 + index, height: 200), to: "p\(index).png") }
        try write([[1, 0], [0, 1], [1, 1]])
        let outcome = try Program.built.run(["neighbours", "e.npy", "--queries", "2", "--count", "2", "--sheet", "s.png"], in: folder)
        outcome.expectSuccess()
        let sheet = try Picture(contentsOfFile: folder.path("s.png"))
        #expect(sheet.width > 3 * 112 && sheet.height > 2 * 112 && sheet.height < 3 * 112)
        try Program.built.run(["neighbours", "e.npy", "--sheet", "p1.png", "--quiet"], in: folder)
            .expectFailure(64, "p1.png", "one of its pictures")
        try Program.built.run(["neighbours", "e.npy", "--sheet", "s.jpg", "--quiet"], in: folder).expectFailure(64, ".png")
        try Program.built.run(["neighbours", "e.npy", "--sheet", "no/s.png", "--quiet"], in: folder).expectFailure(73, "no/s.png")
        unlink(folder.path("p1.png"))
        try Program.built.run(["neighbours", "e.npy", "--sheet", "t.png", "--quiet"], in: folder)
            .expectFailure(66, "p1.png", "where beasts embed was run")
        #expect(!folder.exists("t.png"))
    }

    @Test func `Files that do not fit each other are refused`() throws {
        try Program.built.run(["neighbours", "gone.npy"], in: folder).expectFailure(66, "gone.npy")
        try write([[1, 0], [0, 1]], paths: ["a.png"])
        try Program.built.run(["neighbours", "e.npy"], in: folder).expectFailure(65, "names 1 pictures", "has 2 rows")
        try write([[1, 0], [0, 1]])
        try Program.built.run(["neighbours", "e.npy", "--query", "q.png"], in: folder).expectFailure(64, "q.png")
        try Program.built.run(["neighbours", "e.npy", "--queries", "0"], in: folder).expectFailure(64, "--queries 0")
        try Program.built.run(["neighbours", "e.npy", "--count", "0"], in: folder).expectFailure(64, "--count 0")
        unlink(folder.path("e.paths.txt"))
        try Program.built.run(["neighbours", "e.npy"], in: folder).expectFailure(66, "e.paths.txt")
        for shape in [[4], [2, 1, 2], []] {
            try write([Array(repeating: 1, count: shape.reduce(1, *))], shape: shape, paths: ["a", "b"])
            try Program.built.run(["neighbours", "e.npy"], in: folder).expectFailure(65, "expected [pictures, width]")
        }
        try write([], shape: [0, 192])
        #expect(try rows(["e.npy"]).isEmpty)
        try folder.write("garbage", to: "e.npy")
        try Program.built.run(["neighbours", "e.npy"], in: folder).expectFailure(65, "e.npy")
        mkdir(folder.path("d.npy"), 0o755)
        #expect(try Program.built.run(["neighbours", "d.npy"], in: folder).errorLines.count == 1)
    }
}
