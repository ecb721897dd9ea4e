// SPDX-License-Identifier: MIT

/// Why a checkpoint or array file could not be read or written.
///
/// ``description`` is one readable line: the file, what was found there and, where there is one, the remedy.
public struct WeightsError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. An open set: a later version may add kinds, so a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name in lowerCamel, as in ``WeightsError/Code/malformedPickle``.
        public let description: String

        private init(_ name: String) { description = name }

        /// The file cannot be opened or read.
        public static let cannotRead = Code("cannotRead")
        /// The path leads to a folder, a device or a pipe.
        public static let notRegularFile = Code("notRegularFile")
        /// The content is of a kind that is recognised and not read, or not recognised at all.
        public static let unsupportedContainer = Code("unsupportedContainer")
        /// The zip, stream, safetensors or npy structure contradicts itself or the file's size.
        public static let malformedContainer = Code("malformedContainer")
        /// The pickle inside the checkpoint is damaged or uses a refused operation.
        public static let malformedPickle = Code("malformedPickle")
        /// Well formed so far, yet beyond a limit that protects memory and time.
        public static let limitExceeded = Code("limitExceeded")
        /// A tensor or storage that cannot exist: sizes, strides or offsets leave the data.
        public static let malformedTensor = Code("malformedTensor")
        /// The stored CRC-32 of a member differs from that of its bytes.
        public static let checksumMismatch = Code("checksumMismatch")
        /// There is no tensor of the name that was asked for.
        public static let tensorNotFound = Code("tensorNotFound")
        /// Something is there, but of another kind: a number instead of a dictionary, a list instead of a tensor.
        public static let wrongKind = Code("wrongKind")
        /// Two keys become equal once prefixes are removed, or a key occurs twice.
        public static let duplicateKey = Code("duplicateKey")
        /// The element type cannot serve as a weight, or has no place in the file format.
        public static let unsupportedElementType = Code("unsupportedElementType")
        /// A tensor holds NaN or infinity.
        public static let notFinite = Code("notFinite")
        /// The pickle names functions that a Python loader would call with effect.
        public static let dangerousSymbols = Code("dangerousSymbols")
        /// The file became shorter or was rewritten after it was opened.
        public static let fileChanged = Code("fileChanged")
        /// The output cannot be created or written.
        public static let cannotWrite = Code("cannotWrite")
        /// What was handed over to be written does not fit the header announced before.
        public static let invalidOutput = Code("invalidOutput")
    }

    /// The kind of failure.
    public let code: Code
    /// What was found and what to do, without the path.
    public let message: String
    /// The file concerned, where known.
    public var path: String?
    /// What the file would have made a Python loader do before it came to the fault, as far as that was read.
    public internal(set) var dangerousUses: [DangerousUse] = []

    /// Creates an error.
    public init(_ code: Code, _ message: String, path: String? = nil) {
        self.code = code
        self.message = message
        self.path = path
    }

    /// `path: message`, on one line; control characters of hostile names are escaped.
    public var description: String {
        let line = path.map { "\($0): \(message)" } ?? message
        return line.escapingControlCharacters()
    }
}

extension WeightsError {
    /// The same error naming `path`, unless it names a file already.
    func at(_ path: String) -> WeightsError {
        var copy = self
        if copy.path == nil { copy.path = path }
        return copy
    }
}

/// Runs `body` and puts `path` into whatever error it throws.
func naming<Result>(
    _ path: String, _ body: () throws(WeightsError) -> Result
) throws(WeightsError) -> Result {
    do { return try body() } catch { throw error.at(path) }
}

extension String {
    /// The text with control characters spelled out, so that a hostile name cannot steer a terminal.
    func escapingControlCharacters() -> String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if scalar.isControl {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// At most `limit` scalars, with dots where text was left out. Never walks more than that.
    func shortened(to limit: Int) -> String {
        // Not characters: one of those can be of any length.
        let scalars = unicodeScalars
        guard utf8.count > limit,
            let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return self }
        return String(scalars[..<end]) + "…"
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        // C0, DEL, C1, line and paragraph separators, and the marks that reorder displayed text.
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
