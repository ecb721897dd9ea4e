// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import BeastCore

/// Attention on a backend that has only matrix products and a softmax.
@Suite struct AttentionCompositionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var batch = 2
        var heads = 3
        var queries = 5
        var keys = 7
        var dimension = 4
        var isCausal = false
        var queryOffset = 0
        var keyLength: Int?

        var scale: Float { 0.6 }
        var seenKeys: Int { keyLength ?? keys }
        var testDescription: String {
            "[\(batch), \(heads), \(queries) x \(keys), \(dimension)]\(isCausal ? " causal" : "") +\(queryOffset) of \(seenKeys)"
        }
    }

    static let cases: [Case] = [
        Case(), Case(batch: 1, heads: 1, queries: 1, keys: 1, dimension: 1), Case(queries: 6, keys: 6, isCausal: true),
        Case(queries: 2, keys: 9, isCausal: true, queryOffset: 4),
        Case(queries: 1, keys: 9, isCausal: true, queryOffset: 8),
        Case(keyLength: 3), Case(queries: 4, keys: 8, isCausal: true, queryOffset: 2, keyLength: 5), Case(keyLength: 0),
        Case(queries: 0), Case(batch: 0), Case(queries: 3, keys: 5, dimension: 130),
    ]

    /// Row by row from the definition: no matrix product, no maximum taken off before the exponential.
    private func naive(_ c: Case, query: Grid, key: Grid, value: Grid) -> (maps: Grid, output: Grid) {
        var maps = Grid([c.batch, c.heads, c.queries, c.keys])
        var output = Grid([c.batch, c.heads, c.queries, c.dimension])
        for b in 0..<c.batch {
            for h in 0..<c.heads {
                for m in 0..<c.queries {
                    let seen = (0..<c.keys).filter { $0 < c.seenKeys && (!c.isCausal || $0 <= m + c.queryOffset) }
                    let weights = seen.map { n in
                        exp(
                            Double(c.scale) * (0..<c.dimension).reduce(0) { $0 + query[b, h, m, $1] * key[b, h, n, $1] }
                        )
                    }
                    let sum = weights.reduce(0, +)
                    for (n, weight) in zip(seen, weights) {
                        maps[b, h, m, n] = weight / sum
                        for d in 0..<c.dimension { output[b, h, m, d] += weight / sum * value[b, h, n, d] }
                    }
                }
            }
        }
        return (maps, output)
    }

    private func inputs(_ c: Case) -> (query: Grid, key: Grid, value: Grid) {
        (
            .random([c.batch, c.heads, c.queries, c.dimension], seed: 1),
            .random([c.batch, c.heads, c.keys, c.dimension], seed: 2),
            .random([c.batch, c.heads, c.keys, c.dimension], seed: 3)
        )
    }

    // Scores of at most 130 products below 1 are stored as float32 once (130 * 2^-24 = 8e-6), which changes a
    // probability by no more than that times the probability; probabilities and sums below 1 are rounded once each.
    private let tolerance = 1e-5

    @Test(arguments: cases) func attentionEqualsTheNaiveSums(_ c: Case) throws {
        let session = try Reference.session()
        let (query, key, value) = inputs(c)
        let (q, k, v) = (try session.tensor(query), try session.tensor(key), try session.tensor(value))
        let output = try session.blank(q.shape)
        try session.run(
            AttentionArguments(
                output: output.view, query: q.view, key: k.view, value: v.view, scale: c.scale, isCausal: c.isCausal,
                queryOffset: c.queryOffset, keyLength: c.seenKeys))
        expectClose(
            try session.download(output), naive(c, query: query, key: key, value: value).output, within: tolerance)
        #expect(session.statistics.composed[.attention] == 1)
    }

    @Test(arguments: cases) func attentionMapsEqualTheNaiveOnes(_ c: Case) throws {
        let session = try Reference.session()
        let (query, key, value) = inputs(c)
        let (q, k) = (try session.tensor(query), try session.tensor(key))
        let output = try session.blank([c.batch, c.heads, c.queries, c.keys])
        try session.run(
            AttentionProbabilitiesArguments(
                output: output.view, query: q.view, key: k.view, scale: c.scale, isCausal: c.isCausal,
                queryOffset: c.queryOffset, keyLength: c.seenKeys))
        expectClose(
            try session.download(output), naive(c, query: query, key: key, value: value).maps, within: tolerance)
    }

    @Test func operandsMayBeViewsOfOneBuffer() throws {
        let c = Case(queries: 6, keys: 6)
        let session = try Reference.session()
        // [batch, tokens, 3, heads, d], as one linear layer gives it.
        let packed = Grid.random([c.batch, c.keys, 3, c.heads, c.dimension], seed: 4)
        let parts = try session.tensor(packed).permuted(2, 0, 3, 1, 4)
        let mixed = try session.blank([c.batch, c.queries, c.heads, c.dimension])
        try session.run(
            AttentionArguments(
                output: mixed.permuted(0, 2, 1, 3).view, query: parts.select(0, 0).view, key: parts.select(0, 1).view,
                value: parts.select(0, 2).view, scale: c.scale, keyLength: c.keys))
        func part(_ index: Int) -> Grid {
            var grid = Grid([c.batch, c.heads, c.keys, c.dimension])
            for b in 0..<c.batch {
                for h in 0..<c.heads {
                    for n in 0..<c.keys { for d in 0..<c.dimension { grid[b, h, n, d] = packed[b, n, index, h, d] } }
                }
            }
            return grid
        }
        let expected = naive(c, query: part(0), key: part(1), value: part(2)).output
        expectClose(try session.download(mixed.permuted(0, 2, 1, 3)), expected, within: tolerance)
        withExtendedLifetime(parts) {}
    }

    @Test(arguments: [1, 20, 45, 1000]) func queriesInBlocksGiveTheSameBits(limit: Int) throws {
        let c = Case(queries: 11, keys: 9, isCausal: true, queryOffset: 1, keyLength: 8)
        func run(_ session: Session) throws -> [Float] {
            let (query, key, value) = inputs(c)
            let (q, k, v) = (try session.tensor(query), try session.tensor(key), try session.tensor(value))
            let output = try session.blank(q.shape)
            try session.run(
                AttentionArguments(
                    output: output.view, query: q.view, key: k.view, value: v.view, scale: c.scale,
                    isCausal: c.isCausal,
                    queryOffset: c.queryOffset, keyLength: c.seenKeys))
            return try session.download(output)
        }
        let (whole, blocked) = (try Reference.session(), try Reference.session())
        blocked.scratchLimit = limit
        #expect(try run(whole) == run(blocked))
        // Six rows of scores of eight keys each are one query of all batches and heads.
        let rows = min(11, max(1, limit / 48))
        #expect(whole.statistics.composed[.attentionProbabilities] == 1)
        #expect(blocked.statistics.composed[.attentionProbabilities] == (11 + rows - 1) / rows)
    }

    @Test func whatLiesBehindTheKeyLengthIsNotRead() throws {
        var c = Case(queries: 2, keys: 6, isCausal: true, queryOffset: 2, keyLength: 4)
        let session = try Reference.session()
        let (query, key, value) = inputs(c)
        var (dirtyKey, dirtyValue) = (key, value)
        for b in 0..<c.batch {
            for h in 0..<c.heads {
                for n in 4..<6 {
                    for d in 0..<c.dimension {
                        dirtyKey[b, h, n, d] = .nan
                        dirtyValue[b, h, n, d] = n == 4 ? .nan : .infinity
                    }
                }
            }
        }
        let (q, k, v) = (try session.tensor(query), try session.tensor(dirtyKey), try session.tensor(dirtyValue))
        let output = try session.blank(q.shape)
        try session.run(
            AttentionArguments(
                output: output.view, query: q.view, key: k.view, value: v.view, scale: c.scale, isCausal: true,
                queryOffset: 2, keyLength: 4))
        let maps = try session.blank([c.batch, c.heads, 2, 6])
        try session.run(
            AttentionProbabilitiesArguments(
                output: maps.view, query: q.view, key: k.view, scale: c.scale, isCausal: true, queryOffset: 2,
                keyLength: 4))
        c.isCausal = true
        let expected = naive(c, query: query, key: key, value: value)
        expectClose(try session.download(output), expected.output, within: tolerance)
        expectClose(try session.download(maps), expected.maps, within: tolerance)
    }

    @Test func aWrongShapeIsRefusedInTheNameOfTheOp() throws {
        let session = try Reference.session()
        let q = try session.makeTensor([1, 1, 2, 4])
        let k = try session.makeTensor([1, 1, 3, 5])
        let error = #expect(throws: BackendError.self) {
            try session.run(
                AttentionArguments(output: q.view, query: q.view, key: k.view, value: k.view, scale: 1, keyLength: 3))
        }
        #expect(error?.code == .invalidArgument)
        #expect(
            error?.message
                == "attention: query [1, 1, 2, 4] does not fit key [1, 1, 3, 5]: batch, heads and head dimension must be equal"
        )
    }
}
