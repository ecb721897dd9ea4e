// SPDX-License-Identifier: MIT

/// How embeddings are written; the file name's ending decides.
public enum OutputFormat: String, Sendable, CaseIterable {
    /// NumPy array [pictures, D] (or [pictures, patches, D]); the paths go into a text file beside it.
    case npy
    /// NumPy archive: an array for each layer, and `paths`.
    case npz
    /// A tensor for each layer; the paths are JSON text in the metadata.
    case safetensors
    /// A line a picture: the path, then the numbers.
    case csv
    /// A JSON object a line: `{"path": ..., "embedding": [...]}`.
    case jsonl

    /// - Throws: ``MenagerieError`` that lists the endings there are.
    public init(path: String) throws {
        let name = path.split(separator: "/").last ?? ""
        let ending = name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() } ?? ""
        if let format = OutputFormat(rawValue: ending) {
            self = format
            return
        }
        guard !path.isEmpty else { throw MenagerieError(.usage, "the output's name is empty") }
        // A device has no ending; lines of text suit it best.
        if path.hasPrefix("/dev/") || path.hasPrefix("/proc/self/fd/") {
            self = .jsonl
            return
        }
        let endings = OutputFormat.allCases.map { ".\($0.rawValue)" }.joined(separator: ", ")
        let found = ending.isEmpty ? "this name has no ending" : "unknown ending '.\(ending)'"
        let hint =
            nearest(to: ending, among: OutputFormat.allCases.map(\.rawValue), limit: 1).first
            .map { "; did you mean .\($0)?" } ?? ""
        throw MenagerieError(
            .usage, "\(path): \(found)\(hint.isEmpty || ending.isEmpty ? "" : hint) (outputs end in \(endings))")
    }

    /// Whether the header holds the number of pictures, which is known at the end only.
    var hasCountInHeader: Bool { self == .npy || self == .npz || self == .safetensors }

    /// Whether several layers of one run have a place in it.
    var holdsSeveralArrays: Bool { self != .npy }
}
