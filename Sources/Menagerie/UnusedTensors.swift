// SPDX-License-Identifier: MIT
internal import BeastWeights

/// The tensors of a checkpoint that a model has no use for: projection heads, decoders, a classifier.
///
/// The published loader lists them as "unexpected keys" and goes on. So does this one; a missing tensor is an error.
public struct UnusedTensors: Sendable {
    /// The checkpoint.
    public let origin: String
    /// Keys after the removal of prefixes, sorted. Counters of batch norms, which take part in training only, are left
    /// out.
    public let names: [String]

    /// None.
    init(origin: String) {
        self.origin = origin
        names = []
    }

    init(_ weights: CheckpointWeights) {
        origin = weights.origin
        names = weights.unusedNames.filter { !$0.hasSuffix(".num_batches_tracked") }
    }

    /// One line on them; nil when there are none.
    public var note: String? {
        guard !names.isEmpty else { return nil }
        let shown = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
        return "\(origin): \(names.count) tensor\(names.count == 1 ? " is" : "s are") not part of this model (\(shown))"
    }
}
