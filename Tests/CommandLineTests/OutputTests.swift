// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import Foundation
import Glibc
import Testing

@Suite struct OutputTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func embed(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> Outcome {
        let outcome = try Program.built.run(["embed"] + arguments + Samples.small, in: folder)
        outcome.expectSuccess(sourceLocation: sourceLocation)
        return outcome
    }

    @Test func `All formats hold the same numbers in the order of the input`() throws {
        let names = try Samples.fill(folder, count: 3)
        for ending in ["npy", "safetensors", "csv", "jsonl"] {
            #expect(
                try embed(names.reversed() + ["-o", "out.\(ending)"]).output == "",
                "results in a file are not printed too")
        }
        let array = try NumpyArray.read(path: folder.path("out.npy"))
        #expect(array.shape == [3, 192])
        let numbers = array.floats()
        let rows = (0..<3).map { Array(numbers[$0 * 192..<($0 + 1) * 192]) }
        #expect(try folder.text("out.paths.txt") == "p02.png\np01.png\np00.png\n")

        let lines = try EmbeddingLine.lines(try folder.text("out.jsonl"))
        #expect(lines == zip(names.reversed(), rows).map { EmbeddingLine(path: $0, embedding: $1) })

        let table = csvRows(try folder.bytes("out.csv"))
        #expect(table.first == ["path"] + (0..<192).map { "d\($0)" })
        #expect(table.dropFirst().map { $0[0] } == names.reversed())
        #expect(table.dropFirst().map { $0.dropFirst().compactMap { Float($0) } } == rows)

        let bytes = try folder.bytes("out.safetensors")
        #expect(Array(bytes.suffix(3 * 192 * 4)) == array.bytes)
        let length = bytes.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: [String: Any]]
        #expect(header?["embeddings"]?["shape"] as? [Int] == [3, 192])
        #expect(bytes.count == 8 + length + 3 * 192 * 4)
        let paths = try #require(header?["__metadata__"]?["paths"] as? String)
        #expect(try JSONDecoder().decode([String].self, from: Data(paths.utf8)) == names.reversed())
        #expect(!folder.names.contains { $0.hasSuffix(".partial") || $0.hasSuffix(".errors.csv") })
    }

    @Test func `Results do not depend on batch size and threads`() throws {
        let names = try Samples.fill(folder, count: 7)
        var results: Set<[UInt8]> = []
        for (batchSize, threads) in [(1, 1), (2, 3), (3, 2), (7, 1), (64, 16)] {
            _ = try embed(names + ["-o", "out.npy", "--batch-size", "\(batchSize)", "--threads", "\(threads)"])
            results.insert(try folder.bytes("out.npy"))
        }
        #expect(results.count == 1)
    }

    @Test(arguments: [("cls", [2, 192]), ("mean", [2, 192]), ("patch", [2, 4, 192])])
    func `Tokens and layers decide the shape, and normalised rows have length 1`(token: String, shape: [Int]) throws {
        let names = try Samples.fill(folder, count: 2)
        let options = ["--token", token, "--layer", "blocks.2.norm", "--normalize", "-o", "out.npy"]
        _ = try embed(names + options)
        let array = try NumpyArray.read(path: folder.path("out.npy"))
        #expect(array.shape == shape)
        let numbers = array.floats()
        for start in stride(from: 0, to: numbers.count, by: 192) {
            let squares = numbers[start..<start + 192].reduce(0.0) { $0 + Double($1) * Double($1) }
            #expect(abs(squares - 1) < 1e-5)
        }
    }

    @Test func `Several layers of one run are named arrays of one file, the same in every format`() throws {
        let names = try Samples.fill(folder, count: 3)
        let layers = ["norm", "blocks.0", "blocks.3.norm"]
        // Where a picture cannot be read, its place must not stay empty in any array.
        try folder.write("no picture", to: "bad.png")
        for ending in ["npz", "safetensors", "csv", "jsonl"] {
            let arguments = names + ["bad.png", "--layer", "norm,blocks.0", "--layer", "blocks.3.norm"]
            let outcome = try Program.built.run(
                ["embed"] + arguments + ["-o", "out.\(ending)"] + Samples.small, in: folder)
            #expect(outcome.exitCode == 3)
        }
        var expected: [[Float]] = []
        for layer in layers {
            _ = try embed(names + ["--layer", layer, "-o", "one.npy"])
            expected.append(try NumpyArray.read(path: folder.path("one.npy")).floats())
        }
        #expect(Set(expected).count == 3)

        let weights = try Checkpoint.open(path: folder.path("out.safetensors")).weights()
        #expect(weights.tensorNames == layers.sorted())
        for (layer, numbers) in zip(layers, expected) {
            #expect(weights.shape(of: layer) == [3, 192])
            #expect(try weights.withTensor(layer) { Array($0.bytes.bindMemory(to: Float.self)) } == numbers)
        }
        let lines = try folder.text("out.jsonl").split(separator: "\n")
        for (index, line) in lines.enumerated() {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let embeddings = try #require(object?["embeddings"] as? [String: [Double]])
            for (layer, numbers) in zip(layers, expected) {
                #expect(embeddings[layer]?.map(Float.init) == Array(numbers[index * 192..<(index + 1) * 192]))
            }
        }
        let table = csvRows(try folder.bytes("out.csv"))
        #expect(table.dropFirst().map { Array($0.prefix(2)) } == names.flatMap { name in layers.map { [name, $0] } })
        #expect(table[2].dropFirst(2).compactMap { Float($0) } == Array(expected[1].prefix(192)))
        try checkArchive(try folder.bytes("out.npz"), names: layers, expected: expected, paths: names)
        #expect(!folder.names.contains { $0.hasSuffix(".partial") })
    }

    /// Reads a `.npz` by its directory, as NumPy does.
    private func checkArchive(_ bytes: [UInt8], names: [String], expected: [[Float]], paths: [String]) throws {
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
        }
        let end = bytes.count - 22
        #expect(number(end, 4) == 0x0605_4B50 && number(end + 10, 2) == names.count + 1)
        var entry = number(end + 16, 4)
        for (index, name) in (names + ["paths"]).enumerated() {
            #expect(number(entry, 4) == 0x0201_4B50)
            let (size, nameLength, offset) = (number(entry + 24, 4), number(entry + 28, 2), number(entry + 42, 4))
            #expect(String(decoding: bytes[entry + 46..<entry + 46 + nameLength], as: UTF8.self) == name + ".npy")
            let start = offset + 30 + number(offset + 26, 2) + number(offset + 28, 2)
            let member = Array(bytes[start..<start + size])
            var checksum = ZipChecksum()
            member.withUnsafeBytes { checksum.append($0) }
            #expect(Int(checksum.value) == number(entry + 16, 4) && Int(checksum.value) == number(offset + 14, 4))
            #expect(number(offset + 30 + nameLength + 4, 8) == size, "the local header has the size too")
            if index < names.count {
                try folder.write(member, to: "member.npy")
                let array = try NumpyArray.read(path: folder.path("member.npy"))
                #expect(array.shape == [3, 192] && array.floats() == expected[index])
            } else {
                let text = String(decoding: member.dropFirst(128).filter { $0 != 0 }, as: UTF8.self)
                #expect(text == paths.joined())
            }
            entry += 46 + nameLength + number(entry + 30, 2)
        }
    }

    @Test func `Layers that cannot lie in one file are refused before anything is computed`() throws {
        let names = try Samples.fill(folder, count: 1)
        for (arguments, reason) in [
            (["--layer", "norm,blocks.0", "-o", "out.npy"], "use .npz or .safetensors"),
            (["--layer", "norm,norm", "-o", "out.npz"], "asked for twice"),
            (["--layer", "blocks.6", "-o", "out.npz"], "has no layer 'blocks.6'"),
            (["--layer", "norm,", "-o", "out.npz"], "has no layer ''"),
            (["--model", "dino_s_resnext50", "--token", "cls", "-o", "out.npy"], "has no CLS token"),
            (["--model", "dino_s_resnext50", "--layer", "layer1,layer2", "-o", "out.csv"], "different length"),
        ] {
            let outcome = try Program.built.run(["embed"] + names + arguments + Samples.small, in: folder)
            outcome.expectFailure(64)
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        }
        #expect(!folder.names.contains { $0.hasPrefix("out") })
    }

    @Test func `Patches in CSV are numbered`() throws {
        let names = try Samples.fill(folder, count: 2)
        _ = try embed(names + ["--token", "patch", "-o", "out.csv"])
        let table = csvRows(try folder.bytes("out.csv"))
        #expect(
            table.map { Array($0.prefix(2)) } == [["path", "patch"]]
                + names.flatMap { name in (0..<4).map { [name, "\($0)"] } })
        #expect(table.allSatisfy { $0.count == 2 + 192 })
    }

    @Test func `Names with newlines, commas, quotes and backslashes come back whole`() throws {
        let names = [
            "a,b.png", "c\"d\".png", "e\nf.png", "g\r\nh.png", "i\\n.png", "\u{1B}[31mj.png", "\"\u{301}k.png",
            "l\r.png",
        ]
        for (index, name) in names.enumerated() { try folder.write(try Samples.picture(index), to: name) }
        try folder.write("no picture", to: "bad\r\n\",.png")
        for ending in ["npy", "csv", "jsonl"] {
            let outcome = try Program.built.run(
                ["embed"] + names + ["bad\r\n\",.png"] + Samples.small + ["-o", "out.\(ending)"], in: folder)
            #expect(outcome.exitCode == 3)
            #expect(outcome.errorLines.count == 1)
            #expect(
                outcome.errors.split(separator: "\n").count == 1 && !outcome.errors.contains("\u{1B}"),
                "\(outcome.errors)")
            #expect(csvRows(try folder.bytes("out.errors.csv")).map { $0.count } == [2, 2])
            #expect(csvRows(try folder.bytes("out.errors.csv")).last?[0] == "bad\r\n\",.png")
        }
        #expect(csvRows(try folder.bytes("out.csv")).dropFirst().map { $0[0] } == names)
        #expect(try EmbeddingLine.lines(try folder.text("out.jsonl")).map(\.path) == names)
        let lines = try folder.bytes("out.paths.txt").split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        #expect(lines.count == names.count + 1 && !lines.joined().contains(UInt8(ascii: "\r")))
        // The reader of the list gets the names back.
        let outcome = try Program.built.run(
            ["neighbours", "out.npy", "--queries", "\(names.count)", "--json"], in: folder)
        struct Row: Decodable { let query: String }
        #expect(try JSONDecoder().decode([Row].self, from: Data(outcome.output.utf8)).map(\.query) == names)
    }

    @Test func `The summary is JSON on standard output`() throws {
        let names = try Samples.fill(folder, count: 2)
        let outcome = try Program.built.run(
            ["embed"] + names + ["gone.png", "-o", "out.npy", "--json"] + Samples.small, in: folder)
        #expect(outcome.exitCode == 3)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(report["model"] as? String == "cub_dino_vitt8")
        #expect(report["backend"] as? String == "reference")
        #expect(report["output"] as? String == "out.npy")
        #expect(report["pictures"] as? Int == 2)
        #expect(report["shape"] as? [Int] == [2, 192])
        #expect((report["failures"] as? [[String: String]])?.map { $0["path"] } == ["gone.png"])
        try Program.built.run(["embed", "p00.png", "--json"], in: folder).expectFailure(64, "--json needs -o")
    }

    @Test func `Standard output takes lines, also where it is a file that is appended to`() throws {
        _ = try Samples.fill(folder, count: 1)
        try folder.write("before\n", to: "results")
        for arguments in [[], ["-o", "-"], ["-o", "/dev/stdout"], ["-o", "/dev/fd/1"], ["-o", "/proc/self/fd/1"]] {
            let outcome = try Program.built.run(
                ["embed", "p00.png"] + Samples.small + arguments, in: folder, output: .path(folder.path("results")))
            outcome.expectSuccess()
        }
        let text = try folder.text("results")
        #expect(text.hasPrefix("before\n"))
        #expect(try EmbeddingLine.lines(String(text.dropFirst(7))).map(\.path) == Array(repeating: "p00.png", count: 5))
    }

    @Test func `A device is written directly and stays a device`() throws {
        _ = try Samples.fill(folder, count: 1)
        try Program.built.run(["embed", "p00.png", "-o", "/dev/full"] + Samples.small, in: folder)
            .expectFailure(74, "/dev/full", "No space left")
        _ = try embed(["p00.png", "-o", "/dev/null"])
        for device in ["/dev/full", "/dev/null"] {
            var information = stat()
            #expect(lstat(device, &information) == 0 && information.st_mode & S_IFMT == S_IFCHR)
        }
        try folder.link("null.csv", to: "/dev/null")
        _ = try embed(["p00.png", "-o", "null.csv"])
        #expect(folder.names == ["null.csv", "p00.png"])
        try folder.link("null.npy", to: "/dev/null")
        try Program.built.run(["embed", "p00.png", "-o", "null.npy"] + Samples.small, in: folder)
            .expectFailure(64, "null.npy", "needs a regular file")
    }

    @Test func `A named pipe is written directly, once, and stays a pipe`() throws {
        _ = try Samples.fill(folder, count: 2)
        mkfifo(folder.path("x.jsonl"), 0o644)
        let reader = try Program(path: "/bin/cat").start([Array("x.jsonl".utf8)], in: folder)
        let outcome = try Program.built.run(
            ["embed", "p00.png", "gone.png", "p01.png", "-o", "x.jsonl"] + Samples.small, in: folder)
        #expect(outcome.exitCode == 3, "\(outcome.errors)")
        #expect(try EmbeddingLine.lines(try reader.end().output).map(\.path) == ["p00.png", "p01.png"])
        var information = stat()
        #expect(lstat(folder.path("x.jsonl"), &information) == 0 && information.st_mode & S_IFMT == S_IFIFO)
        #expect(folder.names == ["p00.png", "p01.png", "x.jsonl"])
    }

    @Test func `A link stays a link and its target is replaced, also one that leads nowhere yet`() throws {
        _ = try Samples.fill(folder, count: 1)
        try folder.write("old", to: "there/target.npy")
        try folder.link("link.npy", to: "there/target.npy")
        try folder.link("new.npy", to: "there/new-target.npy")
        chmod(folder.path("there/target.npy"), 0o640)
        for name in ["link.npy", "new.npy"] {
            _ = try embed(["p00.png", "-o", name])
            var information = stat()
            #expect(lstat(folder.path(name), &information) == 0 && information.st_mode & S_IFMT == S_IFLNK)
            #expect(try NumpyArray.read(path: folder.path(name)).shape == [1, 192])
        }
        var information = stat()
        #expect(lstat(folder.path("there/target.npy"), &information) == 0 && information.st_mode & S_IFMT == S_IFREG)
        #expect(information.st_mode & 0o777 == 0o640, "the mode of a file that is replaced is kept")
    }

    @Test func `A list of failures from an earlier run goes away`() throws {
        _ = try Samples.fill(folder, count: 1)
        #expect(
            try Program.built.run(["embed", "p00.png", "gone.png", "-o", "out.npy"] + Samples.small, in: folder)
                .exitCode == 3)
        #expect(folder.exists("out.errors.csv"))
        _ = try embed(["p00.png", "-o", "out.npy"])
        #expect(folder.names == ["out.npy", "out.paths.txt", "p00.png"])
    }

    @Test func `An output that cannot be is refused at once and leaves nothing`() throws {
        _ = try Samples.fill(folder, count: 1)
        mkdir(folder.path("folder.npy"), 0o755)
        mkdir(folder.path("list.errors.csv"), 0o755)
        func refuse(_ output: String, _ code: Int32, _ part: String, sourceLocation: SourceLocation = #_sourceLocation)
            throws
        {
            try Program.built.run(["embed", "p00.png", "-o", output, "--quiet"], in: folder)
                .expectFailure(code, part, sourceLocation: sourceLocation)
        }
        try refuse("nowhere/out.npy", 73, "nowhere/out.npy")
        try refuse("folder.npy", 73, "folder")
        try refuse("out.npy/", 73, "cannot end in /")
        try refuse("p00.png/out.npy", 73, "Not a directory")
        try refuse("list.npy", 73, "list.errors.csv")
        try refuse(String(repeating: "x", count: 260) + ".npy", 73, "too long")
        try refuse(String(repeating: "x", count: 248) + ".npy", 73, "too long")
        try refuse("", 64, "empty")
        try refuse("out", 64, ".npy, .npz, .safetensors, .csv, .jsonl")
        try refuse("out.nyp", 64, "did you mean .npy?")
        #expect(folder.names == ["folder.npy", "list.errors.csv", "p00.png"])
    }

    @Test func `An output that is also an input is refused, by whatever name`() throws {
        let picture = try Samples.picture(1)
        try folder.write(picture, to: "in.npy")
        try folder.link("soft.npy", to: "in.npy")
        link(folder.path("in.npy"), folder.path("hard.npy"))
        try folder.write(picture, to: "out.errors.csv")
        for output in ["in.npy", "./in.npy", "soft.npy", "hard.npy"] {
            try Program.built.run(["embed", "in.npy", "-o", output, "--quiet"], in: folder).expectFailure(
                64, "also an input")
        }
        try Program.built.run(["embed", "out.errors.csv", "-o", "out.csv", "--quiet"], in: folder)
            .expectFailure(64, "beside the output")
        #expect(try folder.bytes("in.npy") == picture)
        #expect(try folder.bytes("out.errors.csv") == picture)
    }
}
