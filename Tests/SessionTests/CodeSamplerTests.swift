// SPDX-License-Identifier: MIT
import BeastCore
import Foundation
import Testing

/// Which codes are drawn, and how often.
@Suite struct CodeSamplerTests {
    private func probabilities(_ logits: [Float], _ rule: SamplingRule) throws -> [Double] {
        var sampler = CodeSampler(rule)
        return try logits.withUnsafeBufferPointer { try sampler.probabilities($0) }
    }

    private func draw(_ logits: [Float], _ rule: SamplingRule, _ uniform: Double) throws -> CodeSampler.Draw {
        var sampler = CodeSampler(rule)
        return try logits.withUnsafeBufferPointer { try sampler.draw($0, uniform: uniform) }
    }

    /// The rules as their definitions read, by sorting.
    static func naive(_ logits: [Float], _ rule: SamplingRule) -> [Double] {
        let scaled = logits.map { $0 / Float(rule.temperature) }
        var allowed = Set(scaled.indices)
        if let topK = rule.topK {
            let threshold = scaled.sorted(by: >)[topK - 1]
            allowed = allowed.filter { scaled[$0] >= threshold }
        }
        func normalised(_ allowed: Set<Int>) -> [Double] {
            let highest = allowed.map { Double(scaled[$0]) }.max() ?? 0
            let weights = scaled.indices.map { allowed.contains($0) ? exp(Double(scaled[$0]) - highest) : 0 }
            let sum = weights.reduce(0, +)
            return weights.map { $0 / sum }
        }
        guard let topP = rule.topP else { return normalised(allowed) }
        let weights = normalised(allowed)
        var kept: Set<Int> = []
        var sum = 0.0
        for index in allowed.sorted(by: { (-weights[$0], $0) < (-weights[$1], $1) }) where sum < topP {
            kept.insert(index)
            sum += weights[index]
        }
        return normalised(kept)
    }

    @Test func probabilitiesAreThoseOfTheDefinitions() throws {
        var generator = CounterGenerator(seed: 1, stream: 0)
        for count in [1, 2, 7, 100] {
            for temperature in [0.3, 1, 2.5] {
                for topK in [nil, 1, 2, count / 2, count] as [Int?] where (topK ?? 1) >= 1 && (topK ?? 1) <= count {
                    // Not where equal logits add up to it, which rounding would decide.
                    for topP in [nil, 1e-9, 0.487, 0.913, 1] as [Double?] {
                        // Few levels, so that there are ties.
                        let logits = (0..<count).map { _ in Float(generator.nextIndex(below: 12)) / 2 }
                        let rule = SamplingRule(temperature: temperature, topK: topK, topP: topP)
                        let found = try probabilities(logits, rule)
                        let expected = Self.naive(logits, rule)
                        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(logits) \(rule)")
                    }
                }
            }
        }
    }

    @Test func tiesWithTheLastOfTheMostLikelySurvive() throws {
        let found = try probabilities([1, 3, 2, 2, 2, 0], SamplingRule(topK: 2))
        #expect(found.map { $0 > 0 } == [false, true, true, true, true, false])
    }

    @Test func aDrawIsTheFirstCodeWhoseCumulativeProbabilityExceedsTheNumber() throws {
        // Probabilities 1/7, 2/7, 0, 4/7.
        let logits: [Float] = [0, Float(log(2.0)), -200, Float(log(4.0))]
        let rule = SamplingRule(topK: 3)
        for (uniform, code) in [(0, 0), (0.142, 0), (0.143, 1), (0.428, 1), (0.43, 3), (0.99999999999, 3)]
            as [(Double, Int32)]
        {
            let draw = try draw(logits, rule, uniform)
            #expect(draw.code == code, "\(uniform)")
            let edges = [1.0 / 7, 3.0 / 7]
            let nearest = edges.map { abs($0 - uniform) }.min() ?? 1
            #expect(abs(draw.margin - nearest) < 1e-6 || draw.margin > nearest, "\(uniform): \(draw.margin)")
        }
    }

    @Test func temperatureZeroTakesTheFirstOfTheMostLikely() throws {
        for uniform in [0, 0.5, 0.999] {
            #expect(try draw([1, 5, 5, 2], SamplingRule(temperature: 0), uniform).code == 1)
            #expect(try draw([1, 2, 5, 4], SamplingRule(temperature: 0, topK: 2), uniform).code == 2)
        }
        #expect(try draw([1, 5, 5, 2], SamplingRule(temperature: 0), 0).margin == 0)
    }

    @Test func drawsAreAsFrequentAsTheirProbabilities() throws {
        let logits: [Float] = [0.3, -1, 2, 0.7, 1.1, -0.4, 0, 1.9]
        let rule = SamplingRule(temperature: 0.8, topK: 6, topP: 0.95)
        let expected = Self.naive(logits, rule)
        var sampler = CodeSampler(rule)
        var generator = CounterGenerator(seed: 9, stream: 3)
        var counts = [Int](repeating: 0, count: logits.count)
        let draws = 40_000
        try logits.withUnsafeBufferPointer { logits in
            for _ in 0..<draws { counts[Int(try sampler.draw(logits, uniform: generator.nextDouble()).code)] += 1 }
        }
        expectFrequencies(counts, expected.map { $0 * Double(draws) })
    }

    @Test func logitsThatAreNoNumbersAreAnError() throws {
        for logits in [[], [1, .nan], [.infinity, 1], [1, -.infinity]] as [[Float]] {
            #expect(throws: ModelError.self) { try draw(logits, SamplingRule(topK: nil), 0.5) }
        }
    }

    @Test func rulesThatMakeNoSenseAreRefused() {
        for rule in [
            SamplingRule(temperature: -1), SamplingRule(temperature: .nan), SamplingRule(topK: 0),
            SamplingRule(topK: 9),
            SamplingRule(topK: 1, topP: 0), SamplingRule(topK: 1, topP: 1.1),
        ] {
            #expect(throws: ModelError.self, "\(rule)") { try rule.validate(codeCount: 8) }
        }
        #expect(throws: Never.self) { try SamplingRule(temperature: 0, topK: 8, topP: 1).validate(codeCount: 8) }
    }

    /// A transformer of four codes and pictures of four: all 256 pictures have a probability that can be counted out.
    @Test(arguments: [
        SamplingRule(topK: nil), SamplingRule(temperature: 0.7, topK: 3), SamplingRule(topK: nil, topP: 0.8),
    ])
    func freeSamplesAreAsFrequentAsAllProductsOfProbabilities(rule: SamplingRule) throws {
        let configuration = GPT.Configuration(codeCount: 4, blockLength: 3, depth: 2, headCount: 2, width: 8)
        let session = try Reference.session()
        let model = try GPT(configuration, weights: RandomWeights(configuration.tensors, seed: 8), session: session)
        // Every prefix of three codes, read without a cache.
        var prefixes: [[Int32]] = []
        for first in 0..<4 as Range<Int32> {
            for second in 0..<4 as Range<Int32> {
                for third in 0..<4 as Range<Int32> { prefixes.append([first, second, third]) }
            }
        }
        let logits = try session.download(try model.logits(prefixes.flatMap { $0 }, rows: 64))
        var expected = [Double](repeating: 0, count: 256)
        for (number, prefix) in prefixes.enumerated() {
            var next: [[Double]] = []
            for position in 0..<3 {
                let start = (number * 3 + position) * 4
                next.append(Self.naive(Array(logits[start..<start + 4]), rule))
            }
            let probability = 0.25 * next[0][Int(prefix[1])] * next[1][Int(prefix[2])]
            for last in 0..<4 { expected[number * 4 + last] = probability * next[2][last] }
        }
        #expect(abs(expected.reduce(0, +) - 1) < 1e-9)

        let samples = 8192
        var generators = (0..<samples).map { CounterGenerator(seed: 77, stream: UInt64($0)) }
        let first = generators.indices.map { [Int32(generators[$0].nextIndex(below: 4))] }
        var sampler = CodeSampler(rule)
        let rows = try #require(
            try model.continuations(
                of: first, steps: 3,
                choose: { row, _, logits in try sampler.draw(logits, uniform: generators[row].nextDouble()).code }))
        var counts = [Int](repeating: 0, count: 256)
        for row in rows { counts[row.reduce(0) { $0 * 4 + Int($1) }] += 1 }
        expectFrequencies(counts, expected.map { $0 * Double(samples) })
        // Each position for itself, the first code among them.
        for place in [64, 16, 4, 1] {
            var (found, wanted) = ([Int](repeating: 0, count: 4), [Double](repeating: 0, count: 4))
            for picture in 0..<256 {
                found[picture / place % 4] += counts[picture]
                wanted[picture / place % 4] += expected[picture] * Double(samples)
            }
            expectFrequencies(found, wanted)
        }
    }
}

/// Pearson's chi-square: what is expected fewer than five times is put together, what cannot be must not be. The bound is
/// four deviations above the mean, which one of some ten thousand honest runs exceeds.
func expectFrequencies(
    _ counts: [Int], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation
) {
    var (statistic, classes, rare) = (0.0, 0, (count: 0.0, expected: 0.0))
    for (count, expected) in zip(counts, expected) {
        if expected == 0 {
            #expect(count == 0, "drawn \(count) times, and cannot be", sourceLocation: sourceLocation)
        } else if expected < 5 {
            rare = (rare.count + Double(count), rare.expected + expected)
        } else {
            statistic += (Double(count) - expected) * (Double(count) - expected) / expected
            classes += 1
        }
    }
    if rare.expected >= 5 {
        statistic += (rare.count - rare.expected) * (rare.count - rare.expected) / rare.expected
        classes += 1
    }
    let freedom = Double(max(1, classes - 1))
    #expect(
        statistic < freedom + 4 * (2 * freedom).squareRoot(),
        "chi-square \(statistic) of \(freedom) degrees of freedom",
        sourceLocation: sourceLocation)
}
