// SPDX-License-Identifier: MIT
private import Glibc

/// The names of the files that hold embeddings: the output itself and what stands beside it.
struct EmbeddingFiles {
    let output: String
    let format: OutputFormat
    /// `NAME.paths.txt`, beside an array only.
    let pathList: String?
    /// `NAME.errors.csv`; nil where there is no folder to put it in.
    let failureList: String?

    /// - Throws: ``MenagerieError`` when there can be no such output, or its format needs a regular file.
    init(path: String, format: OutputFormat) throws {
        output = path
        self.format = format
        guard try OutputPlace(path).kind == .regular else {
            guard !format.hasCountInHeader else {
                throw MenagerieError(
                    .usage,
                    "\(path): .\(format.rawValue) needs a regular file, since its header is written last; use .jsonl or .csv"
                )
            }
            pathList = nil
            failureList = nil
            return
        }
        let stem = EmbeddingFiles.stem(path)
        pathList = format == .npy ? stem + ".paths.txt" : nil
        failureList = stem + ".errors.csv"
    }

    /// Finds out whether all of them can be made, and leaves no trace.
    func check() throws {
        for path in [output, pathList, failureList].compactMap({ $0 }) { try OutputFile.check(path) }
    }

    /// Refuses to write over something that is read.
    func checkAgainst(inputs: [String]) throws {
        let written = [output, pathList, failureList].compactMap { path in
            path.flatMap { path in FileIdentity(path).map { (path: path, identity: $0) } }
        }
        // Most often nothing is there yet; a million inputs are then not looked at.
        guard !written.isEmpty else { return }
        for input in inputs {
            guard let identity = FileIdentity(input), let same = written.first(where: { $0.identity == identity })
            else { continue }
            let what = same.path == output ? "the output" : "a file written beside the output"
            throw MenagerieError(.usage, "\(same.path): \(what) is also an input (\(input)); choose another name")
        }
    }

    /// The path without its ending.
    static func stem(_ path: String) -> String {
        guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")), !path[dot...].utf8.contains(UInt8(ascii: "/"))
        else {
            return path
        }
        return String(path[..<dot])
    }
}
