// SPDX-License-Identifier: MIT

import BeastCore
import Foundation
import Testing

@testable import BeastWeights

@Suite(
    "Golden fixtures",
    .enabled(if: Fixtures.areThere, "no fixtures; set BEASTS_FIXTURES to the folder that holds manifest.json"))
struct FixtureTests {
    private func weights(_ file: String, _ select: [String] = ["teacher"]) throws -> CheckpointWeights {
        try Checkpoint.open(path: Fixtures.path(file)).weights(
            select: select, stripping: ["module.", "backbone.", "encoder."])
    }

    /// Shapes and elements of every tensor that can be a weight.
    private func contents(_ weights: CheckpointWeights) throws -> [String: ([Int], [Float])] {
        var result: [String: ([Int], [Float])] = [:]
        for name in weights.tensorNames {
            guard let type = weights.tensorDescription(of: name)?.elementType, TensorLender.lentType(type) != nil else {
                continue
            }
            result[name] = try weights.withTensor(name) { ($0.shape, elements(of: $0)) }
        }
        return result
    }

    @Test("Every checkpoint that is meant to load does, all tensors included")
    func everyCheckpoint() throws {
        let checkpoints = Fixtures.checkpoints()
        var tensors = 0
        for (file, select, strip) in checkpoints {
            let checkpoint = try Checkpoint.open(path: Fixtures.path(file))
            #expect(checkpoint.dangerousSymbols.isEmpty, "\(file)")
            #expect(!checkpoint.tree.description.isEmpty)
            let content = try contents(checkpoint.weights(select: select, stripping: strip))
            #expect(!content.isEmpty, "\(file)")
            #expect(content.values.allSatisfy { $0.0.reduce(1, *) == $0.1.count }, "\(file)")
            tensors += content.count
            try checkpoint.verify()
        }
        #expect(checkpoints.count >= 20)
        print("fixtures: \(checkpoints.count) checkpoints, \(tensors) tensors read")
    }

    @Test("Every checkpoint of a case holds the same values")
    func equalCheckpoints() throws {
        var compared = 0
        for id in ["dino/native", "mugs/native", "bad/valid_base"] {
            let files = try #require(Fixtures.cases.first { $0["id"] as? String == id }?["checkpoints"] as? [String])
            let reference = try contents(weights(files[0]))
            // The set every file has; training checkpoints hold heads beside it.
            let names = try files.map { Set(try contents(weights($0)).keys) }.reduce(Set(reference.keys)) {
                $0.intersection($1)
            }
            #expect(names.contains("norm.weight") && names.contains("blocks.0.attn.qkv.weight"))
            for file in files.dropFirst() {
                let other = try contents(weights(file))
                for name in names {
                    #expect(other[name]?.0 == reference[name]?.0, "\(file) \(name)")
                    #expect(other[name]?.1 == reference[name]?.1, "\(file) \(name)")
                    compared += 1
                }
            }
        }
        print("fixtures: \(compared) tensors equal across containers")
    }

    @Test("A DINO teacher has the names and sizes of the vision transformer")
    func names() throws {
        let weights = try weights("dino/plain.pth")
        var expected: [String: [Int]] = [
            "cls_token": [1, 1, 48], "pos_embed": [1, 17, 48], "patch_embed.proj.weight": [48, 3, 14, 14],
            "patch_embed.proj.bias": [48], "norm.weight": [48], "norm.bias": [48],
        ]
        for block in 0..<3 {
            for (name, shape) in [
                ("norm1.weight", [48]), ("norm1.bias", [48]), ("attn.qkv.weight", [144, 48]), ("attn.qkv.bias", [144]),
                ("attn.proj.weight", [48, 48]), ("attn.proj.bias", [48]), ("norm2.weight", [48]), ("norm2.bias", [48]),
                ("mlp.fc1.weight", [192, 48]), ("mlp.fc1.bias", [192]), ("mlp.fc2.weight", [48, 192]),
                ("mlp.fc2.bias", [48]),
            ] { expected["blocks.\(block).\(name)"] = shape }
        }
        #expect(weights.tensorNames == expected.keys.sorted())
        for (name, shape) in expected { #expect(weights.shape(of: name) == shape, "\(name)") }
    }

    @Test("Half-precision checkpoints keep their type and stay close")
    func halves() throws {
        let reference = try contents(weights("dino/plain.pth"))
        for (file, type, bound) in [
            ("dino/teacher_fp16.pth", DType.float16, 0x1p-10), ("dino/teacher_bf16.pth", .bfloat16, 0x1p-7),
        ] {
            let half = try weights(file)
            #expect(try half.withTensor("norm.weight") { $0.dtype } == type)
            for (name, (shape, values)) in try contents(half) {
                let expected = try #require(reference[name])
                #expect(shape == expected.0)
                let isClose = zip(values, expected.1).allSatisfy { abs($0 - $1) <= Float(bound) * abs($1) + 1e-7 }
                #expect(isClose, "\(file) \(name)")
            }
        }
    }

    @Test("Arguments and odd Python values of a training run are shown")
    func extras() throws {
        let checkpoint = try Checkpoint.open(path: Fixtures.path("dino/train_extras.pth"))
        let text = checkpoint.tree.rendered(maximumDepth: 20, maximumItems: 1_000, maximumCharacters: 1_000_000)
        for part in [
            "argparse.Namespace(", "beasts_fixture_pkg.meters.Meter", "datetime.datetime(", "complex(1.0, 2.0)",
            "numpy.ndarray[2, 3]",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(checkpoint.unknownSymbols.contains(Symbol(module: "argparse", name: "Namespace")))
        guard case .dictionary = checkpoint.tree["teacher"] else {
            Issue.record("no teacher")
            return
        }
    }

    @Test("Damaged and hostile checkpoints end as the manifest demands")
    func bad() throws {
        let marker = "/tmp/PWNED-beasts"
        #expect(!FileManager.default.fileExists(atPath: marker))
        let control = try contents(weights("bad/valid_base.pth"))
        var failed = 0
        var loaded: [String] = []
        for entry in Fixtures.cases where entry["kind"] as? String == "bad_checkpoint" {
            guard let file = (entry["inputs"] as? [String: String])?["file"], let must = entry["must"] as? String else {
                continue
            }
            let start = ContinuousClock.now
            do {
                let weights = try weights(file)
                // What a model asks for: every tensor in its place, with its shape.
                for (name, (shape, values)) in control {
                    guard weights.shape(of: name) == shape || weights.shape(of: name) == nil else {
                        throw WeightsError(
                            .wrongKind, "“\(name)” is \(weights.shape(of: name) ?? []), not \(shape)", path: file)
                    }
                    let found = try weights.withTensor(name) { elements(of: $0) }
                    if !file.contains("nan_weight"), !file.contains("inf_weight") {
                        #expect(found == values, "\(file) \(name)")
                    }
                }
                loaded.append(file)
                #expect(entry["expect"] as? String != "fail", "\(file) loaded; it must not: \(must)")
            } catch let error as WeightsError {
                failed += 1
                let line = error.description
                #expect(line.contains((file as NSString).lastPathComponent), "\(line)")
                #expect(!must.contains("must load with"), "\(line)")
                for (mark, text) in [
                    ("says CRC", "CRC of"), ("says TorchScript", "TorchScript"), ("names the opcode", "0xFF"),
                    ("names norm.weight", "norm.weight"), ("names norm.bias", "norm.bias"),
                    ("names pos_embed", "pos_embed"),
                    ("names blocks.1.attn.qkv.weight", "blocks.1.attn.qkv.weight"), ("names the type", "QInt8Storage"),
                    ("LFS pointer", "LFS"),
                ] where must.contains(mark) { #expect(line.contains(text), "\(file): \(line)") }
                if must.contains("names the dtype") {
                    #expect(line.contains("complex64") || line.contains("float8"), "\(line)")
                }
            }
            #expect(ContinuousClock.now - start < .seconds(5), "\(file)")
        }
        #expect(!FileManager.default.fileExists(atPath: marker))
        #expect(failed + loaded.count >= 80)
        let allowed = [
            "exponential_refs", "stride0_bomb_elsewhere", "storage_cuda_location", "byteorder_big", "nan_weight",
            "inf_weight",
        ]
        for file in loaded { #expect(allowed.contains { file.contains($0) }, "\(file)") }
        print("fixtures: \(failed) bad checkpoints refused, \(loaded.count) loaded: \(loaded.sorted())")
    }

    @Test("Bad arrays are refused and all good ones are read")
    func arrays() throws {
        var refused = 0
        for entry in Fixtures.cases where entry["kind"] as? String == "bad_npy" {
            guard let file = (entry["inputs"] as? [String: String])?["file"] else { continue }
            #expect(throws: WeightsError.self, "\(file)") { try NumpyArray.read(path: Fixtures.path(file)) }
            refused += 1
        }
        var read = 0
        for entry in Fixtures.cases {
            for output in (entry["outputs"] as? [String: [String: Any]] ?? [:]).values {
                guard let file = output["file"] as? String, file.hasSuffix(".npy"),
                    let shape = output["shape"] as? [Int]
                else { continue }
                #expect(try NumpyArray.read(path: Fixtures.path(file)).shape == shape, "\(file)")
                read += 1
            }
        }
        #expect(refused == 5 && read > 100)
        print("fixtures: \(refused) bad arrays refused, \(read) arrays read")
    }
}
