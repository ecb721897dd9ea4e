// SPDX-License-Identifier: MIT

/// Why a file is no backend that can be used here.
public struct PluginError: Error, Sendable, CustomStringConvertible {
    /// The listed outcomes; raw values are what people read.
    public enum Code: String, Sendable, CaseIterable {
        case fileMissing = "file missing"
        /// Not a library, of another machine, or a library it needs is missing: the loader's words say which.
        case notLoadable = "cannot be loaded"
        /// It does not export `beasts_backend_query`.
        case noSymbol = "not a backend"
        /// Its query answered with a code, and this reason.
        case refused = "refused to load"
        /// Its major version is another.
        case wrongVersion = "wrong contract version"
        /// Entries that must be there are missing, or its facts are nonsense.
        case badTable = "damaged table"
    }

    /// Which of the outcomes.
    public let code: Code
    /// The file.
    public let path: String
    /// What was found; the loader's or the plugin's own words where there are any.
    public let reason: String

    init(_ code: Code, _ path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(code.rawValue): \(reason)" }
}
