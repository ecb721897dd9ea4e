// SPDX-License-Identifier: MIT

/// The time of each op that a backend runs itself, by op and shape. Composed ops appear as the ops they are made of.
///
/// The queue is waited for after every op, so the sum is more than the same work takes without a profile.
public final class OpProfile: SessionObserver {
    /// Ops of one kind and one shape.
    public struct Entry: Sendable, Equatable {
        public let op: BackendOp
        /// The extents of the output, and for a product or convolution those that are summed over.
        public let shape: String
        public fileprivate(set) var callCount = 0
        public fileprivate(set) var seconds = 0.0
        /// Multiplications and additions of products and convolutions, in all calls.
        public fileprivate(set) var operationCount = 0.0
    }

    /// What is told apart: a key that costs no text.
    private struct Key: Hashable {
        let op: BackendOp
        let extents: [Int]
    }

    private var found: [Key: Entry] = [:]
    private var start = ContinuousClock.now

    public init() {}

    /// The entry that took longest first.
    public var entries: [Entry] {
        found.values.sorted { ($1.seconds, $0.op.rawValue, $0.shape) < ($0.seconds, $1.op.rawValue, $1.shape) }
    }

    public func willRun(_ arguments: some OpArguments, in session: Session) throws(BackendError) {
        start = ContinuousClock.now
    }

    public func didRun(_ arguments: some OpArguments, in session: Session, isComposed: Bool) throws(BackendError) {
        if isComposed { return }
        try session.backend.synchronize()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let op = type(of: arguments).op
        let operations = session.operationCount(of: arguments)
        let output = arguments.outputs.first.map { Array($0.shape) } ?? []
        let outputCount = Double(output.reduce(1, *))
        let depth = outputCount > 0 ? Int(operations / 2 / outputCount) : 0
        let key = Key(op: op, extents: output + [-1, depth])
        let shape =
            output.map(String.init).joined(separator: "x") + (depth > 0 ? " over \(depth)" : "")
        var entry = found[key] ?? Entry(op: op, shape: shape)
        entry.callCount += 1
        entry.seconds += seconds
        entry.operationCount += operations
        found[key] = entry
    }
}
