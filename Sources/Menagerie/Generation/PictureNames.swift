// SPDX-License-Identifier: MIT

/// Names of files made from pictures: the picture's own without its ending; a number behind it where two are alike.
struct PictureNames {
    private var used: Set<String> = []

    mutating func next(for path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? "picture"
        let stem = EmbeddingFiles.stem(name)
        var candidate = stem
        var number = 2
        while !used.insert(candidate).inserted {
            candidate = "\(stem)_\(number)"
            number += 1
        }
        return candidate
    }

    /// Refuses a folder in which an output would be written over an input.
    /// - Parameter suffixes: what may stand between a picture's name and `.png`.
    mutating func check(_ paths: [String], folder: String?, suffixes: [String] = [""]) throws {
        guard let folder else { return }
        let inputs = Dictionary(paths.compactMap { path in FileIdentity(path).map { ($0, path) } }) { first, _ in first
        }
        for path in paths {
            let stem = next(for: path)
            for suffix in suffixes {
                let output = "\(folder)/\(stem)\(suffix).png"
                if let identity = FileIdentity(output), let same = inputs[identity] {
                    throw MenagerieError(.usage, "\(output): would be written over an input (\(same))")
                }
            }
        }
    }
}
