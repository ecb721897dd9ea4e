// SPDX-License-Identifier: MIT

/// Why a configuration file could not be read.
///
/// ``description`` is one readable line: the file, the key where there is one, what was found, what is needed.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure. An open set: a later version may add kinds, so a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name in lowerCamel.
        public let description: String

        private init(_ name: String) { description = name }

        /// The file cannot be opened or read.
        public static let cannotRead = Code("cannotRead")
        /// The path leads to a folder, a device or a pipe.
        public static let notRegularFile = Code("notRegularFile")
        /// Beyond a limit that protects memory and time.
        public static let limitExceeded = Code("limitExceeded")
        /// No UTF-8, or no YAML.
        public static let malformed = Code("malformed")
        /// YAML of a kind that is not read: anchors, aliases, tags.
        public static let unsupported = Code("unsupported")
        /// A key that is needed is absent.
        public static let missingKey = Code("missingKey")
        /// A value of another kind than its key needs.
        public static let wrongKind = Code("wrongKind")
        /// A value of the right kind that no model has.
        public static let badValue = Code("badValue")
    }

    /// The kind of failure.
    public let code: Code
    /// What was found and what is needed, without the path.
    public let message: String
    /// The file concerned.
    public let path: String

    /// Creates an error.
    public init(_ code: Code, _ message: String, path: String) {
        self.code = code
        self.message = message
        self.path = path
    }

    /// `path: message`, on one line; control characters of hostile names are spelt out.
    public var description: String {
        var line = ""
        for scalar in "\(path): \(message)".unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .format:
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}
