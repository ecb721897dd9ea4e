// SPDX-License-Identifier: MIT
import BeastWeights
import Foundation
import Testing

@Suite struct ConvertTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let models = repository.appending(path: "Tests/Goldens/models").path
    private static let fixtures =
        ProcessInfo.processInfo.environment["BEASTS_FIXTURES"]
        ?? repository.deletingLastPathComponent().appending(path: "shared/fixtures").path
    private static let hasFixtures = FileManager.default.fileExists(atPath: fixtures + "/manifest.json")
    private static let keys = ["teacher", "model", "model_state_dict", "state_dict"]

    private func convert(_ arguments: String...) throws -> Outcome {
        try Program.built.run(["convert"] + arguments, in: folder)
    }

    private func elements(_ name: String, _ weights: CheckpointWeights) throws -> [UInt8] {
        var result: [UInt8] = []
        try weights.withElements(of: name) { result += $0 }
        return result
    }

    /// Converts, and expects every tensor with its name, type, sizes and bits.
    private func expectFaithful(_ path: String) throws -> Int {
        try convert(path, "out.safetensors", "--force", "--quiet").expectSuccess()
        let original = try Checkpoint.open(path: path).weights(select: Self.keys)
        let converted = try Checkpoint.open(path: folder.path("out.safetensors")).weights()
        #expect(original.tensorNames == converted.tensorNames, "\(path)")
        for name in original.tensorNames {
            let (before, after) = (original.tensorDescription(of: name), converted.tensorDescription(of: name))
            #expect(before?.elementType == after?.elementType && before?.shape == after?.shape, "\(path) \(name)")
            #expect(try elements(name, original) == elements(name, converted), "\(path) \(name)")
        }
        #expect(folder.names == ["out.safetensors"], "\(folder.names)")
        return original.tensorNames.count
    }

    @Test func `Small models keep every tensor, bit by bit`() throws {
        for file in [
            "dino/valid_base_legacy.pth", "gpt/a.pt", "mae/eps.pth", "mugs/encoder_plain.pth", "resnext/eps.pth",
            "vqgan/b.ckpt",
        ] {
            #expect(try expectFaithful("\(Self.models)/\(file)") > 10)
        }
    }

    @Test(.enabled(if: hasFixtures, "no fixtures; BEASTS_FIXTURES may name their folder"))
    func `Every checkpoint of the fixtures keeps every tensor, bit by bit`() throws {
        var (files, tensors) = (0, 0)
        for kind in ["dino", "gpt", "mae", "mugs", "resnext", "stmae", "vqgan"] {
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(Self.fixtures)/\(kind)")
            for name in names where [".pth", ".pt", ".ckpt"].contains(where: { name.hasSuffix($0) }) {
                tensors += try expectFaithful("\(Self.fixtures)/\(kind)/\(name)")
                files += 1
            }
        }
        #expect(files > 20 && tensors > 500)
    }

    /// Files that are sound, and unfit for one model only (a missing tensor, other sizes, whole numbers), or hold their
    /// trap where a state dictionary does not reach.
    private static let faultsOfModels: Set<String> = [
        "dtype_bool.pth", "dtype_complex64.pth", "dtype_float8.pth", "dtype_int64.pth", "missing_bias.pth",
        "missing_block.pth", "missing_key.pth", "shape_pos_embed.pth", "shape_qkv.pth", "shape_transposed.pth",
        "shape_zero.pth", "wrong_arch.pth", "value_not_tensor.pth", "storage_cuda_location.pth", "byteorder_big.pth",
        "storage_long.pth", "exponential_refs.pth", "stride0_bomb_elsewhere.pth",
    ]

    @Test(.enabled(if: hasFixtures, "no fixtures; BEASTS_FIXTURES may name their folder"))
    func `Hostile files are refused in one line, or converted faithfully, and leave nothing behind`() throws {
        var refused = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(Self.fixtures)/bad").sorted()
        where name.hasSuffix(".pth") {
            let path = "\(Self.fixtures)/bad/\(name)"
            let outcome = try convert(path, "out.safetensors", "--quiet")
            if outcome.exitCode == 0 {
                #expect(
                    name.hasPrefix("valid_") || Self.faultsOfModels.contains(name), "\(name) was converted")
                _ = try expectFaithful(path)
            } else {
                outcome.expectFailure(65, name)
                #expect(!name.hasPrefix("valid_"), "\(name): \(outcome.errors)")
                refused += 1
            }
            try? FileManager.default.removeItem(atPath: folder.path("out.safetensors"))
            #expect(folder.names.isEmpty, "\(name) left \(folder.names)")
            #expect(outcome.peakMemory < 200 << 20, "\(name) took \(outcome.peakMemory >> 20) MiB")
        }
        #expect(refused > 50)
    }

    @Test func `Where it comes from stands in the file, and what was done is said`() throws {
        let outcome = try convert("\(Self.models)/gpt/a.pt", "out.safetensors", "--json")
        outcome.expectSuccess()
        let report = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(report["stateDictionary"] as? String == "model_state_dict")
        let inspected = try Program.built.run(["inspect", "out.safetensors"], in: folder).output
        for part in ["beasts.source", "a.pt", "beasts.state_dictionary", "model_state_dict", "format"] {
            #expect(inspected.contains(part), "'\(part)' is not in \(inspected)")
        }
    }

    @Test func `Only tensors of the model named are kept`() throws {
        // No model of the catalogue has these sizes; their names are the same.
        let outcome = try convert(
            "\(Self.models)/dino/valid_base_legacy.pth", "out.safetensors", "--model", "mugs_s_vits16", "--json")
        outcome.expectSuccess()
        let names = try Checkpoint.open(path: folder.path("out.safetensors")).weights().tensorNames
        #expect(names.contains { $0.hasSuffix("patch_embed.proj.weight") })
        #expect(!names.contains { $0.contains("head") })
        try convert("\(Self.models)/gpt/a.pt", "other.safetensors", "--model", "dino_s_vitb14")
            .expectFailure(65, "a.pt", "teacher")
        try convert("\(Self.models)/gpt/a.pt", "other.safetensors", "--model", "nothing").expectFailure(64, "nothing")
        #expect(folder.names == ["out.safetensors"])
    }

    @Test func `An output that exists is kept, unless it shall be replaced`() throws {
        let model = "\(Self.models)/gpt/a.pt"
        try folder.write("mine", to: "out.safetensors")
        try convert(model, "out.safetensors").expectFailure(73, "out.safetensors", "--force")
        #expect(try folder.text("out.safetensors") == "mine")
        try convert(model, "out.safetensors", "--force", "--quiet").expectSuccess()
        #expect(try folder.bytes("out.safetensors").count > 1000)
        try convert(model, "out.pth").expectFailure(64, "out.pth", ".safetensors")
        try convert(model, "nowhere/out.safetensors").expectFailure(73, "nowhere/out.safetensors")
        try convert("missing.pth", "other.safetensors").expectFailure(66, "missing.pth")
        // Onto itself: the old file is read until the new one takes its place.
        let before = try folder.bytes("out.safetensors").count
        try convert("out.safetensors", "out.safetensors", "--force", "--quiet").expectSuccess()
        #expect(abs(try folder.bytes("out.safetensors").count - before) < 200)
        #expect(folder.names == ["out.safetensors"])
    }

    @Test func `A key that is not there is an error that names those that are`() throws {
        try convert("\(Self.models)/gpt/a.pt", "out.safetensors", "--select", "ema")
            .expectFailure(65, "a.pt", "'ema'", "model_state_dict")
        try convert("\(Self.models)/gpt/a.pt", "out.safetensors", "--select", "model_state_dict", "--quiet")
            .expectSuccess()
    }
}
