// SPDX-License-Identifier: MIT

import BeastCore
import Glibc
import Testing

@testable import BeastWeights

@Suite("Safetensors shards")
struct ShardTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func shard(_ tensors: [(String, [Float])]) throws -> [UInt8] {
        let header = try SafetensorsHeader(
            entries: tensors.map { SafetensorsEntry(name: $0.0, elementType: .float32, shape: [$0.1.count]) })
        let values = Dictionary(uniqueKeysWithValues: tensors)
        return header.encoded() + header.entries.flatMap { bytes(of: values[$0.name] ?? []) }
    }

    private func index(_ map: [(String, String)]) -> [UInt8] {
        let entries = map.map { JSONString.quoted($0.0) + ": " + JSONString.quoted($0.1) }.joined(separator: ",\n")
        return Array("{\n  \"metadata\": {\"total_size\": 16},\n  \"weight_map\": {\(entries)}\n}".utf8)
    }

    private func open(_ map: [(String, String)]) throws -> Checkpoint {
        try folder.write(index(map), to: "model.safetensors.index.json")
        return try Checkpoint.open(path: folder.path("model.safetensors.index.json"))
    }

    @Test("Tensors come from the shard that the index names")
    func reading() throws {
        try folder.write(shard([("a", [1, 2]), ("shared", [9])]), to: "1.safetensors")
        try folder.write(shard([("b", [3]), ("shared", [8])]), to: "2.safetensors")
        let checkpoint = try open([("b", "2.safetensors"), ("a", "1.safetensors"), ("shared", "2.safetensors")])
        #expect(checkpoint.container == .safetensorsIndex)
        #expect(checkpoint.notes == ["the tensors lie in 2 files", "1 tensors of the shards are not in the index"])
        let weights = try checkpoint.weights(select: ["model"])
        #expect(weights.tensorNames == ["a", "b", "shared"])
        #expect(try elements("a", of: weights) == [1, 2])
        #expect(try elements("b", of: weights) == [3])
        #expect(try elements("shared", of: weights) == [8])
    }

    @Test("A name that its shard lacks is an error that says which")
    func missing() throws {
        try folder.write(shard([("a", [1])]), to: "1.safetensors")
        expectError(.malformedContainer, "1.safetensors: lacks 1 of the 2 tensors") {
            _ = try open([("a", "1.safetensors"), ("b", "1.safetensors")])
        }
        expectError(.cannotRead, "2.safetensors") { _ = try open([("a", "2.safetensors")]) }
    }

    @Test(
        "Shards lie beside the index and nowhere else",
        arguments: ["../1.safetensors", "/etc/passwd", "..", ".", "", "x/1.safetensors", "1\u{0}", "a\nb"])
    func places(name: String) throws {
        try folder.write(shard([("a", [1])]), to: "1.safetensors")
        expectError(.malformedContainer, "plain file names") { _ = try open([("a", name)]) }
    }

    @Test("A shard is a safetensors file, perhaps through a link, and no other kind of file")
    func kinds() throws {
        try folder.write(shard([("a", [1])]), to: "blob")
        #expect(symlink("blob", folder.path("1.safetensors")) == 0)
        #expect(try elements("a", of: open([("a", "1.safetensors")]).weights()) == [1])
        #expect(symlink(".", folder.path("2.safetensors")) == 0)
        expectError(.notRegularFile, "2.safetensors") { _ = try open([("a", "2.safetensors")]) }
        #expect(symlink("/dev/zero", folder.path("3.safetensors")) == 0)
        expectError(.notRegularFile, "3.safetensors") { _ = try open([("a", "3.safetensors")]) }
        try folder.write(makeCheckpoint([0x7D], storages: []), to: "4.safetensors")
        expectError(.unsupportedContainer, "4.safetensors") { _ = try open([("a", "4.safetensors")]) }
        expectError(.unsupportedContainer, "is no safetensors file") {
            _ = try open([("a", "model.safetensors.index.json")])
        }
    }

    @Test("JSON that is no index, and damaged indexes, are refused")
    func damage() throws {
        for (text, message) in [
            ("{}        ", "weight_map"), ("{\"weight_map\": [1]}", "“{” is missing"),
            ("{\"weight_map\": {\"a\": 1}}", "“\"” is missing"),
            ("{\"weight_map\": {\"a\": \"b\", \"a\": \"b\"}}", "occurs twice"), ("{\"weight_map\": {", "missing"),
        ] {
            try folder.write(Array(text.utf8), to: "index.json")
            do {
                _ = try Checkpoint.open(path: folder.path("index.json"))
                Issue.record("\(text) was opened")
            } catch {
                #expect(error.description.contains(message) && error.description.contains("index"), "\(error)")
            }
        }
    }
}
