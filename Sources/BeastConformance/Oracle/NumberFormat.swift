// SPDX-License-Identifier: MIT
internal import BeastCore

/// The element types of the contract as sets of numbers: rounding to them is arithmetic on doubles, once, without a
/// detour through another type and without a conversion instruction that a backend might share.
enum NumberFormat: Sendable, Equatable {
    case float32, float16, bfloat16, int32, uint8, int8

    init(_ dtype: DType) {
        self =
            switch dtype {
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            case .int32: .int32
            case .uint8: .uint8
            case .int8: .int8
            }
    }

    /// Significant bits, the exponent of the smallest normal number, that of the largest; nil for integers.
    private var floatingPoint: (precision: Int, smallest: Int, largest: Int)? {
        switch self {
        case .float32: (24, -126, 127)
        case .float16: (11, -14, 15)
        case .bfloat16: (8, -126, 127)
        case .int32, .uint8, .int8: nil
        }
    }

    private var integers: ClosedRange<Double> {
        switch self {
        case .uint8: 0...255
        case .int8: -128...127
        default: -2_147_483_648...2_147_483_647
        }
    }

    /// Half a unit in the last place of 1: the largest relative error of one rounding.
    var unit: Double {
        guard let floatingPoint else { return 0 }
        return power(-floatingPoint.precision)
    }

    /// The distance of the subnormal numbers; 1/2 for integers, whose rounding it bounds.
    var smallestStep: Double {
        guard let floatingPoint else { return 0.5 }
        return power(floatingPoint.smallest - floatingPoint.precision + 1)
    }

    /// The nearest number of the format, ties to even; integers saturate and NaN becomes 0 there.
    func rounded(_ value: Double) -> Double {
        guard let (precision, smallest, largest) = floatingPoint else {
            if value.isNaN { return 0 }
            return min(max(value.rounded(.toNearestOrEven), integers.lowerBound), integers.upperBound)
        }
        guard value.isFinite, value != 0 else { return value }
        let exponent = max(Int(value.exponent), smallest)
        // value / step has at most 53 bits and both steps are powers of two, so only `rounded` rounds.
        let step = power(exponent - precision + 1)
        let result = (value / step).rounded(.toNearestOrEven) * step
        let limit = power(largest) * (2 - power(1 - precision))
        return abs(result) > limit ? (value < 0 ? -Double.infinity : Double.infinity) : result
    }

    private func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
}
