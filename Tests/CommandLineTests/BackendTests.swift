// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

@Suite struct BackendTests {
    private let folder: TemporaryFolder
    /// The program alone in a folder, without any backend beside it.
    private let lonely: Program
    private let small = ["--size", "16", "--quiet"]
    private let library = Program.folder + "/" + Program.backendName

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(try Samples.picture(1), to: "p.png")
        mkdir(folder.path("bin"), 0o755)
        lonely = Program(path: folder.path("bin/beasts"))
        // Copied by another program: a descriptor for writing that a child inherits by chance would keep it from running.
        try Program(path: "/bin/cp").run([Program.built.path, lonely.path], in: folder).expectSuccess()
    }

    /// What the program needs of the Swift runtime lies beside the one that was built.
    private func run(_ arguments: [String], path: String? = nil) throws -> Outcome {
        try lonely.run(arguments, in: folder, environment: path.map { ["BEASTS_BACKEND_PATH": $0] } ?? [:])
    }

    private struct Candidate: Decodable {
        let path: String
        let place: String
        let outcome: String
        let reason: String?
        let name: String?
    }

    private func candidates(path: String? = nil) throws -> (Int32, [Candidate]) {
        let outcome = try run(["backends", "--json"], path: path)
        return (outcome.exitCode, try JSONDecoder().decode([Candidate].self, from: Data(outcome.output.utf8)))
    }

    @Test func `Without its library a backend is not there, and the message says where it was looked for`() throws {
        let embed = ["embed", "p.png"] + small
        try run(embed).expectFailure(69, "no backend can run here", folder.path("bin"), "lib/beasts", "BEASTS_BACKEND_PATH is not set")
        try run(embed + ["--backend", "reference"]).expectFailure(69, "no backend 'reference'", folder.path("bin"))
        #expect(try candidates().0 == 69)
        #expect(try run(["backends"]).output.contains("no backend library was found"))
    }

    @Test func `A backend that is not there is never replaced by another`() throws {
        try Program.built.run(["embed", "p.png", "--backend", "nonesuch"] + small, in: folder)
            .expectFailure(69, "no backend 'nonesuch'", "there is", "reference", Program.folder)
        try Program.built.run(["embed", "p.png", "--backend", "reference:7"] + small, in: folder)
            .expectFailure(69, "device 7")
        try Program.built.run(["embed", "p.png", "--backend", "./gone.so"] + small, in: folder)
            .expectFailure(69, "gone.so")
        try folder.write("no library", to: "fake.so")
        try Program.built.run(["embed", "p.png", "--backend", "fake.so"] + small, in: folder)
            .expectFailure(69, "fake.so", "file too short")
    }

    @Test func `The variable names folders and files, and the library is found in both`() throws {
        for path in [Program.folder, library, "/nonexistent:" + Program.folder, ":" + library + ":"] {
            let outcome = try run(["embed", "p.png", "--backend", "reference"] + small, path: path)
            outcome.expectSuccess()
            #expect(try EmbeddingLine.lines(outcome.output).count == 1)
        }
        try run(["embed", "p.png", "--backend", library] + small).expectSuccess()
    }

    @Test func `A library beside the program or in ../lib/beasts is found, one in the working folder is not`() throws {
        for place in ["bin", "lib/beasts"] {
            try FileManager.default.createDirectory(atPath: folder.path(place), withIntermediateDirectories: true)
            let copy = folder.path("\(place)/\(Program.backendName)")
            try FileManager.default.copyItem(atPath: library, toPath: copy)
            try run(["embed", "p.png"] + small).expectSuccess()
            try FileManager.default.removeItem(atPath: copy)
        }
        try FileManager.default.copyItem(atPath: library, toPath: folder.path(Program.backendName))
        #expect(try run(["embed", "p.png"] + small).exitCode == 69)
    }

    @Test func `Every candidate is listed with what became of it`() throws {
        try FileManager.default.copyItem(atPath: library, toPath: folder.path("bin/" + Program.backendName))
        try folder.write("no library", to: "others/libBeastsBrokenBackend.so")
        try folder.write("not looked at", to: "others/libother.so")
        let (code, list) = try candidates(path: "/nonexistent:\(folder.path("others")):\(library)")
        #expect(code == 0)
        #expect(list.map(\.path) == [
            "/nonexistent", folder.path("others/libBeastsBrokenBackend.so"), library, folder.path("bin/" + Program.backendName),
        ])
        #expect(list.map(\.outcome) == ["file missing", "cannot be loaded", "usable", "shadowed"])
        #expect(list[1].reason?.contains("file too short") == true)
        #expect(list.map(\.name) == [nil, nil, "reference", "reference"])
        let text = try run(["backends", "--verbose"], path: "/nonexistent:" + library).output
        for part in ["* reference", "usable", "score", "/nonexistent", "file missing", "shadowed", "contract", "searched"] {
            #expect(text.contains(part), "\(part): \(text)")
        }
    }

    @Test func `The choice is told, and not to those who asked for quiet`() throws {
        let arguments = ["embed", "p.png", "--size", "16"]
        let told = try Program.built.run(arguments, in: folder)
        #expect(told.errors.contains("backend: ") && told.errors.contains("model: "))
        #expect(try Program.built.run(arguments + ["--quiet"], in: folder).errors == "")
        let verbose = try Program.built.run(arguments + ["--backend", "reference", "--verbose"], in: folder)
        #expect(verbose.errors.contains("backend: reference") && verbose.errors.contains("ops: "))
    }
}
