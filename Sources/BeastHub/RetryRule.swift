// SPDX-License-Identifier: MIT

/// A failure that may pass by itself.
struct PassingFailure {
    /// In words, for `retrying` and for the error when it did not pass.
    let reason: String
    /// Of the reply, where there was one.
    var status: Int?
    /// How long the server asks to wait, in seconds.
    var requestedSeconds: Double?
}

/// How often and when something is tried again: after 1, 2, 4, 8, 8, ... seconds and a random quarter of them, or when the
/// server asks to.
struct RetryRule {
    /// A longer wait is not for a program to sit through.
    static let longestRequestedSeconds = 300.0

    /// How often; 0 for never.
    let count: Int
    private(set) var attempt = 0

    init(count: Int) { self.count = count }

    /// The seconds before the next attempt; nil when there is none.
    /// - Parameter random: 0 to 1.
    /// - Throws: ``WaitTooLong`` when the server asks for more than anybody sits through.
    mutating func wait(after failure: PassingFailure, random: Double = .random(in: 0...1)) throws(WaitTooLong)
        -> Double?
    {
        if let seconds = failure.requestedSeconds, !(seconds <= Self.longestRequestedSeconds) {
            throw WaitTooLong(seconds: seconds)
        }
        guard attempt < count else { return nil }
        let own = Double(1 << min(attempt, 3))
        attempt += 1
        // A second more than asked for: the server's clock counts whole ones.
        let seconds = max(own, failure.requestedSeconds.map { $0 + 1 } ?? 0)
        return seconds * (1 + 0.25 * random)
    }

    /// Progress was made: the count starts anew.
    mutating func reset() { attempt = 0 }

    /// The server asks for a wait that is too long.
    struct WaitTooLong: Error {
        let seconds: Double
    }
}
