// SPDX-License-Identifier: MIT

/// A look at the bytes of a YAML text before any parser sees them.
///
/// The parser composes recursively and hashes keys with all that hangs on them, so that deep nesting could exhaust the
/// stack and aliases could cost exponential time. What bounds both is visible in the text: a block collection starts
/// only at the head of a line, a flow collection only with a bracket, an alias only with `*`. Quotes and comments are
/// not told apart, which may refuse an odd text but never lets one through.
struct StructureCheck {
    /// Columns that indentation and the marks `- `, `? ` and `: ` may fill at the head of a line. Each level takes one.
    static let headLimit = 64
    /// Opening brackets in all.
    static let bracketLimit = 64
    /// Line ends, commas, brackets and marks in all; each can begin one value.
    static let separatorLimit = 20_000

    private var separators = 0
    private var brackets = 0

    /// - Throws: ``ConfigurationError`` with the line concerned.
    static func check(_ file: ConfigurationFile) throws(ConfigurationError) {
        var check = StructureCheck()
        var text = file.text
        let failure: (code: ConfigurationError.Code, message: String)? = text.withUTF8 { check.failure(in: $0) }
        if let failure { throw ConfigurationError(failure.code, failure.message, path: file.path) }
    }

    private mutating func failure(in bytes: UnsafeBufferPointer<UInt8>)
        -> (code: ConfigurationError.Code, message: String)?
    {
        var (line, headWidth, isHead) = (1, 0, true)
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                separators += 1
                line += byte == UInt8(ascii: "\n") ? 1 : 0
                (headWidth, isHead) = (0, true)
                continue
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "?"): separators += 1
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                separators += 1
                brackets += 1
            case UInt8(ascii: "&"), UInt8(ascii: "*"):
                let startsName = index + 1 < bytes.count && !bytes[index + 1].isBlank
                let isInsideWord = index > 0 && bytes[index - 1].isLetterOrDigit
                if startsName, !isInsideWord {
                    let mark = byte == UInt8(ascii: "*") ? "an alias (*)" : "an anchor (&)"
                    return (.unsupported, "line \(line) holds \(mark), which is not read; write the value out")
                }
            default: break
            }
            if isHead { isHead = byte.isHeadMark }
            if isHead { headWidth += 1 }
            if headWidth > Self.headLimit || brackets > Self.bracketLimit {
                return (.limitExceeded, "is nested too deeply at line \(line) for a configuration")
            }
            if separators > Self.separatorLimit {
                return (.limitExceeded, "has more than \(Self.separatorLimit) values up to line \(line)")
            }
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool {
        self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\n")
            || self == UInt8(ascii: "\r")
    }

    fileprivate var isHeadMark: Bool {
        self == UInt8(ascii: " ") || self == UInt8(ascii: "-") || self == UInt8(ascii: "?") || self == UInt8(ascii: ":")
    }

    fileprivate var isLetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
