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

/// Values of headers that a size, a position or a wait is taken from.
enum HTTPValue {
    /// No file of a hub is larger; above it a number is a mistake or a trap.
    static let largestSize: Int64 = 1 << 50

    /// A size in bytes; nil for anything but a plain decimal number up to ``largestSize``.
    static func size(_ text: String) -> Int64? {
        guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            let value = Int64(text), value <= largestSize
        else { return nil }
        return value
    }

    /// `bytes 5-9/10`.
    static func contentRange(_ text: String) -> (first: Int64, last: Int64, total: Int64?)? {
        guard let rest = bytesUnit(text) else { return nil }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = size(String(ends[0])), let last = size(String(ends[1])), first <= last else {
            return nil
        }
        if parts[1] == "*" { return (first, last, nil) }
        guard let total = size(String(parts[1])), last < total else { return nil }
        return (first, last, total)
    }

    /// The total of `bytes */10`, which a reply 416 holds.
    static func unsatisfiedRange(_ text: String) -> Int64? {
        guard let rest = bytesUnit(text), rest.hasPrefix("*/") else { return nil }
        return size(String(rest.dropFirst(2)))
    }

    private static func bytesUnit(_ text: String) -> Substring? {
        guard text.count > 6, text.prefix(6).lowercased() == "bytes " else { return nil }
        return text.dropFirst(6).drop { $0 == " " }
    }

    /// An etag without the mark of a weak one and without quotes.
    static func etag(_ text: String) -> String {
        var rest = text[...]
        if rest.hasPrefix("W/") { rest = rest.dropFirst(2) }
        while rest.first == "\"" { rest = rest.dropFirst() }
        while rest.last == "\"" { rest = rest.dropLast() }
        return String(rest)
    }

    /// An etag that may stand in `If-Range`: a strong one, as it came.
    static func validator(_ text: String?) -> String? {
        guard let text, text.utf8.count <= 512, text.utf8.count > 2, text.hasPrefix("\""), text.hasSuffix("\""),
            text.utf8.allSatisfy({ (33...126).contains($0) })
        else { return nil }
        return text
    }

    /// The seconds that `Retry-After` asks for: a whole number, or a date that is held against the reply's own clock.
    static func retryAfter(_ text: String, date: String?, now: Int64) -> Double? {
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return Int64(text).map(Double.init) ?? .infinity
        }
        guard let then = HTTPDate.seconds(text) else { return nil }
        return Double(max(0, then - (date.flatMap(HTTPDate.seconds) ?? now)))
    }

    /// The seconds of `ratelimit: "kind";r=0;t=SECONDS`, when nothing is left.
    static func rateLimit(_ text: String) -> Double? {
        var values: [Substring: Int64] = [:]
        for part in text.split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            values[pair[0].drop { $0 == " " }] = Int64(pair[1].prefix { $0.isNumber })
        }
        guard values["r"] == 0, let seconds = values["t"], seconds >= 0 else { return nil }
        return Double(seconds)
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the one form of dates that servers may send (RFC 9110, section 5.6.7).
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970; nil for another form.
    static func seconds(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT" else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard let day = Int64(words[1]), let month = months.firstIndex(of: String(words[2])),
            let year = Int64(words[3]),
            clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            (1...31).contains(day), (1970...9999).contains(year), (0...23).contains(hour), (0...59).contains(minute),
            (0...60).contains(second)
        else { return nil }
        return days(year, Int64(month + 1), day) * 86400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970, years counted from March (Howard Hinnant, chrono-compatible low-level date algorithms).
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719468
    }
}
