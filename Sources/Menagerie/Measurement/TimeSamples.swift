// SPDX-License-Identifier: MIT

/// The seconds that repeats of the same work took.
public struct TimeSamples: Sendable, Equatable {
    /// In the order of the repeats.
    public var seconds: [Double] = []

    public init(_ seconds: [Double] = []) { self.seconds = seconds }

    /// The middle one, or the mean of the two in the middle; 0 of none.
    public var median: Double {
        let sorted = seconds.sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// Half the distance from the shortest to the longest.
    public var spread: Double { ((seconds.max() ?? 0) - (seconds.min() ?? 0)) / 2 }
}
