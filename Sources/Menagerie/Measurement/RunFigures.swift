// SPDX-License-Identifier: MIT
public import BeastCore

/// What was measured of some work that was done again and again.
public struct RunFigures: Sendable {
    /// Of the timed runs.
    public internal(set) var samples = TimeSamples()
    /// Multiplications and additions of a run's products and convolutions.
    public internal(set) var operationCount = 0.0
    /// The most memory that the process held in a run, what else is loaded included.
    public internal(set) var peakByteCount = 0
    /// The ops of ``profiledRunCount`` runs; empty where no profile was asked for.
    public internal(set) var ops: [OpProfile.Entry] = []
    public internal(set) var profiledRunCount = 0

    /// Multiplications and additions a second.
    public var operationRate: Double { samples.median > 0 ? operationCount / samples.median : 0 }
}
