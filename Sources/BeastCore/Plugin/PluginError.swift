// SPDX-License-Identifier: MIT

/// Why a file is no backend that can be used here.
public struct PluginError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        case fileMissing = "file missing"
        /// Not a library, of another machine, or a library it needs is missing: the loader's words say which.
        case notLoadable = "cannot be loaded"
        case noSymbol = "not a backend"
        case refused = "refused to load"
        case wrongVersion = "wrong contract version"
        case badTable = "damaged table"
    }

    public let code: Code
    public let path: String
    public let reason: String

    init(_ code: Code, _ path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(code.rawValue): \(reason)" }
}
