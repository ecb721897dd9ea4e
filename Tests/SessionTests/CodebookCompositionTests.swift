// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

@Suite struct NearestCodeCompositionTests {
    private func run(
        _ session: Session, codebook: Grid, input: Grid
    ) throws -> (codes: [Int32], distances: [Float]) {
        let (count, width) = (codebook.shape[0], codebook.shape[1])
        let norms = Grid(
            [count],
            (0..<count).map { code in Float((0..<width).reduce(0) { $0 + codebook[code, $1] * codebook[code, $1] }) })
        let weight = try session.weight(.linear, codebook)
        let (x, squared) = (try session.tensor(input), try session.tensor(norms))
        let codes = try session.makeTensor([Int32](repeating: -1, count: input.shape[0]), shape: [input.shape[0]])
        let distances = try session.blank([input.shape[0]])
        try session.run(
            NearestCodeArguments(
                codes: codes.view, distances: distances.view, input: x.view, weight: weight.handle,
                squaredNorms: squared.view))
        return (try session.downloadIntegers(codes), try session.download(distances))
    }

    /// The true distance to each code, and the first that is smallest.
    private func naive(_ codebook: Grid, _ input: Grid) -> (codes: [Int32], distances: Grid) {
        var (codes, distances) = ([Int32](), Grid([input.shape[0]]))
        for row in 0..<input.shape[0] {
            let all = (0..<codebook.shape[0]).map { code in
                (0..<codebook.shape[1]).reduce(0.0) { sum, d in
                    sum + (input[row, d] - codebook[code, d]) * (input[row, d] - codebook[code, d])
                }
            }
            let best = all.indices.min { all[$0] < all[$1] } ?? 0
            codes.append(Int32(best))
            distances[row] = all[best] - (0..<codebook.shape[1]).reduce(0) { $0 + input[row, $1] * input[row, $1] }
        }
        return (codes, distances)
    }

    @Test(arguments: [1 << 24, 1, 37, 100]) func codesAndDistancesEqualTheNaiveOnes(limit: Int) throws {
        let session = try Reference.session()
        session.scratchLimit = limit
        let (codebook, input) = (Grid.random([37, 6], seed: 1), Grid.random([23, 6], seed: 2))
        let found = try run(session, codebook: codebook, input: input)
        let expected = naive(codebook, input)
        #expect(found.codes == expected.codes)
        // 2 z·e and |e|² stay below 12 and are rounded to float32 once each.
        expectClose(found.distances, expected.distances, within: 1.5e-6)
        let block = max(1, limit / 37)
        #expect(session.statistics.native[.argReduce] == (23 + block - 1) / block)
    }

    @Test func theFirstOfEqualCodesWins() throws {
        let session = try Reference.session()
        // Small integers, so that all sums are exact. Codes 1 and 3 are equal; 0 and 4 lie equally far from the origin.
        let codebook = Grid([5, 2], [3, 0, 1, 2, -7, 5, 1, 2, 0, 3])
        let input = Grid([4, 2], [1, 2, 0, 0, 1, 1.5, 2, 2])
        let found = try run(session, codebook: codebook, input: input)
        #expect(found.codes == [1, 1, 1, 1])
        #expect(found.distances == [-5, 5, -3, -7])
        let far = try run(session, codebook: Grid([2, 2], [3, 0, 0, 3]), input: Grid([1, 2], [1, 1]))
        #expect(far.codes == [0])
    }

    @Test func noRowsAreNoWork() throws {
        let found = try run(try Reference.session(), codebook: Grid.random([4, 3], seed: 1), input: Grid([0, 3]))
        #expect(found.codes.isEmpty && found.distances.isEmpty)
    }
}

@Suite struct TopKCompositionTests {
    private func run(_ rows: [[Float]], _ k: Int) throws -> (values: [Float], indices: [Int32], ties: [Int32]) {
        let session = try Reference.session()
        let count = rows.first?.count ?? 4
        let input = try session.makeTensor(rows.flatMap { $0 }, shape: [rows.count, count])
        let values = try session.blank([rows.count, k])
        let indices = try session.makeTensor([Int32](repeating: -1, count: rows.count * k), shape: [rows.count, k])
        let ties = try session.makeTensor([Int32](repeating: -1, count: rows.count), shape: [rows.count])
        try session.run(TopKArguments(values: values.view, indices: indices.view, ties: ties.view, input: input.view))
        return (try session.download(values), try session.downloadIntegers(indices), try session.downloadIntegers(ties))
    }

    @Test func valuesFallAndTheLowerIndexComesFirst() throws {
        let found = try run([[1, 5, 3, 5, 2, 3], [0, -1, -2, -3, -4, -5]], 3)
        #expect(found.values == [5, 5, 3, 0, -1, -2])
        #expect(found.indices == [1, 3, 2, 0, 1, 2])
        #expect(found.ties == [2, 1])
    }

    @Test func tiesCountTheWholeRow() throws {
        let found = try run([[2, 2, 2, 2], [9, 2, 2, 2]], 2)
        #expect(found.indices == [0, 1, 0, 1])
        #expect(found.ties == [4, 3])
    }

    @Test func notANumberIsTheLargest() throws {
        let found = try run([[1, .nan, .infinity, .nan], [.nan, 1, -.infinity, 2]], 3)
        #expect(found.indices == [1, 3, 2, 0, 3, 1])
        #expect(found.values.map(\.isNaN) == [true, true, false, true, false, false])
        #expect(found.ties == [1, 1])
        #expect(try run([[.nan, 1, .nan, 2]], 1).ties == [2])
    }

    @Test func signedZerosAreEqual() throws {
        let found = try run([[-0.0, 0.0, -1]], 1)
        #expect(found.indices == [0])
        #expect(found.ties == [2])
    }

    @Test(arguments: [1, 2, 50, 101]) func agreesWithSorting(k: Int) throws {
        let grid = Grid.random([3, 101], seed: 5)
        // Tenths, so that there are ties.
        let rows = (0..<3).map { row in (0..<101).map { Float((grid[row, $0] * 10).rounded() / 10) } }
        let found = try run(rows, k)
        for (row, values) in rows.enumerated() {
            let expected = values.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.prefix(k)
            let range = row * k..<(row + 1) * k
            #expect(Array(found.values[range]) == expected.map(\.element))
            #expect(found.indices[range].map(Int.init) == expected.map(\.offset))
            #expect(Int(found.ties[row]) == values.count { $0 == expected.last?.element })
        }
    }

    @Test func noRowsAreNoWork() throws { #expect(try run([], 2).values.isEmpty) }
}
