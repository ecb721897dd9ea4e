// SPDX-License-Identifier: MIT
internal import BeastCore

/// Why a case ended before all was compared.
enum CaseStop: Error {
    /// The backend says that it does not do this, and may say so.
    case unsupported(String)
    case failed(String)
}

/// The element of a case whose distance from the right value was the largest part of what is allowed.
struct WorstElement: Sendable {
    var operand: String
    var index: [Int]
    var found: Double
    var expected: Double
    /// The largest distance that would have passed.
    var allowed: Double

    var ratio: Double { Self.ratio(found: found, expected: expected, allowed: allowed) }

    /// Distance over what is allowed: above 1 fails. NaN and infinity must be met exactly.
    static func ratio(found: Double, expected: Double, allowed: Double) -> Double {
        if found == expected || found.isNaN && expected.isNaN { return 0 }
        guard expected.isFinite, found.isFinite, allowed.isFinite, allowed > 0 else { return .infinity }
        return abs(found - expected) / allowed
    }

    var text: String {
        "\(operand) \(index): found \(found), expected \(expected), allowed distance \(allowed)"
    }
}
