// SPDX-License-Identifier: MIT
private import Glibc

/// Turns what stands on a command line into a list of picture files, in a fixed order.
///
/// - A folder stands for the pictures below it, sorted by path; hidden files and folders are left out.
/// - A pattern with `*`, `?` or `[` that is no file's name stands for what it matches, sorted.
/// - `-` stands for a list on standard input, one path a line, or ended by zero bytes as `find -print0` writes them.
/// - Anything else is a file, and is kept even when it is not there: reading it reports why.
///
/// A file name that is not UTF-8 is kept with replacement characters, so that it is reported and not passed over.
public struct InputList: Sendable {
    /// The files, in the order of the results.
    public let paths: [String]

    /// File name endings that count as pictures in a folder. Formats that cannot be read are among them, so that they are
    /// reported and not passed over in silence.
    public static let pictureExtensions: Set<String> = [
        "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "heic", "heif", "avif", "jxl", "jp2",
    ]

    /// - Parameters:
    ///   - arguments: files, folders, patterns or `-`.
    ///   - standardInput: gives all that stands on standard input; called for the first `-` only.
    /// - Throws: ``MenagerieError`` when a folder or pattern holds no picture, a folder cannot be read, or nothing is left.
    public init(_ arguments: [String], standardInput: () throws -> [UInt8]) throws {
        var paths: [String] = []
        var wasListRead = false
        for argument in arguments {
            if argument == "-" {
                guard !wasListRead else {
                    throw MenagerieError(.usage, "- is given twice; there is one standard input")
                }
                wasListRead = true
                let listed = InputList.listed(try standardInput())
                if listed.isEmpty { throw MenagerieError(.inputMissing, "standard input holds no path") }
                paths += listed
            } else {
                paths += try InputList.expand(argument)
            }
        }
        guard !paths.isEmpty else { throw MenagerieError(.inputMissing, "no pictures given") }
        self.paths = paths
    }

    /// The paths of a list. One that holds a zero byte is separated by them, and may then hold newlines.
    private static func listed(_ bytes: [UInt8]) -> [String] {
        let isZeroSeparated = bytes.contains(0)
        return bytes.split(separator: isZeroSeparated ? 0 : UInt8(ascii: "\n")).compactMap { line in
            let hasReturn = !isZeroSeparated && line.last == UInt8(ascii: "\r")
            let path = hasReturn ? line.dropLast() : line
            return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
        }
    }

    private static func expand(_ argument: String) throws -> [String] {
        var information = stat()
        if stat(argument, &information) == 0 {
            guard information.st_mode & S_IFMT == S_IFDIR else { return [argument] }
            var folders = FolderWalk()
            try folders.walk(argument)
            guard !folders.files.isEmpty else {
                throw MenagerieError(.inputMissing, "\(argument): no pictures in this folder")
            }
            return folders.files
        }
        guard argument.utf8.contains(where: { "*?[".utf8.contains($0) }) else { return [argument] }
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob(argument, 0, nil, &matches) == 0, matches.gl_pathc > 0 else {
            throw MenagerieError(.inputMissing, "\(argument): no file matches this pattern")
        }
        let paths = (0..<Int(matches.gl_pathc)).compactMap { matches.gl_pathv[$0].map { String(cString: $0) } }
        return try paths.flatMap { path in
            var information = stat()
            guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else { return [path] }
            return try expand(path)
        }
    }
}
