// SPDX-License-Identifier: MIT
import BeastMedia
import Foundation
import Testing

@Suite struct CompletionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func complete(_ arguments: [String]) throws -> Outcome {
        try Program.built.run(
            ["complete", "cub_mae_vitt8"] + arguments + ["--backend", "reference", "--quiet"], in: folder)
    }

    @Test func `Pictures are completed into a folder and onto a sheet, the same for every batch size`() throws {
        let names = try Samples.fill(folder, count: 3)
        var results: Set<[[UInt8]]> = []
        for batchSize in ["1", "2", "8"] {
            try complete(names + ["--each", "out", "-o", "sheet.png", "--batch-size", batchSize]).expectSuccess()
            results.insert(try (names.map { "out/\($0)" } + ["sheet.png"]).map { try folder.bytes($0) })
        }
        #expect(results.count == 1)
        let sheet = try Picture(contentsOfFile: folder.path("sheet.png"))
        #expect(sheet.width == 4 * 132 + 4 && sheet.height == 3 * 132 + 4)
        let completed = try Picture(contentsOfFile: folder.path("out/p00.png"))
        #expect(completed.width == 64 && completed.height == 64)
    }

    @Test func `What is seen is kept, a seed hides the same patches, and no hidden patch leaves the picture as it was`()
        throws
    {
        let size = 64
        try folder.write(try Samples.picture(5, width: size, height: size), to: "a.png")
        let original = try Picture(contentsOfFile: folder.path("a.png"))
        func result(_ options: [String]) throws -> Picture {
            try complete(["a.png", "--each", "out"] + options).expectSuccess()
            return try Picture(contentsOfFile: folder.path("out/a.png"))
        }
        /// Patches whose pixels all stayed.
        func kept(_ picture: Picture) -> Set<Int> {
            Set(
                (0..<64).filter { patch in
                    (0..<64).allSatisfy { pixel in
                        let index = ((patch / 8 * 8 + pixel / 8) * size + patch % 8 * 8 + pixel % 8) * 3
                        return picture.pixels[index..<index + 3].elementsEqual(original.pixels[index..<index + 3])
                    }
                })
        }
        #expect(try result(["--mask-ratio", "0"]) == original)
        let first = try result([])
        #expect(kept(first).count == 16, "a quarter of 64 patches is seen")
        #expect(try result([]) == first)
        #expect(kept(try result(["--seed", "2"])) != kept(first))
        #expect(kept(try result(["--mask-ratio", "0.5"])).count == 32)
    }

    @Test func `Pictures of one name do not overwrite each other`() throws {
        for name in ["x", "y"] {
            try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
        }
        for name in ["x/a.png", "y/a.png"] { try folder.write(try Samples.picture(1), to: name) }
        try complete(["x", "y", "--each", "out"]).expectSuccess()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path("out")).sorted() == ["a.png", "a_2.png"])
    }

    @Test func `A picture that cannot be read is reported, and the others are completed`() throws {
        let names = try Samples.fill(folder, count: 2)
        try folder.write("no picture", to: "bad.png")
        let outcome = try complete(["bad.png"] + names + ["--each", "out", "--json"])
        #expect(outcome.exitCode == 3)
        let report = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect((report?["pictures"] as? [[String: Any]])?.map { $0["path"] as? String } == names)
        #expect((report?["failures"] as? [[String: Any]])?.count == 1)
        #expect(report?["meanSquaredError"] as? Double ?? 0 > 0)
    }

    @Test func `What cannot be done is refused with a reason`() throws {
        let names = try Samples.fill(folder, count: 1)
        for (arguments, code, reason) in [
            (["complete", "dino_s_vitb14"] + names + ["-o", "s.png"], 64, "cannot complete pictures"),
            (["complete", "cub_mae_vitt8"] + names, 64, "no output"),
            (["complete", "cub_mae_vitt8", "-o", "s.png"], 64, "no pictures"),
            (["complete", "cub_mae_vitt8"] + names + ["-o", "s.jpg"], 64, "a sheet is a .png file"),
            (["complete", "cub_mae_vitt8"] + names + ["-o", "p00.png"], 64, "also an input"),
            (["complete", "cub_mae_vitt8"] + names + ["--each", "."], 64, "over an input"),
            (["complete", "cub_mae_vitt8"] + names + ["-o", "no/s.png"], 73, "its folder is not there"),
            (["complete", "cub_mae_vitt8"] + names + ["-o", "s.png", "--mask-ratio", "1"], 64, "mask-ratio"),
            (["complete", "cub_mae_vitt8"] + names + ["-o", "s.png", "--mask-ratio", "nan"], 64, "mask-ratio"),
            (["complete", "cub_mae_vitt8", "none.png", "-o", "s.png"], 66, "none.png"),
        ] {
            let outcome = try Program.built.run(arguments + ["--backend", "reference"], in: folder)
            outcome.expectFailure(Int32(code))
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        }
        #expect(folder.names == ["p00.png"])
    }
}
