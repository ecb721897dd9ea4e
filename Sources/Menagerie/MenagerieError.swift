// SPDX-License-Identifier: MIT

/// What went wrong, on what, what was found, what to do: in one readable line.
public struct MenagerieError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; it decides the exit code of the command line.
    public enum Code: Sendable {
        /// The request itself is wrong: an unknown model, layer, extension or option value.
        case usage
        /// A file was read and its content is wrong.
        case badData
        case inputMissing
        /// A backend, library or weight file is not here.
        case unavailable
        case `internal`
        case outputCannotBeCreated
        case inputOutput
        /// Whoever read the results has stopped reading.
        case readerGone
        case interrupted
    }

    public let code: Code
    public let message: String
    /// What lay underneath, for `--verbose`.
    public let cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String { message }
}

/// The names most like `name`: those within a third of its length in edits, best first, at most `limit`.
func nearest(to name: String, among names: [String], limit: Int = 3) -> [String] {
    let target = Array(name.lowercased().utf8)
    let ranked = names.map { (name: $0, distance: editDistance(target, Array($0.lowercased().utf8))) }
    return ranked.filter { $0.distance <= max(2, target.count / 3) }.sorted {
        ($0.distance, $0.name) < ($1.distance, $1.name)
    }
    .prefix(limit).map(\.name)
}

/// How many insertions, deletions and substitutions turn one spelling into another (Levenshtein).
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var previous = Array(0...right.count)
    for (row, a) in left.enumerated() {
        var current = [row + 1]
        for (column, b) in right.enumerated() {
            current.append(min(previous[column] + (a == b ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
        }
        previous = current
    }
    return previous[right.count]
}
