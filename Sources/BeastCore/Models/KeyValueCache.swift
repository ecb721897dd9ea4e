// SPDX-License-Identifier: MIT

/// The keys and values that a ``GPT`` has computed for some sequences of equal length, kept by the backend.
///
/// Room for all positions is taken at once and written in place, so that a token costs no allocation and no copy of what is
/// there already. Those of a head lie one behind the other, so that attention reads memory in one run.
///
/// Belongs to one thread at a time, as its session does.
public final class KeyValueCache {
    /// Sequences.
    public let rowCount: Int
    /// Positions there is room for.
    public let capacity: Int
    /// Positions that are filled.
    public internal(set) var length = 0
    /// For each block [2, rows, heads, capacity, head width]: keys, then values, in the session's type of activations.
    let layers: [Tensor]

    init(_ configuration: GPT.Configuration, rowCount: Int, capacity: Int, session: Session) throws {
        guard rowCount > 0, capacity > 0, capacity <= configuration.blockLength else {
            throw ModelError(
                .badInput,
                "a cache for \(rowCount) sequences of \(capacity) positions; the transformer has "
                    + "\(configuration.blockLength) positions")
        }
        self.rowCount = rowCount
        self.capacity = capacity
        layers = try (0..<configuration.depth).map { _ in
            try session.makeTensor(
                [2, rowCount, configuration.headCount, capacity, configuration.headWidth],
                dtype: session.precision.activations)
        }
    }

    /// Forgets the positions from `length` on; what they hold is overwritten by what comes next.
    /// - Precondition: `length` is not above the positions that are filled.
    public func truncate(to length: Int) {
        precondition(length >= 0 && length <= self.length, "\(length) of \(self.length) positions")
        self.length = length
    }

    /// Takes `length` positions for filled, with zeros: for measurements of steps at a context that nobody computed.
    package func fill(to length: Int) throws {
        precondition(length <= capacity, "\(length) of \(capacity) positions")
        for layer in layers {
            try layer.session.run(FillArguments(output: layer.slice(3, 0..<length).view, value: 0))
        }
        self.length = length
    }
}
