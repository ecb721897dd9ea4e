// SPDX-License-Identifier: MIT

/// `NAME.paths.txt`: the path of each row, one a line.
///
/// A backslash, a newline and a carriage return in a path are written as `\\`, `\n` and `\r`, so that a line is always
/// one path, whatever reads it.
enum PathList {
    /// A path as a line, its end included.
    static func line(_ path: String) -> String {
        var line = ""
        for scalar in path.unicodeScalars {
            switch scalar {
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line + "\n"
    }

    /// The paths of a whole file.
    static func paths(_ bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last newline is no line.
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { path(of: $0) }
    }

    private static func path(of line: ArraySlice<UInt8>) -> String {
        var path: [UInt8] = []
        var isEscaped = false
        for byte in line {
            switch (isEscaped, byte) {
            case (false, UInt8(ascii: "\\")):
                isEscaped = true
                continue
            case (true, UInt8(ascii: "n")): path.append(UInt8(ascii: "\n"))
            case (true, UInt8(ascii: "r")): path.append(UInt8(ascii: "\r"))
            default: path.append(byte)
            }
            isEscaped = false
        }
        return String(decoding: path, as: UTF8.self)
    }
}
