// SPDX-License-Identifier: MIT
import BeastMedia
import Foundation
import Testing

@Suite struct FailureTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `Bad pictures are one line and one row each, and the others are written`() throws {
        let whole = try Samples.picture(1, width: 64, height: 64)
        try folder.write(whole, to: "a.png")
        try folder.write(Array(whole.prefix(whole.count / 2)), to: "b.png")
        try folder.write(Samples.hugePNG, to: "c.png")
        try folder.write("", to: "d.png")
        try folder.write("no picture at all, just words", to: "e.png")
        try folder.write(try Samples.picture(2), to: "f.png")
        let bad = ["b.png", "c.png", "d.png", "e.png"]

        let outcome = try Program.built.run(["embed", ".", "-o", "out.csv"] + Samples.small, in: folder)
        #expect(outcome.exitCode == 3)
        #expect(outcome.output == "")
        #expect(outcome.errors.split(separator: "\n").count == bad.count, "\(outcome.errors)")
        for (name, reason) in zip(bad, ["cut short", "60000 x 60000", "empty", "cannot"]) {
            #expect(outcome.errorLines.contains { $0.contains(name) && $0.contains(reason) }, "\(name): \(outcome.errors)")
        }
        #expect(csvRows(try folder.bytes("out.csv")).map { $0[0] } == ["path", "./a.png", "./f.png"])
        let rows = csvRows(try folder.bytes("out.errors.csv"))
        #expect(rows.first == ["path", "reason"])
        #expect(rows.dropFirst().map { $0[0] } == bad.map { "./" + $0 })
        #expect(rows.dropFirst().allSatisfy { $0.count == 2 && !$0[1].contains($0[0]) && $0[1].count > 10 })
    }

    @Test func `Truncated pictures are taken when that is asked for`() throws {
        let whole = try Samples.picture(1, width: 64, height: 64)
        try folder.write(Array(whole.prefix(whole.count / 2)), to: "b.png")
        try Program.built.run(["embed", "b.png", "--quiet"], in: folder).expectFailure(65, "b.png", "cut short")
        try Program.built.run(["embed", "b.png", "--allow-truncated"] + Samples.small, in: folder).expectSuccess()
    }

    @Test func `When asked to, the first failure ends it, and the old output stays`() throws {
        _ = try Samples.fill(folder, count: 2)
        try folder.write("old", to: "out.npy")
        try Program.built.run(["embed", "p00.png", "gone.png", "p01.png", "--fail-fast", "-o", "out.npy"] + Samples.small, in: folder)
            .expectFailure(66, "gone.png", "nothing was written")
        #expect(try folder.text("out.npy") == "old")
        #expect(folder.names == ["out.npy", "p00.png", "p01.png"])
    }

    @Test func `When no picture can be read, nothing is written`() throws {
        let outcome = try Program.built.run(["embed", "gone.png", "lost.png", "-o", "out.npy"] + Samples.small, in: folder)
        #expect(outcome.exitCode == 66)
        #expect(outcome.errorLines.count == 3)
        #expect(outcome.errorLines.last?.contains("none of the 2 pictures") == true)
        #expect(folder.names == [])
    }

    @Test(arguments: [
        (["--batch-size", "0"], "--batch-size 0"), (["--batch-size", "-1"], "--batch-size"), (["--batch-size", "x"], "'x'"),
        (["--threads", "0"], "--threads 0"), (["--size", "0"], "--size 0"), (["--size", "4"], "less than one patch"),
        (["--size", "99999999999999999999"], "--size"), (["--layer", "blocks.99"], "blocks.99"), (["--layer", "head"], "head"),
        (["--token", "foo"], "cls, mean and patch"), (["--bogus"], "--bogus"), (["--backend", ""], "no name"),
        (["--backend", "reference:-1"], "numbered from 0"),
    ])
    func `Wrong options are one line that names them`(options: [String], part: String) throws {
        _ = try Samples.fill(folder, count: 1)
        try Program.built.run(["embed", "p00.png", "--quiet"] + options, in: folder).expectFailure(64, part)
    }

    @Test func `Unknown models and commands offer what there is`() throws {
        _ = try Samples.fill(folder, count: 1)
        try Program.built.run(["embed", "p00.png", "--model", "dino_s_vitb41"], in: folder)
            .expectFailure(64, "dino_s_vitb41", "did you mean dino_s_vitb14")
        try Program.built.run(["show", "cub_dino"], in: folder).expectFailure(64, "cub_dino")
        try Program.built.run(["emebd", "p00.png"], in: folder).expectFailure(64, "no command 'emebd'", "embed")
        try Program.built.run(["--emebd"], in: folder).expectFailure(64, "--emebd")
    }

    @Test func `Weights that are missing or no checkpoint say so`() throws {
        _ = try Samples.fill(folder, count: 1)
        try folder.write("not a checkpoint", to: "w.pth")
        try Program.built.run(["embed", "p00.png", "--weights", "gone.pth"] + Samples.small, in: folder)
            .expectFailure(66, "gone.pth", "No such file")
        try Program.built.run(["embed", "p00.png", "--weights", "w.pth"] + Samples.small, in: folder)
            .expectFailure(65, "w.pth", "not a checkpoint")
        try Program.built.run(["embed", "p00.png", "--weights", "."] + Samples.small, in: folder).expectFailure(66, "folder")
    }

    @Test func `Messages stay one line whatever a name holds`() throws {
        for name in ["a\nb\u{1B}[31m.png", "a\r\nb.png", "a\u{2028}b.png"] {
            try Program.built.run(["embed", name, "--quiet"], in: folder).expectFailure(66)
            try Program.built.run(["embed", "x", "-o", "nowhere/\(name)", "--quiet"], in: folder).expectFailure(64)
            try Program.built.run(["embed", "x", "-o", "nowhere/\(name).npy", "--quiet"], in: folder).expectFailure(73)
            try Program.built.run(["embed", "x", "--backend", name, "--quiet"], in: folder).expectFailure(69)
            try Program.built.run(["embed", "x", "--model", name, "--quiet"], in: folder).expectFailure(64)
            try Program.built.run(["embed", "x", "--size", name, "--quiet"], in: folder).expectFailure(64)
            try Program.built.run([name], in: folder).expectFailure(64)
        }
    }
}
