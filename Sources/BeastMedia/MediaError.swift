// SPDX-License-Identifier: MIT

/// Why a picture could not be read, prepared or written.
///
/// ``description`` is one readable line: the file, what was attempted, what was found, what to do.
public struct MediaError: Error, Sendable, Equatable {
    /// The kind of failure, for programs.
    public enum Code: String, Sendable, CaseIterable {
        /// No file of this name.
        case notFound
        /// A folder, pipe, socket or device where a regular file is needed.
        case notARegularFile
        /// The operating system refused to open or read the file.
        case unreadable
        /// The file is larger than ``PictureOptions/fileSizeLimit``.
        case fileTooLarge
        /// The file holds no bytes.
        case empty
        /// A recognised format, or a kind within a format, that is not read here.
        case unsupported
        /// Bytes of no known format.
        case unrecognised
        /// The content contradicts its format.
        case damaged
        /// The content ends too early.
        case truncated
        /// More pixels than the limit allows, in the file or after resizing.
        case tooManyPixels
        /// Sizes, buffers or numbers from the caller that do not fit together.
        case invalidArgument
        /// A library could not get memory.
        case outOfMemory
        /// PNG bytes could not be made.
        case encodingFailed
    }

    /// The kind of failure.
    public let code: Code
    /// What was attempted, what was found and what to do, without the file's name.
    public let message: String
    /// The file concerned, as the caller named it.
    public let path: String?

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: One line without the file's name.
    ///   - path: The file concerned, if any.
    public init(_ code: Code, _ message: String, path: String? = nil) {
        self.code = code
        self.message = message
        self.path = path
    }
}

extension MediaError: CustomStringConvertible {
    /// One line; control characters in the file's name are spelt out so that it stays one.
    public var description: String {
        guard let path else { return message }
        return "\(Self.printable(path)): \(message)"
    }

    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .lineSeparator {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
