// SPDX-License-Identifier: MIT

/// How often each op ran as the backend's own, and how often it was composed from others.
public struct OpStatistics: Sendable {
    public private(set) var native: [BackendOp: Int] = [:]
    public private(set) var composed: [BackendOp: Int] = [:]

    public init() {}

    mutating func countNative(_ op: BackendOp) { native[op, default: 0] += 1 }
    mutating func countComposed(_ op: BackendOp) { composed[op, default: 0] += 1 }

    /// One line, ops in the contract's order: `native: copy 12, linear 48; composed: attention 12`.
    public var summary: String {
        func list(_ counts: [BackendOp: Int]) -> String {
            let parts = BackendOp.allCases.compactMap { op in counts[op].map { "\(op.name) \($0)" } }
            return parts.isEmpty ? "none" : parts.joined(separator: ", ")
        }
        return "native: \(list(native)); composed: \(list(composed))"
    }
}
