// SPDX-License-Identifier: MIT
private import Glibc

/// The right value of an element in double precision, and how far a faithful float32 backend may be from it.
///
/// The error is carried along by a running error analysis: each operation adds what one float32 operation may add, and
/// passes on what came in, scaled by its derivative. So no case chooses a tolerance to its liking; it follows from the
/// formula, the data and the accumulation length. An error of exactly 0 asks for the exact value.
struct Estimate: Sendable {
    var value: Double
    var error: Double

    static func exact(_ value: Double) -> Estimate { Estimate(value: value, error: 0) }
}

enum Rounding {
    /// Half a unit in the last place of 1 in float32.
    static let unit = 0x1p-24

    /// float32 results below this may be flushed to zero by the hardware.
    static let smallestNormal = 0x1p-126

    /// What float32 accumulation of `count` terms may be off, as a factor of the sum of the terms' magnitudes.
    ///
    /// The bound that always holds is count * unit. Rounding errors of independent terms grow like the square root
    /// (Higham and Mary 2019): 4 sqrt(count) is more than ten standard deviations. 2 more are for the products and the
    /// last rounding. Products rounded to bfloat16 or TF32 are beyond it for every accumulation length in the suite.
    static func accumulation(_ count: Int) -> Double {
        let count = Double(count)
        return unit * (min(count, 4 * count.squareRoot()) + 2)
    }
}

extension Estimate {
    /// One float32 addition, off by one unit in the last place at most (half of one is what IEEE asks for).
    func plus(_ other: Estimate) -> Estimate {
        let sum = value + other.value
        return Estimate(value: sum, error: error + other.error + 2 * Rounding.unit * abs(sum))
    }

    /// One float32 multiplication.
    func times(_ other: Estimate) -> Estimate {
        let product = value * other.value
        return Estimate(
            value: product,
            error: abs(other.value) * error + abs(value) * other.error + error * other.error
                + 2 * Rounding.unit * abs(product))
    }

    func times(_ factor: Double) -> Estimate { times(.exact(factor)) }

    /// max(x, 0) with NaN kept.
    func relu() -> Estimate {
        if value.isNaN { return self }
        return Estimate(value: value < 0 ? 0 : value, error: error)
    }

    /// x/2 (1 + erf(x/√2)), written with erfc so that nothing cancels.
    ///
    /// An erf in float32 that is right to 2.5 units of 1 (a polynomial of 1.5e-7) is multiplied by x/2, and its
    /// argument is rounded: 8 units of |x| cover it. The derivative is 1.13 at most. The tanh form is off by 4.7e-4.
    func gelu() -> Estimate {
        let result = 0.5 * value * erfc(-value * 0.5.squareRoot())
        return Estimate(
            value: result, error: 1.13 * error + Rounding.unit * (8 * abs(value) + 2 * abs(result)))
    }

    /// x / (1 + exp(-x)), in the form that does not overflow.
    ///
    /// exp(-x) of a GPU may be off by 3 + 2 |x| units in the last place. Below -88.7 it overflows in float32 and the
    /// quotient is 0, which is off by 2^-120 at most. The derivative is 1.1 at most.
    func silu() -> Estimate {
        let result = value < 0 ? value * exp(value) / (1 + exp(value)) : value / (1 + exp(-value))
        return Estimate(
            value: result, error: 1.1 * error + 2 * Rounding.unit * (8 + 2 * abs(value)) * abs(result) + 0x1p-120)
    }

    /// The rounding to the element type it is stored in; float32's own is part of the operations above.
    func stored(as format: NumberFormat) -> Estimate {
        guard format != .float32 else { return self }
        return Estimate(
            value: value, error: error * (1 + format.unit) + format.unit * abs(value) + format.smallestStep)
    }
}
