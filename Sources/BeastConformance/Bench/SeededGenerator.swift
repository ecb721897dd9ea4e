// SPDX-License-Identifier: MIT

/// SplitMix64: small, fast, and the same numbers on every machine from the same seed.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A generator of its own for everything that has a name, so that adding a case changes no other case's data.
    init(seed: UInt64, name: String) {
        // FNV-1a: Swift's own hash differs from run to run.
        let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        self.init(seed: seed ^ hash)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    /// From 0 up to but not including 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// About normal, mean 0 and deviation 1, never beyond 6: twelve uniform numbers less 6.
    mutating func normal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += unit() }
        return sum
    }
}

/// What an operand holds before the op.
struct Values: Sendable {
    enum Kind: Sendable {
        case normal(mean: Double, deviation: Double)
        case uniform(Double, Double)
        /// Whole numbers from a range; for indices, pictures, and rows with equal elements.
        case integers(ClosedRange<Int>)
        /// Given elements, repeated until the operand is full.
        case list([Double])
    }

    var kind: Kind
    /// Elements, by their position in the logical array, that are replaced afterwards.
    var planted: [(position: Int, value: Double)] = []

    static func normal(mean: Double = 0, deviation: Double = 1) -> Values {
        Values(kind: .normal(mean: mean, deviation: deviation))
    }
    static func uniform(_ low: Double, _ high: Double) -> Values { Values(kind: .uniform(low, high)) }
    static func integers(_ range: ClosedRange<Int>) -> Values { Values(kind: .integers(range)) }
    static func list(_ values: [Double]) -> Values { Values(kind: .list(values)) }

    func planting(_ elements: [(position: Int, value: Double)]) -> Values {
        var values = self
        values.planted += elements
        return values
    }

    func make(count: Int, _ generator: inout SeededGenerator) -> [Double] {
        var result = [Double](repeating: 0, count: count)
        for position in 0..<count {
            switch kind {
            case .normal(let mean, let deviation): result[position] = mean + deviation * generator.normal()
            case .uniform(let low, let high): result[position] = low + (high - low) * generator.unit()
            case .integers(let range): result[position] = Double(Int.random(in: range, using: &generator))
            case .list(let values): result[position] = values[position % values.count]
            }
        }
        for (position, value) in planted where position < count { result[position] = value }
        return result
    }
}
