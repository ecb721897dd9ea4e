// SPDX-License-Identifier: MIT

/// Why a backend, or the way to it, failed.
public struct BackendError: Error, Sendable {
    /// The code that crosses the contract (`beasts_status_code`).
    public enum Code: Int32, Sendable, CaseIterable {
        case invalidArgument = 1
        case unsupported = 2
        case outOfMemory = 3
        case deviceLost = 4
        case `internal` = 5
    }

    /// What kind of failure it is.
    public let code: Code
    /// What was attempted, on what, what was found: one readable sentence.
    public let message: String
    /// The backend the message came from, nil until it has crossed the contract.
    public var backend: String?

    public init(_ code: Code, _ message: String, backend: String? = nil) {
        self.code = code
        self.message = message
        self.backend = backend
    }

    static func invalid(_ message: String) -> BackendError { BackendError(.invalidArgument, message) }
}

extension BackendError: CustomStringConvertible {
    public var description: String {
        if let backend { "backend '\(backend)': \(message)" } else { message }
    }
}

extension BackendError.Code {
    /// Reads a code that a plugin returned; a number that is none of ours counts as a fault of the plugin.
    init(contract code: Int32) { self = BackendError.Code(rawValue: code) ?? .internal }
}
