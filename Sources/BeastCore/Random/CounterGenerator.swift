// SPDX-License-Identifier: MIT

/// Random numbers that depend on a seed, a stream and a position only: Philox4x32-10 (Salmon et al. 2011, "Parallel
/// random numbers: as easy as 1, 2, 3").
///
/// Each sample draws from a stream of its own, so what it gets does not depend on how samples are ordered or batched, nor
/// on the backend. The key is the seed; the counter is the position in its low half and the stream in its high half.
public struct CounterGenerator: RandomNumberGenerator, Sendable {
    private let key: SIMD2<UInt32>
    private let stream: UInt64
    private var position: UInt64 = 0
    private var block = SIMD4<UInt32>()
    private var used = 4

    /// - Parameters:
    ///   - seed: of the whole run.
    ///   - stream: which sample of the run.
    public init(seed: UInt64, stream: UInt64) {
        key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
        self.stream = stream
    }

    /// The next 32 random bits.
    public mutating func nextWord() -> UInt32 {
        if used == 4 {
            block = CounterGenerator.block(
                counter: [
                    UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
                    UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32),
                ], key: key)
            position &+= 1
            used = 0
        }
        defer { used += 1 }
        return block[used]
    }

    /// The next 64 random bits: two words, the low one first.
    public mutating func next() -> UInt64 {
        let low = UInt64(nextWord())
        return low | UInt64(nextWord()) << 32
    }

    /// A uniform number in [0, 1), a multiple of 2^-24: the upper 24 bits of a word.
    public mutating func nextUniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

    /// Ten rounds of Philox4x32.
    static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (counter, key) = (counter, key)
        for round in 0..<10 {
            if round > 0 { key &+= [0x9E37_79B9, 0xBB67_AE85] }
            let first = counter[0].multipliedFullWidth(by: 0xD251_1F53)
            let second = counter[2].multipliedFullWidth(by: 0xCD9E_8D57)
            counter = [
                second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1], first.low,
            ]
        }
        return counter
    }
}
