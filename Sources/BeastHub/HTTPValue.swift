// SPDX-License-Identifier: MIT

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
