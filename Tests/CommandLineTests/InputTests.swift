// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

@Suite struct InputTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The paths of the results, in order.
    private func paths(_ arguments: [String], input: [UInt8] = []) throws -> [String] {
        let outcome = try Program.built.run(["embed"] + arguments + Samples.small, in: folder, input: input)
        outcome.expectSuccess()
        return try EmbeddingLine.lines(outcome.output).map(\.path)
    }

    @Test func `A folder is searched through and sorted by whole paths; hidden files and other files are left out`() throws {
        for name in [
            "in/b.png", "in/a.png", "in/a/z.png", "in/a/b/c.PNG", "in/a-b/x.png", "in/.hidden.png", "in/.git/x.png",
        ] { try folder.write(try Samples.picture(1), to: name) }
        try folder.write("no picture", to: "in/notes.txt")
        let sorted = ["in/a-b/x.png", "in/a.png", "in/a/b/c.PNG", "in/a/z.png", "in/b.png"]
        #expect(try paths(["in"]) == sorted)
        #expect(try paths(["in/"]) == sorted)
    }

    @Test func `Links in a circle end`() throws {
        try folder.write(try Samples.picture(1), to: "in/a.png")
        try folder.link("in/circle", to: "..")
        try folder.link("in/self", to: ".")
        #expect(try paths(["in"]) == ["in/a.png"])
    }

    @Test func `Files keep the order in which they are named, and may be named twice`() throws {
        _ = try Samples.fill(folder, count: 3)
        #expect(try paths(["p02.png", "p00.png", "p02.png"]) == ["p02.png", "p00.png", "p02.png"])
    }

    @Test func `Patterns stand for what they match, sorted, unless a file has that very name`() throws {
        _ = try Samples.fill(folder, count: 3)
        try folder.write(try Samples.picture(9), to: "p[0].png")
        #expect(try paths(["p*[12].png"]) == ["p01.png", "p02.png"])
        #expect(try paths(["p0?.png"]) == ["p00.png", "p01.png", "p02.png"])
        #expect(try paths(["p[0].png"]) == ["p[0].png"])
    }

    @Test func `A dash stands for the list on standard input`() throws {
        _ = try Samples.fill(folder, count: 3)
        #expect(try paths(["p00.png", "-"], input: Array("p02.png\r\n\np01.png".utf8)) == ["p00.png", "p02.png", "p01.png"])
    }

    @Test func `A list with zero bytes may hold names with newlines`() throws {
        try folder.write(try Samples.picture(1), to: "two\nlines.png")
        try folder.write(try Samples.picture(2), to: "b.png")
        #expect(try paths(["-"], input: Array("two\nlines.png\0b.png\0".utf8)) == ["two\nlines.png", "b.png"])
    }

    @Test func `No input is one line that says so`() throws {
        try Program.built.run(["embed"], in: folder).expectFailure(64, "no pictures given")
        try Program.built.run(["embed", "-", "--quiet"], in: folder).expectFailure(66, "standard input holds no path")
        try Program.built.run(["embed", "-", "-", "--quiet"], in: folder, input: Array("a.png\n".utf8))
            .expectFailure(64, "- is given twice")
        mkdir(folder.path("empty"), 0o755)
        try Program.built.run(["embed", "empty", "--quiet"], in: folder).expectFailure(66, "empty", "no pictures in this folder")
        try Program.built.run(["embed", "*.png", "--quiet"], in: folder).expectFailure(66, "*.png", "no file matches")
        try Program.built.run(["embed", "gone.png", "--quiet"], in: folder).expectFailure(66, "gone.png", "No such file")
        try Program.built.run(["embed", "", "--quiet"], in: folder).expectFailure(66, "its name is empty")
    }

    @Test func `What is no regular file is refused without waiting`() throws {
        mkfifo(folder.path("pipe.png"), 0o644)
        try Program.built.run(["embed", "pipe.png", "--quiet"], in: folder).expectFailure(66, "pipe.png", "a pipe")
        try Program.built.run(["embed", "/dev/zero", "--quiet"], in: folder).expectFailure(66, "/dev/zero", "a device")
    }

    @Test func `A link that leads nowhere is reported and not passed over`() throws {
        try folder.write(try Samples.picture(1), to: "in/a.png")
        try folder.link("in/b.png", to: "nowhere.png")
        let outcome = try Program.built.run(["embed", "in"] + Samples.small, in: folder)
        #expect(outcome.exitCode == 3)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errorLines.first?.contains("in/b.png") == true)
    }

    @Test func `A name that is not UTF-8 is reported, wherever it comes from`() throws {
        let name = [UInt8](folder.path.utf8) + Array("/in/caf".utf8) + [0xE9] + Array(".png".utf8)
        try folder.write(try Samples.picture(1), to: "in/a.png")
        let descriptor = (name + [0]).map { CChar(bitPattern: $0) }.withUnsafeBufferPointer {
            open($0.baseAddress!, O_WRONLY | O_CREAT, 0o644)
        }
        try #require(descriptor >= 0)
        close(descriptor)

        let options = (Samples.small + ["-o", "out.csv"]).map { Array($0.utf8) }
        let ways: [(arguments: [String], raw: [[UInt8]], input: [UInt8])] = [
            (["in"], [], []), (["in/a.png", "-"], [], name), (["in/a.png"], [name], []),
        ]
        for way in ways {
            let arguments = (["embed"] + way.arguments).map { Array($0.utf8) } + way.raw + options
            let outcome = try Program.built.start(arguments, in: folder, input: way.input).end()
            #expect(outcome.exitCode == 3, "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errorLines.first?.contains("must be UTF-8") == true)
            #expect(csvRows(try folder.bytes("out.csv")).map(\.[0]) == ["path", "in/a.png"])
            #expect(csvRows(try folder.bytes("out.errors.csv")).count == 2)
        }
    }

    /// A program that may do less than its owner; nil where that cannot be arranged.
    private static let unprivileged: (program: Program, arguments: [String])? = {
        if geteuid() != 0 { return (.built, []) }
        guard access("/usr/bin/setpriv", X_OK) == 0 else { return nil }
        return (Program(path: "/usr/bin/setpriv"), ["--reuid=65534", "--regid=65534", "--clear-groups", Program.built.path])
    }()

    @Test(.enabled(if: unprivileged != nil, "root may read everything, and setpriv is not here"))
    func `What may not be read is reported as such`() throws {
        let (program, first) = try #require(InputTests.unprivileged)
        try folder.write(try Samples.picture(1), to: "in/a.png")
        try folder.write(try Samples.picture(2), to: "in/b.png")
        try folder.write(try Samples.picture(3), to: "in/closed/c.png")
        try folder.write(try Samples.picture(3), to: "shut/c.png")
        chmod(folder.path("in/b.png"), 0)
        chmod(folder.path("in/closed"), 0)
        chmod(folder.path("shut"), 0)
        defer { for name in ["in/closed", "shut"] { chmod(folder.path(name), 0o755) } }

        try program.run(first + ["embed", "in/b.png", "--quiet"], in: folder).expectFailure(66, "in/b.png", "Permission denied")
        try program.run(first + ["embed", "shut", "--quiet"], in: folder).expectFailure(66, "shut", "Permission denied")
        let outcome = try program.run(first + ["embed", "in"] + Samples.small, in: folder)
        #expect(outcome.exitCode == 3)
        #expect(outcome.errorLines.count == 2, "\(outcome.errors)")
        #expect(outcome.errorLines.allSatisfy { $0.contains("Permission denied") })
        #expect(try EmbeddingLine.lines(outcome.output).map(\.path) == ["in/a.png"])
        chmod(folder.path, 0o555)
        try program.run(first + ["embed", "in/a.png", "--quiet", "-o", "out.npy"], in: folder)
            .expectFailure(73, "out.npy", "Permission denied")
        chmod(folder.path, 0o755)
    }
}
