// SPDX-License-Identifier: MIT
internal import BeastWeights

/// The little of JSON that a report needs, written without Foundation.
indirect enum JSONText {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONText])
    /// Keys in the order given.
    case object([(String, JSONText)])

    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value):
            !value.isFinite
                ? "null" : value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
        case .string(let value): JSONString.quoted(value)
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",\n") + "]"
        case .object(let fields):
            "{" + fields.map { "\(JSONString.quoted($0.0)): \($0.1.text)" }.joined(separator: ", ") + "}"
        }
    }
}
