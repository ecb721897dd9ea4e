// SPDX-License-Identifier: MIT
private import Glibc

/// Turns what stands on a command line into a list of picture files, in a fixed order.
///
/// - A folder stands for the pictures below it, sorted by path; hidden files and folders are left out.
/// - A pattern with `*`, `?` or `[` that is no file's name stands for what it matches, sorted.
/// - `-` stands for a list on standard input, one path a line.
/// - Anything else is a file, and is kept even when it is not there: reading it reports why.
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
    ///   - readLine: gives the lines of standard input, nil at its end.
    /// - Throws: ``MenagerieError`` when a folder or pattern holds no picture, a folder cannot be read, or nothing is left.
    public init(_ arguments: [String], readLine: () -> String?) throws {
        var paths: [String] = []
        for argument in arguments {
            if argument == "-" {
                let before = paths.count
                while let line = readLine() {
                    let path = line.hasSuffix("\r") ? String(line.dropLast()) : line
                    if !path.isEmpty { paths.append(path) }
                }
                if paths.count == before { throw MenagerieError(.inputMissing, "standard input holds no path") }
            } else {
                paths += try InputList.expand(argument)
            }
        }
        guard !paths.isEmpty else { throw MenagerieError(.inputMissing, "no pictures given") }
        self.paths = paths
    }

    private static func expand(_ argument: String) throws -> [String] {
        var information = stat()
        if stat(argument, &information) == 0 {
            guard information.st_mode & S_IFMT == S_IFDIR else { return [argument] }
            var visited: Set<FolderIdentity> = []
            let files = try pictures(in: argument, &visited)
            guard !files.isEmpty else { throw MenagerieError(.inputMissing, "\(argument): no pictures in this folder") }
            return files
        }
        guard argument.contains(where: { "*?[".contains($0) }) else { return [argument] }
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

    /// A folder as the file system knows it, so that links in a circle end.
    private struct FolderIdentity: Hashable {
        let device: UInt
        let number: UInt
    }

    private static func pictures(in folder: String, _ visited: inout Set<FolderIdentity>) throws -> [String] {
        var information = stat()
        guard stat(folder, &information) == 0 else { return [] }
        let identity = FolderIdentity(device: UInt(information.st_dev), number: UInt(information.st_ino))
        guard visited.insert(identity).inserted else { return [] }
        guard let stream = opendir(folder) else {
            throw MenagerieError(.inputMissing, "\(folder): cannot read this folder: \(String(cString: strerror(errno)))")
        }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        closedir(stream)
        var files: [String] = []
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
            guard stat(path, &information) == 0 else { continue }
            if information.st_mode & S_IFMT == S_IFDIR {
                files += try pictures(in: path, &visited)
            } else if let dot = name.lastIndex(of: "."), pictureExtensions.contains(name[name.index(after: dot)...].lowercased()) {
                files.append(path)
            }
        }
        return files
    }
}
