// SPDX-License-Identifier: MIT
internal import BeastCore

/// Pictures of seeded noise, as normalised numbers.
public struct RandomPictures: Sendable {
    public let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    /// The numbers of some of them, [pictures, size, size, 3], -2 to 2. A picture depends on the seed and its number only.
    public func values(_ numbers: Range<Int>, size: Int) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(numbers.count * size * size * 3)
        for number in numbers {
            var generator = CounterGenerator(seed: seed, stream: UInt64(truncatingIfNeeded: number))
            for _ in 0..<size * size * 3 { values.append(4 * generator.nextUniform() - 2) }
        }
        return values
    }
}
