// SPDX-License-Identifier: MIT

import Foundation

/// The golden fixtures: `BEASTS_FIXTURES`, or `../shared/fixtures` beside the repository.
enum Fixtures {
    static let folder: String = {
        if let path = ProcessInfo.processInfo.environment["BEASTS_FIXTURES"] { return path }
        var url = URL(fileURLWithPath: #filePath)
        // Tests/BeastWeightsTests/Support/Fixtures.swift: four steps up is the repository root.
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return url.deletingLastPathComponent().appendingPathComponent("shared/fixtures").path
    }()

    static let areThere = FileManager.default.fileExists(atPath: folder + "/manifest.json")

    /// Files made by `Tests/parity/weights_parity.py`, where somebody made them.
    static let parityFolder = ProcessInfo.processInfo.environment["BEASTS_PARITY"]

    static func path(_ name: String) -> String { folder + "/" + name }

    /// The cases of the manifest.
    static var cases: [[String: Any]] {
        guard let data = FileManager.default.contents(atPath: folder + "/manifest.json"),
            let manifest = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let cases = manifest["cases"] as? [[String: Any]]
        else { return [] }
        return cases
    }

    /// Every checkpoint that is meant to load, with the keys and prefixes of its case; each file once.
    static func checkpoints() -> [(file: String, select: [String], strip: [String])] {
        var result: [(file: String, select: [String], strip: [String])] = []
        for entry in cases {
            guard let files = entry["checkpoints"] as? [String], let load = entry["load"] as? [String: Any] else {
                continue
            }
            for file in files where !result.contains(where: { $0.file == file }) {
                let select = (load["select"] as? String).map { [$0] } ?? []
                result.append((file, select, load["strip"] as? [String] ?? []))
            }
        }
        return result
    }
}
