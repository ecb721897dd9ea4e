// SPDX-License-Identifier: MIT

extension CounterGenerator {
    /// A uniform number in [0, 1), a multiple of 2^-53: the upper 53 bits of the next 64.
    public mutating func nextDouble() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A uniform number from 0 to `count` - 1: the upper half of the product of `count` and the next 64 bits, so that for
    /// counts of pictures' codes, all powers of two, every number is equally likely.
    /// - Precondition: `count` is above 0.
    public mutating func nextIndex(below count: Int) -> Int {
        precondition(count > 0, "a number below \(count)")
        return Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }
}
