// SPDX-License-Identifier: MIT

/// How embeddings are written; the file name's ending decides.
public enum OutputFormat: String, Sendable, CaseIterable {
    /// NumPy array [pictures, D] (or [pictures, patches, D]); the paths go into a text file beside it.
    case npy
    /// Tensor `embeddings` of the same shape; the paths are JSON text in the metadata.
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
        // A device has no ending; lines of text suit it best.
        if path.hasPrefix("/dev/") {
            self = .jsonl
            return
        }
        let endings = OutputFormat.allCases.map { ".\($0.rawValue)" }.joined(separator: ", ")
        throw MenagerieError(.usage, "\(path): unknown ending '\(ending)'; outputs end in \(endings)")
    }

    /// Whether the header holds the number of pictures, which is known at the end only.
    var hasCountInHeader: Bool { self == .npy || self == .safetensors }
}
