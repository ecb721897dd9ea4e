// SPDX-License-Identifier: MIT

/// How far embeddings of the same pictures lie apart, the first side taken as right.
public struct EmbeddingDifference: Sendable {
    /// Of one picture.
    public struct Picture: Sendable {
        public let name: String
        /// The largest of the absolute differences; NaN where a number is NaN or infinite on either side.
        public let maximum: Double
        /// Euclidean length of the difference over that of the right side.
        public let relative: Double
        /// Of the angle between the two.
        public let cosine: Double
    }

    /// In the order they were added.
    public private(set) var pictures: [Picture] = []
    private var sum = 0.0
    private var numberCount = 0

    public init() {}

    /// Adds a picture. Rows of different length, like numbers that are not finite, are no agreement.
    public mutating func add(_ name: String, right: some Collection<Float>, other: some Collection<Float>) {
        var (maximum, differences, rights, others, product) = (0.0, 0.0, 0.0, 0.0, 0.0)
        var isFinite = right.count == other.count
        for (a, b) in zip(right, other) {
            let (a, b) = (Double(a), Double(b))
            isFinite = isFinite && a.isFinite && b.isFinite
            let difference = abs(a - b)
            maximum = max(maximum, difference)
            sum += difference
            differences += difference * difference
            rights += a * a
            others += b * b
            product += a * b
        }
        numberCount += right.count
        guard isFinite else {
            sum = .nan
            pictures.append(Picture(name: name, maximum: .nan, relative: .nan, cosine: .nan))
            return
        }
        let lengths = (rights * others).squareRoot()
        pictures.append(
            Picture(
                name: name, maximum: maximum,
                relative: differences == 0 ? 0 : (differences / rights).squareRoot(),
                cosine: differences == 0 ? 1 : lengths > 0 ? min(1, max(-1, product / lengths)) : 0))
    }

    /// The largest absolute difference of any number; NaN where any number is not finite.
    public var maximum: Double { pictures.reduce(0) { Self.larger($0, $1.maximum) } }
    /// The mean absolute difference of all numbers.
    public var mean: Double { numberCount > 0 ? sum / Double(numberCount) : 0 }
    /// The largest relative difference of a picture.
    public var relative: Double { pictures.reduce(0) { Self.larger($0, $1.relative) } }
    /// The smallest cosine of a picture.
    public var cosine: Double { -pictures.reduce(-1) { Self.larger($0, -$1.cosine) } }

    /// The first picture that is not finite, otherwise the one of the largest relative difference; nil of none.
    public var worst: Picture? {
        pictures.first { $0.relative.isNaN } ?? pictures.max { $0.relative < $1.relative }
    }

    /// Whether every picture's relative difference is at most `bound`; a NaN is within no bound.
    public func isWithin(_ bound: Double) -> Bool { pictures.allSatisfy { $0.relative <= bound } }

    /// NaN where either is.
    private static func larger(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : max(a, b) }
}
