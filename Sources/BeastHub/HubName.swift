// SPDX-License-Identifier: MIT

/// The rules of names.
enum HubName {
    /// The longest name that file systems take, in bytes.
    private static let longestPart = 255
    private static let longestPath = 1024

    /// Why a text is no repository; nil for one that is.
    static func refusal(ofRepository text: String) -> String? {
        guard (1...96).contains(text.utf8.count) else { return "1 to 96 characters" }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return "NAME or OWNER/NAME" }
        for part in parts {
            guard !part.isEmpty else { return "NAME or OWNER/NAME" }
            guard part.utf8.allSatisfy(isNameByte) else { return "letters, digits, '.', '_' and '-' only" }
            guard let first = part.first, let last = part.last, !"-.".contains(first), !"-.".contains(last) else {
                return "no part may begin or end with '-' or '.'"
            }
        }
        if text.contains("--") || text.contains("..") { return "'--' and '..' are not allowed" }
        return text.hasSuffix(".git") ? "'.git' at the end is not allowed" : nil
    }

    /// Why a text is no path below a folder; nil for one that is. Revisions follow the same rule.
    static func refusal(ofPath text: String) -> String? {
        guard !text.isEmpty, text.utf8.count <= longestPath else { return "1 to \(longestPath) bytes" }
        guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return "control characters are not allowed" }
        if text.hasPrefix("/") || text.hasPrefix("\\") { return "it must be relative" }
        let letters = text.utf8.prefix(2)
        if letters.count == 2, letters.last == UInt8(ascii: ":"), letters.first.map(isLetter) == true {
            return "drive letters are not allowed"
        }
        for part in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "/" || $0 == "\\" }) {
            if part.isEmpty || part == "." || part == ".." { return "'..', '.' and empty parts are not allowed" }
            if part.utf8.count > longestPart { return "a part is longer than \(longestPart) bytes" }
        }
        return nil
    }

    /// Whether a text is a commit's number: 40 hexadecimal digits in lower case.
    static func isCommit(_ text: String) -> Bool { text.utf8.count == 40 && text.utf8.allSatisfy(isHexadecimal) }

    /// Whether an etag may become a file name.
    static func isEtag(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy(isNameByte) && text.utf8.first != UInt8(ascii: ".")
    }

    /// `models--OWNER--NAME`.
    static func folder(ofRepository repository: String) -> String {
        "models--" + repository.split(separator: "/").joined(separator: "--")
    }

    /// Everything but letters, digits, `-._~` and what is kept becomes `%XX`.
    static func percentEncoded(_ text: String, keeping kept: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if isNameByte(byte) || byte == UInt8(ascii: "~") || (byte < 128 && kept.unicodeScalars.contains(scalar)) {
                result.unicodeScalars.append(scalar)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }

    static func isHexadecimal(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || (48...57).contains(byte) || [45, 46, 95].contains(byte)
    }
}
