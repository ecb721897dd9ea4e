// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import Testing

/// Transformers over codes: what PyTorch made of the same codes, and the cache against no cache.
@Suite struct GPTTests {
    private let session: Session

    init() throws { session = try Reference.session() }

    static let cub = GPT.Configuration(codeCount: 512, blockLength: 255, depth: 4, headCount: 4, width: 128)
    private static let tiny = GPT.Configuration(codeCount: 11, blockLength: 15, depth: 2, headCount: 2, width: 8)

    private func cub() throws -> GPT {
        try GPT(Self.cub, weights: try CubGolden.weights("cub_gpt"), session: session)
    }

    private func tiny() throws -> GPT {
        try GPT(Self.tiny, weights: RandomWeights(Self.tiny.tensors, seed: 5), session: session)
    }

    private func codes(_ count: Int, below limit: Int, seed: UInt64) -> [Int32] {
        var generator = CounterGenerator(seed: seed, stream: 0)
        return (0..<count).map { _ in Int32(generator.nextIndex(below: limit)) }
    }

    @Test func logitsAreThoseOfPyTorch() throws {
        let golden = try CubGolden("cub_gpt", "gpt_logits")
        let input = try golden.input("codes")
        let codes = try #require(input.integers()).map { Int32($0) }
        let (model, length) = (try cub(), input.shape[1])
        let first = try model.logits(Array(codes.prefix(24)), rows: 1)
        try golden.check(first, "logits_first_24")
        let cache = try model.makeCache(rowCount: 2)
        let kept = (0..<2).flatMap { codes[$0 * length..<$0 * length + 255] }
        try golden.check(try model.append(kept, to: cache), "logits_last")
    }

    @Test func theMostLikelyCodesAreThoseOfPyTorch() throws {
        let golden = try CubGolden("cub_gpt", "gpt_greedy")
        let prompt = try #require(try golden.input("codes").integers()).map { Int32($0) }
        let expected = try #require(try golden.output("codes_out").integers()).map { Int32($0) }
        var sampler = CodeSampler(SamplingRule(temperature: 0))
        let found = try cub().continuations(
            of: [prompt], steps: expected.count - prompt.count,
            choose: { _, _, logits in try sampler.draw(logits, uniform: 0).code })
        #expect(found == [expected])
    }

    @Test func theCacheChangesNothingAtAnyPosition() throws {
        let (model, rows, length) = (try cub(), 2, 255)
        let sequences = (0..<rows).map { codes(length, below: 512, seed: UInt64($0)) }
        let whole = try session.download(try model.logits(sequences.flatMap { $0 }, rows: rows))
        let cache = try model.makeCache(rowCount: rows)
        var worst: Float = 0
        for position in 0..<length {
            let step = try session.download(try model.append(sequences.map { $0[position] }, to: cache))
            for row in 0..<rows {
                for code in 0..<512 {
                    let expected = whole[(row * length + position) * 512 + code]
                    worst = max(worst, abs(step[row * 512 + code] - expected))
                }
            }
        }
        #expect(cache.length == length)
        #expect(worst < 1e-4, "largest difference \(worst)")
    }

    @Test func codesMayBeReadInPiecesOfAnySize() throws {
        let model = try tiny()
        let sequence = codes(15, below: 11, seed: 3)
        let whole = try session.download(try model.logits(sequence, rows: 1)).suffix(11)
        for pieces in [[15], [1, 14], [14, 1], [5, 5, 5], [2, 3, 1, 9]] {
            let cache = try model.makeCache(rowCount: 1)
            var position = 0
            var last: [Float] = []
            for piece in pieces {
                last = try session.download(
                    try model.append(Array(sequence[position..<position + piece]), to: cache))
                position += piece
            }
            #expect(zip(last, whole).allSatisfy { abs($0 - $1) < 1e-5 }, "\(pieces)")
        }
    }

    @Test func sequencesThatShareAPrefixAreThoseReadAlone() throws {
        let model = try tiny()
        let prefixes = [codes(6, below: 11, seed: 1), codes(6, below: 11, seed: 2)]
        let shared = try model.makeCache(rowCount: 6)
        let logits = try model.readPrefixes(prefixes.flatMap { $0 }, copies: 3, into: shared)
        let next: [Int32] = [1, 2, 3, 4, 5, 6]
        let together = try session.download(try model.append(next, to: shared))
        for row in 0..<6 {
            let alone = try model.makeCache(rowCount: 1)
            let first = try session.download(try model.append(prefixes[row / 3], to: alone))
            #expect(Array(logits[row / 3 * 11..<(row / 3 + 1) * 11]) == first)
            let second = try session.download(try model.append([next[row]], to: alone))
            #expect(Array(together[row * 11..<(row + 1) * 11]) == second)
        }
    }

    @Test func aSequenceDoesNotDependOnTheOthersOfItsBatch() throws {
        let model = try tiny()
        let sequences = (0..<5).map { codes(9, below: 11, seed: UInt64(10 + $0)) }
        let all = try session.download(try model.logits(sequences.flatMap { $0 }, rows: 5))
        for (row, sequence) in sequences.enumerated() {
            let alone = try session.download(try model.logits(sequence, rows: 1))
            #expect(Array(all[row * 99..<(row + 1) * 99]) == alone)
        }
    }

    @Test func laterCodesChangeNothingBefore() throws {
        let model = try tiny()
        var sequence = codes(12, below: 11, seed: 4)
        let before = try session.download(try model.logits(sequence, rows: 1))
        sequence[8] = (sequence[8] + 1) % 11
        let after = try session.download(try model.logits(sequence, rows: 1))
        #expect(before.prefix(8 * 11) == after.prefix(8 * 11))
        #expect(before.suffix(4 * 11) != after.suffix(4 * 11))
    }

    @Test func aCacheCanBeTakenBackAndFilledAnew() throws {
        let model = try tiny()
        let cache = try model.makeCache(rowCount: 1)
        let sequence = codes(8, below: 11, seed: 6)
        let first = try session.download(try model.append(sequence, to: cache))
        cache.truncate(to: 3)
        try model.append([7, 7], to: cache)
        cache.truncate(to: 3)
        let again = try session.download(try model.append(Array(sequence[3...]), to: cache))
        #expect(zip(first, again).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func whatCannotBeReadIsRefused() throws {
        let model = try tiny()
        let cache = try model.makeCache(rowCount: 2, capacity: 3)
        for wrong in [[] as [Int32], [1, 2, 3], [1, 11], [-1, 1], Array(repeating: 1, count: 8)] {
            #expect(throws: ModelError.self, "\(wrong)") { try model.append(wrong, to: cache) }
        }
        #expect(cache.length == 0)
        #expect(throws: ModelError.self) { try model.makeCache(rowCount: 1, capacity: 16) }
        #expect(throws: ModelError.self) { try model.makeCache(rowCount: 0) }
        #expect(throws: ModelError.self) { try model.continuations(of: [[1], [1, 2]], steps: 1) { _, _, _ in 0 } }
    }

    @Test func aTokenMakesNoBuffer() throws {
        let backend = AlteredBackend(try Reference.context())
        let session = Session(backend: backend)
        let model = try GPT(Self.tiny, weights: RandomWeights(Self.tiny.tensors, seed: 5), session: session)
        let cache = try model.makeCache(rowCount: 3)
        for _ in 0..<2 { try model.append([1, 2, 3], to: cache) }
        let made = backend.buffersMade
        for _ in 0..<10 { try model.append([4, 5, 6], to: cache) }
        // Where attention is composed, its scores have another size at each position.
        #expect(backend.buffersMade - made <= (backend.hasNative(.attention) ? 0 : 10))
    }

    @Test func theTensorsAreThoseOfThePublishedFiles() {
        let gimel = GPT.Configuration(codeCount: 8192, blockLength: 1023, depth: 36, headCount: 20, width: 1280)
        #expect(gimel.parameterCount == 730_671_360)
        #expect(gimel.tensors.count + gimel.maskNames.count == 617)
        let dalet = GPT.Configuration(codeCount: 16384, blockLength: 255, depth: 48, headCount: 25, width: 1600)
        #expect(dalet.parameterCount == 1_528_398_400)
    }
}
