// SPDX-License-Identifier: MIT
import BeastMedia
import BeastWeights
import Foundation
import Glibc
import Testing

/// Pictures from nothing, from halves, from codes, through the program, with the built-in generator.
@Suite struct GenerationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The backends that can run here. Mesa's software device is slow, but the built-in generator is small.
    private static let usable: [String] = {
        struct Candidate: Decodable {
            let name: String?
            let outcome: String
        }
        guard let folder = try? TemporaryFolder(),
            let listing = try? Program.built.run(["backends", "--json"], in: folder),
            let candidates = try? JSONDecoder().decode([Candidate].self, from: Data(listing.output.utf8))
        else { return [] }
        return candidates.filter { $0.outcome == "usable" }.compactMap(\.name)
    }()

    private struct Report: Decodable {
        struct Sample: Decodable, Equatable {
            let sample: Int
            let margin: Double
            let codes: [Int]
        }

        let samples: [Sample]
    }

    private func beasts(_ arguments: [String], _ backend: String = "reference") throws -> Outcome {
        try Program.built.run(arguments + ["--backend", backend, "--quiet"], in: folder)
    }

    /// Fewer draws than for a picture would not need another model: greedy codes of the upper rows are enough elsewhere.
    private func generate(_ options: [String], _ backend: String = "reference") throws -> [Report.Sample] {
        let outcome = try beasts(["generate", "--json", "--codes", "c.npy"] + options, backend)
        outcome.expectSuccess()
        return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8)).samples
    }

    @Test func `A sample depends on seed and number only`() throws {
        let all = try generate(["--count", "4", "--seed", "7"])
        #expect(all.map(\.sample) == [0, 1, 2, 3] && Set(all.map(\.codes)).count == 4)
        #expect(all.allSatisfy { $0.codes.count == 256 && $0.codes.allSatisfy { (0..<512).contains($0) } })
        let alone = try generate(["--count", "1", "--first", "2", "--seed", "7"])
        #expect(alone.map(\.sample) == [2] && alone[0].codes == all[2].codes)
        let small = try generate(["--count", "4", "--seed", "7", "--batch-size", "3"])
        #expect(small.map(\.codes) == all.map(\.codes))
        #expect(try generate(["--count", "1", "--seed", "8"])[0].codes != all[0].codes)
        // The file says the same.
        let array = try NumpyArray.read(path: folder.path("c.npy"))
        #expect(array.shape == [1, 256] && array.element == .int32)
    }

    /// The margin tells the numbers of all draws apart, where the codes tell little.
    @Test(arguments: ["f32", "bf16"])
    func `A sample does not depend on its batch on the fastest backend of a processor`(precision: String) throws {
        guard Self.usable.contains("dnnl") else { return print("skipped: dnnl cannot run here") }
        func generate(_ batchSize: Int) throws -> [Report.Sample] {
            let outcome = try Program.built.run(
                [
                    "generate", "--json", "--codes", "c.npy", "--count", "9", "--seed", "3", "--backend", "dnnl",
                    "--quiet", "--precision", precision, "--batch-size", String(batchSize),
                ], in: folder, environment: ["BEASTS_BFLOAT16": "emulated"])
            outcome.expectSuccess()
            return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8)).samples
        }
        let together = try generate(9)
        #expect(together.count == 9 && Set(together.map(\.margin)).count == 9)
        #expect(try generate(1) == together)
        #expect(try generate(7) == together)
    }

    @Test func `Every backend draws the same codes where the draws keep their distance from other codes`() throws {
        // Most samples have a draw within 1e-4 of an edge between two of the 128 codes it is from; this one has none.
        let sample = ["--first", "217", "--count", "1", "--seed", "1"]
        let expected = try generate(sample)
        for backend in Self.usable where backend != "reference" {
            let found = try generate(sample, backend)
            for (sample, other) in zip(found, expected) {
                print("\(backend): margin of sample \(other.sample): \(other.margin)")
                try #require(other.margin > 1e-4, "this sample is too close to an edge; choose another")
                #expect(sample.codes == other.codes, "\(backend)")
                #expect(abs(sample.margin - other.margin) < 5e-5, "\(backend)")
            }
        }
    }

    @Test func `A grid, a file for each, and codes come from one run, and decoding the codes gives the same pictures`()
        throws
    {
        try beasts([
            "generate", "--count", "5", "-o", "grid.png", "--each", "out", "--codes", "c.npy", "--range", "fixed",
        ]).expectSuccess()
        let grid = try Picture(contentsOfFile: folder.path("grid.png"))
        #expect(grid.width == 3 * 65 + 1 && grid.height == 2 * 65 + 1)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("out")).sorted()
        #expect(names == (0..<5).map { "sample_000\($0).png" })
        let single = try Picture(contentsOfFile: folder.path("out/sample_0004.png"))
        #expect(single.width == 64 && single.height == 64)
        for y in 0..<64 {
            let (inGrid, start) = (((66 + y) * grid.width + 66) * 3, y * 64 * 3)
            #expect(Array(grid.pixels[inGrid..<inGrid + 192]) == Array(single.pixels[start..<start + 192]))
        }
        try beasts(["decode", "cub_gpt", "c.npy", "-o", "again.png", "--each", "out2", "--range", "fixed"])
            .expectSuccess()
        #expect(try folder.bytes("again.png") == folder.bytes("grid.png"))
        #expect(try folder.bytes("out2/sample_0003.png") == folder.bytes("out/sample_0003.png"))
        // Stretched: black and white are there; a single picture has no border.
        try beasts(["generate", "--count", "1", "-o", "one.png"]).expectSuccess()
        let one = try Picture(contentsOfFile: folder.path("one.png"))
        #expect(one.width == 64 && one.pixels.contains(0) && one.pixels.contains(255))
    }

    @Test func `Temperature 0 is the most likely code, and is said`() throws {
        let outcome = try Program.built.run(
            ["generate", "--temperature", "0", "--codes", "a.npy", "--backend", "reference"], in: folder)
        outcome.expectSuccess()
        #expect(outcome.errors.contains("temperature 0: the most likely code"))
        #expect(
            try generate(["--temperature", "0"]).map(\.codes)
                == generate(["--temperature", "0", "--top-k", "1"]).map(\.codes))
        #expect(try generate(["--top-k", "1"]).map(\.codes) == generate(["--temperature", "0"]).map(\.codes))
    }

    @Test func `Pictures are encoded, reconstructed and completed below their upper half`() throws {
        for name in ["a.png", "b.png", "c.png"] {
            try folder.write(try Samples.picture(name.utf8.first.map { Int($0) } ?? 0, width: 70, height: 64), to: name)
        }
        try beasts(["encode", "cub_gpt", "a.png", "b.png", "c.png", "-o", "codes.npy"]).expectSuccess()
        let codes = try NumpyArray.read(path: folder.path("codes.npy"))
        let own = try #require(codes.integers())
        #expect(codes.shape == [3, 256])
        #expect(try folder.text("codes.paths.txt") == "a.png\nb.png\nc.png\n")

        let lines = try beasts(["encode", "cub_gpt", "b.png"]).output
        #expect(lines.hasPrefix("{\"codes\":[\(own[256]),") && lines.hasSuffix("\"path\":\"b.png\"}\n"))

        let reconstruction = try beasts(["reconstruct", "cub_gpt", "a.png", "b.png", "-o", "r.png", "--each", "r"])
        reconstruction.expectSuccess()
        let rows = reconstruction.output.split(separator: "\n")
        #expect(rows.count == 3 && rows[0].hasSuffix("  a.png") && rows[2].hasSuffix("  mean of 2"))
        let sheet = try Picture(contentsOfFile: folder.path("r.png"))
        #expect(sheet.width == 131 && sheet.height == 131)

        try beasts([
            "complete", "cub_gpt", "a.png", "b.png", "c.png", "--samples", "2", "--codes", "all.npy", "-o", "s.png",
            "--each", "done",
        ]).expectSuccess()
        let all = try NumpyArray.read(path: folder.path("all.npy"))
        let drawn = try #require(all.integers())
        #expect(all.shape == [3, 2, 256])
        for picture in 0..<3 {
            for sample in 0..<2 {
                let start = (picture * 2 + sample) * 256
                #expect(Array(drawn[start..<start + 128]) == Array(own[picture * 256..<picture * 256 + 128]))
            }
            #expect(drawn[picture * 512..<picture * 512 + 256] != drawn[picture * 512 + 256..<picture * 512 + 512])
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path("done")).sorted()
                == ["a_1.png", "a_2.png", "b_1.png", "b_2.png", "c_1.png", "c_2.png"])
        let completed = try Picture(contentsOfFile: folder.path("s.png"))
        #expect(completed.width == 4 * 65 + 1 && completed.height == 3 * 65 + 1)
        // Whatever the batch.
        try beasts([
            "complete", "cub_gpt", "a.png", "b.png", "c.png", "--batch-size", "1", "--codes", "one.npy",
        ]).expectSuccess()
        #expect(try folder.bytes("one.npy") == folder.bytes("all.npy"))
        try beasts([
            "complete", "cub_gpt", "a.png", "b.png", "c.png", "--samples", "1", "--codes", "less.npy",
            "--upstream-line",
            "--each", "line", "--range", "fixed",
        ]).expectSuccess()
        let less = try #require(try NumpyArray.read(path: folder.path("less.npy")).integers())
        #expect(Array(less[256..<512]) == Array(drawn[512..<768]))
        let line = try Picture(contentsOfFile: folder.path("line/a_1.png"))
        #expect(line.pixels[30 * 192..<31 * 192].allSatisfy { $0 == 127 })
    }

    @Test func `Other sizes have other grids`() throws {
        try folder.write(try Samples.picture(1, width: 40, height: 40), to: "a.png")
        try beasts(["encode", "cub_gpt", "a.png", "--size", "32", "-o", "c.npy"]).expectSuccess()
        #expect(try NumpyArray.read(path: folder.path("c.npy")).shape == [1, 8, 8])
        try beasts(["decode", "cub_gpt", "c.npy", "-o", "a32.png"]).expectSuccess()
        #expect(try Picture(contentsOfFile: folder.path("a32.png")).width == 32)
    }

    @Test func `What cannot be done is refused with a reason`() throws {
        let picture = try Samples.fill(folder, count: 1)[0]
        try folder.write(try Samples.picture(1, width: 30, height: 3), to: "small.png")
        func codes(_ shape: String, _ values: [Int32], _ name: String) throws {
            var text = "{'descr': '<i4', 'fortran_order': False, 'shape': (\(shape)), }"
            text += String(repeating: " ", count: 117 - text.utf8.count) + "\n"
            try folder.write(
                [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8)
                    + values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }, to: name)
        }
        try codes("1, 255", Array(repeating: 1, count: 255), "short.npy")
        try codes("1, 256", Array(repeating: 1, count: 255) + [512], "wrong.npy")
        try codes("1, 256", [-1] + Array(repeating: 1, count: 255), "negative.npy")
        try folder.write("no array", to: "text.npy")
        for (arguments, code, parts) in [
            (["generate", "-o", "g.png", "--count", "0"], 64, ["--count 0"]),
            (["generate", "-o", "g.png", "--count", "-1"], 64, ["count"]),
            (["generate", "-o", "g.png", "--first", "-1"], 64, ["first"]),
            (["generate", "-o", "g.png", "--temperature", "-1"], 64, ["temperature"]),
            (["generate", "-o", "g.png", "--temperature", "nan"], 64, ["temperature"]),
            (["generate", "-o", "g.png", "--top-k", "513"], 64, ["513", "512 codes"]),
            (["generate", "-o", "g.png", "--top-p", "0"], 64, ["top-p"]),
            (["generate", "-o", "g.jpg"], 64, [".png"]), (["generate"], 64, ["no output"]),
            (["generate", "-o", "no/g.png"], 73, ["its folder is not there"]),
            (["generate", "-o", "g.png", "--each", "no/f"], 73, ["cannot create the folder"]),
            (["generate", "say_gime", "-o", "g.png"], 64, ["say_gime", "say_gimel"]),
            (["generate", "cub_dino_vitt8", "-o", "g.png"], 64, ["does not generate"]),
            (["generate", "say_gimel", "-o", "g.png"], 69, ["say_gimel.pt", "--weights"]),
            (["embed", picture, "--model", "cub_gpt"], 64, ["generates pictures"]),
            (["complete", "cub_gpt", picture], 64, ["no output"]),
            (["complete", "cub_gpt", picture, "-o", "g.png", "--mask-ratio", "0.5"], 64, ["mask-ratio"]),
            (["complete", "cub_gpt", picture, "-o", "g.png", "--samples", "0"], 64, ["samples"]),
            (["complete", "cub_mae_vitt8", picture, "-o", "g.png", "--samples", "1"], 64, ["generators"]),
            (["complete", "cub_gpt", "small.png", "-o", "g.png"], 65, ["small.png", "30 x 3"]),
            (["encode", "cub_gpt", "small.png"], 65, ["small.png", "30 x 3"]),
            (["encode", "cub_gpt", picture, "--size", "30"], 64, ["size 30", "multiples of 4"]),
            (["encode", "cub_gpt", picture, "-o", "c.csv"], 64, [".npy"]),
            (["encode", "cub_gpt", "none.png"], 66, ["none.png"]),
            (["decode", "cub_gpt", "short.npy", "-o", "g.png"], 65, ["short.npy", "255", "256"]),
            (["decode", "cub_gpt", "wrong.npy", "-o", "g.png"], 65, ["wrong.npy", "code 512", "0 to 511"]),
            (["decode", "cub_gpt", "negative.npy", "-o", "g.png"], 65, ["negative.npy", "code -1"]),
            (["decode", "cub_gpt", "text.npy", "-o", "g.png"], 65, ["text.npy"]),
            (["decode", "cub_gpt", "none.npy", "-o", "g.png"], 66, ["none.npy"]),
            (["decode", "cub_gpt", "wrong.npy"], 64, ["no output"]),
        ] as [([String], Int32, [String])] {
            let outcome = try beasts(arguments)
            outcome.expectFailure(code)
            for part in parts { #expect(outcome.errors.contains(part), "\(arguments): \(outcome.errors)") }
        }
        #expect(!folder.names.contains("g.png"))
    }

    @Test func `Files of other models and other sizes are refused with both shapes`() throws {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let cubs = repository.appending(path: "Sources/CubWeights").path
        // A transformer of 512 codes where the name says 8192.
        try beasts(["generate", "say_gimel", "--codes", "c.npy", "--weights", "\(cubs)/cub_gpt.safetensors"])
            .expectFailure(65, "cub_gpt.safetensors", "tok_emb.weight", "[512, 128]", "[8192, 1280]")
        try beasts(["generate", "--codes", "c.npy", "--weights", "\(cubs)/cub_mae_vitt8.safetensors"])
            .expectFailure(65, "cub_mae_vitt8.safetensors", "[192, 192]", "[128, 128]")
        try beasts(["generate", "--codes", "c.npy", "--weights", "\(cubs)/cub_dino_vitt8.safetensors"])
            .expectFailure(65, "cub_dino_vitt8.safetensors")
        try beasts(["generate", "--codes", "c.npy", "--weights", "\(cubs)/cub_gpt.safetensors"]).expectSuccess()
        try folder.write(
            """
            model:
              target: vqmodel.VQModel
              params: {embed_dim: 32, n_embed: 512, remap: used.npy, ddconfig: {double_z: false, z_channels: 32, \
            resolution: 64, in_channels: 3, out_ch: 3, ch: 64, ch_mult: [1, 1, 1], num_res_blocks: 1, \
            attn_resolutions: [16], dropout: 0.0}}
            """, to: "remap.yaml")
        try beasts(["generate", "-o", "g.png", "--tokenizer-config", "remap.yaml"]).expectFailure(65, "remap")
        try folder.write(
            try folder.text("remap.yaml").replacingOccurrences(of: "remap: used.npy, ", with: ""), to: "own.yaml")
        try beasts(["generate", "-o", "g.png", "--tokenizer-config", "own.yaml"]).expectSuccess()
        let other = try folder.text("own.yaml").replacingOccurrences(of: "z_channels: 32", with: "z_channels: 16")
        try folder.write(other, to: "other.yaml")
        try beasts(["generate", "-o", "g.png", "--tokenizer-config", "other.yaml"])
            .expectFailure(65, "[32, 64, 3, 3]", "[16, 64, 3, 3]")
        let fewer = try folder.text("own.yaml").replacingOccurrences(of: "n_embed: 512", with: "n_embed: 256")
        try folder.write(fewer, to: "fewer.yaml")
        try beasts(["generate", "-o", "g.png", "--tokenizer-config", "fewer.yaml"]).expectFailure(
            65, "256 codes", "512 codes")
    }

    @Test func `Where pictures cannot be written, their codes are saved`() throws {
        symlink("/dev/full", folder.path("full.png"))
        let outcome = try beasts(["generate", "--count", "2", "-o", "full.png"])
        outcome.expectFailure(74, "full.png", "full.png.codes.npy", "beasts decode cub_gpt")
        let saved = try NumpyArray.read(path: folder.path("full.png.codes.npy"))
        #expect(saved.shape == [2, 256])
        try beasts(["decode", "cub_gpt", "full.png.codes.npy", "-o", "later.png"]).expectSuccess()
        // Codes that have a file of their own are not saved twice.
        unlink(folder.path("full.png.codes.npy"))
        try beasts(["generate", "--count", "1", "-o", "full.png", "--codes", "c.npy"]).expectFailure(74, "full.png")
        #expect(folder.names.contains("c.npy") && !folder.names.contains("full.png.codes.npy"))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func `An interruption keeps the batches that are finished`(signal: Int32) throws {
        let arguments = ["generate", "--count", "4000", "--batch-size", "1", "--backend", "reference"]
        let outputs = ["--each", "out", "-o", "grid.png", "--codes", "c.npy", "--quiet"]
        let program = try Program.built.start((arguments + outputs).map { Array($0.utf8) }, in: folder)
        let deadline = ContinuousClock.now + .seconds(100)
        while !FileManager.default.fileExists(atPath: folder.path("out/sample_0001.png")),
            ContinuousClock.now < deadline
        {
            usleep(20_000)
        }
        program.send(signal)
        let outcome = try program.end()
        #expect(outcome.exitCode == 130)
        let count = try NumpyArray.read(path: folder.path("c.npy")).shape[0]
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("out"))
        #expect(count >= 2 && count < 4000 && files.count == count)
        #expect(folder.names.sorted() == ["c.npy", "grid.png", "out"])
    }

    @Test func `An interruption before anything is finished writes nothing, and a second one ends at once`() throws {
        let arguments = ["generate", "--count", "4096", "--batch-size", "4096", "--backend", "reference", "--quiet"]
        let program = try Program.built.start((arguments + ["--codes", "c.npy"]).map { Array($0.utf8) }, in: folder)
        usleep(700_000)
        program.send(SIGINT)
        usleep(100_000)
        program.send(SIGINT)
        let outcome = try program.end()
        #expect(outcome.exitCode == 130 && folder.names.isEmpty)
    }

    @Test func `Steps and the tokeniser are timed`() throws {
        let outcome = try beasts([
            "bench", "--model", "cub_gpt", "--contexts", "0,200", "--batch-size", "1,3", "--steps", "2", "--repeats",
            "1",
            "--tasks", "tokens,encode,decode", "--format", "csv",
        ])
        outcome.expectSuccess()
        let rows = csvRows(Array(outcome.output.utf8))
        #expect(rows.count == 1 + 4 + 2 + 2)
        #expect(rows.dropFirst().allSatisfy { (Double($0[7]) ?? 0) > 0 })
        try beasts(["bench", "--model", "cub_gpt", "--contexts", "255"]).expectFailure(64, "255", "positions")
        let random = try beasts([
            "bench", "--model", "cub_gpt", "--random-weights", "--steps", "1", "--repeats", "1", "--warm-up", "0",
            "--json",
        ])
        random.expectSuccess()
        #expect(random.output.contains("\"perSecond\""))
    }

    @Test func `Generators are listed and shown`() throws {
        func output(_ arguments: String...) throws -> String {
            let outcome = try Program.built.run(arguments, in: folder)
            outcome.expectSuccess()
            return outcome.output
        }
        let list = try output("list", "--algorithm", "gpt").split(separator: "\n")
        #expect(list.count == 1 + 27 && list.last?.hasPrefix("cub_gpt ") == true)
        let shown = try output("show", "imagenet100_alef")
        #expect(shown.contains("transformer 110417664") && shown.contains("\n  blocks.11.mlp.2.bias "))
        #expect(try output("list", "--architecture", "dalet").contains("imagenet100_dalet"))
    }
}
