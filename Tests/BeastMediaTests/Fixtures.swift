// SPDX-License-Identifier: MIT

import Foundation

@testable import BeastMedia

/// The golden pictures, where they are present: the folder that BEASTS_FIXTURES names, or `shared/fixtures` beside the
/// repository.
enum Fixtures {
    static let folder: URL = {
        if let named = ProcessInfo.processInfo.environment["BEASTS_FIXTURES"] { return URL(fileURLWithPath: named) }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/fixtures")
    }()

    static let arePresent = FileManager.default.fileExists(atPath: folder.appending(path: "manifest.json").path)

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    struct Case {
        let id: String
        let isOptional: Bool
        let input: String
        let pipeline: [String]
        /// File and shape of each output.
        let outputs: [String: (file: String, shape: [Int])]
        let isExpectedToFail: Bool
    }

    static func cases(of kind: String) throws -> [Case] {
        let data = try Data(contentsOf: folder.appending(path: "manifest.json"))
        let manifest = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        let entries = manifest?["cases"] as? [[String: Any]] ?? []
        return entries.filter { $0["kind"] as? String == kind }.map { entry in
            var outputs = [String: (file: String, shape: [Int])]()
            for (name, value) in entry["outputs"] as? [String: [String: Any]] ?? [:] {
                outputs[name] = (value["file"] as? String ?? "", value["shape"] as? [Int] ?? [])
            }
            let inputs = entry["inputs"] as? [String: String] ?? [:]
            return Case(
                id: entry["id"] as? String ?? "", isOptional: entry["optional"] as? Bool ?? false,
                input: inputs["file"] ?? "", pipeline: entry["pipeline"] as? [String] ?? [], outputs: outputs,
                isExpectedToFail: entry["expect"] as? String == "fail")
        }
    }

    /// The data behind the header of a version 1 NumPy file.
    static func array(_ name: String) throws -> Data {
        let data = try Data(contentsOf: folder.appending(path: name))
        guard data.count > 10 else { return Data() }
        return data.dropFirst(10 + Int(data[8]) + Int(data[9]) * 256)
    }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try array(name)) }

    static func floats(_ name: String) throws -> [Float] {
        let bytes = try bytes(name)
        return stride(from: 0, to: bytes.count - 3, by: 4).map { start in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) })
        }
    }
}
