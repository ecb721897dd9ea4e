// SPDX-License-Identifier: MIT

/// The status and the header lines of a reply, as far as a bound allows.
struct HTTPHeaders {
    /// Real hubs send 2 to 8 KB in 20 to 40 lines.
    static let largestByteCount = 128 << 10
    static let largestLineCount = 256

    /// 0 before a status line came.
    private(set) var status = 0
    private var fields: [(name: String, value: String)] = []
    private var byteCount = 0
    private var lineCount = 0

    /// Takes one line as it came.
    /// - Returns: false when the reply has more of them than anybody means.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Bool {
        byteCount += line.count
        lineCount += 1
        guard byteCount <= Self.largestByteCount, lineCount <= Self.largestLineCount else { return false }
        let text = line.prefix { $0 != 13 && $0 != 10 }
        if text.starts(with: "HTTP/".utf8) {
            // An interim reply (100, 103) is followed by another status line: only the last counts.
            fields = []
            status = Self.status(String(decoding: text, as: UTF8.self))
            return true
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return true }
        let name = String(decoding: text[text.startIndex..<colon], as: UTF8.self).lowercased()
        fields.append((name, Self.trimmed(String(decoding: text[text.index(after: colon)...], as: UTF8.self))))
        return true
    }

    /// The first value of a name; case does not matter.
    subscript(_ name: String) -> String? {
        let name = name.lowercased()
        return fields.first { $0.name == name }?.value
    }

    private static func status(_ line: String) -> Int {
        let words = line.split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]), (100...999).contains(status) else { return 0 }
        return status
    }

    private static func trimmed(_ text: String) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
