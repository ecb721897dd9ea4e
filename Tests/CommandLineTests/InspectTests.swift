// SPDX-License-Identifier: MIT
import BeastWeights
import Foundation
import Testing

@Suite struct InspectTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A pickle of the older stream form: the first of its five, which is where other programs' payloads come first.
    private func pickle(_ body: String) -> [UInt8] { [0x80, 2] + Array(body.utf8) + [0x2E] }

    private static let payload = "cposix\nsystem\n(U\u{0B}touch made\u{1B}tR"
    private static let call = "posix.system('touch made"

    private func write(_ bytes: [UInt8], to name: String = "w.pth") throws { try folder.write(bytes, to: name) }

    private func safetensors(_ header: String, data: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) } + Array(header.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    private func inspect(_ arguments: String...) throws -> Outcome {
        try Program.built.run(["inspect"] + arguments, in: folder)
    }

    @Test func `The tensors of a safetensors file are listed, for people and as JSON`() throws {
        let header =
            #"{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
            + #""b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}}"#
        try write(safetensors(header, data: 26), to: "w.safetensors")
        let outcome = try inspect("w.safetensors")
        outcome.expectSuccess()
        for part in ["w.safetensors: safetensors", "a.weight", "float32", "[2, 3]", "24 bytes", "bfloat16", "format"] {
            #expect(outcome.output.contains(part), "'\(part)' is not in: \(outcome.output)")
        }
        let json = try inspect("w.safetensors", "--json")
        json.expectSuccess()
        let reports = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
        let tensors = try #require(reports.first?["tensors"] as? [[String: Any]])
        #expect(tensors.map { $0["name"] as? String } == ["a.weight", "b"])
        #expect(tensors.map { $0["byteCount"] as? Int } == [24, 2])
        #expect(tensors.map { $0["shape"] as? [Int] } == [[2, 3], []])
        #expect((reports.first?["dangers"] as? [Any])?.isEmpty == true)
    }

    @Test func `Arrays are shown with type and shape`() throws {
        try write(try NumpyHeader(element: .float32, shape: [2, 5]).encoded() + [UInt8](repeating: 0, count: 40))
        let outcome = try inspect("w.pth")
        outcome.expectSuccess()
        for part in ["NumPy array", "float32", "[2, 5]", "40 bytes"] { #expect(outcome.output.contains(part)) }
    }

    @Test func `A payload before a broken stream is flagged, and the break is told`() throws {
        // Neither is a checkpoint: a Python loader would have run the payload before it noticed.
        for broken in [pickle(Self.payload), pickle(Self.payload + "0\u{FF}"), pickle(Self.payload).dropLast()] {
            try write(broken)
            let outcome = try inspect("w.pth")
            #expect(outcome.exitCode == 5, "\(outcome.errors)")
            #expect(outcome.output.contains("DANGEROUS") && outcome.output.contains(Self.call), "\(outcome.output)")
            #expect(outcome.errorLines.count == 1 && outcome.errors.contains("w.pth"))
            let json = try inspect("w.pth", "--json")
            #expect(json.exitCode == 5)
            let report = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
            let dangers = try #require(report?.first?["dangers"] as? [[String: String]])
            #expect(dangers.first?["symbol"] == "posix.system")
            #expect(dangers.first?["call"]?.hasPrefix(Self.call) == true)
            #expect(report?.first?["error"] as? String != nil)
        }
        #expect(folder.names == ["w.pth"], "nothing was executed")
    }

    @Test func `Operations that are refused do not hide what they call`() throws {
        try write([0x80, 2] + Array("(U\u{0A}touch madeiposix\nsystem\n.".utf8))
        #expect(try inspect("w.pth").output.contains(Self.call))
        try write([0x80, 2] + Array("(cposix\nsystem\nU\u{0A}touch madeo.".utf8))
        let outcome = try inspect("w.pth")
        #expect(outcome.exitCode == 5 && outcome.output.contains(Self.call), "\(outcome.output)")
    }

    @Test func `Danger in any pickle of a stream is found`() throws {
        let magic: [UInt8] = [
            0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
        ]
        let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E]
        let system = pickle("}")
        let rest = pickle("}") + pickle("]")
        try write(magic + version + system + rest)
        #expect(try inspect("w.pth").exitCode == 0)
        // The result is dropped, so that the value of the pickle is what it should be.
        let hidden = [0x80, 2] + Array((Self.payload + "0").utf8) + version.dropFirst(2)
        for file in [
            magic + hidden + system + rest, magic + version + pickle(Self.payload + "0}") + rest,
            magic + version + system + pickle("}") + pickle(Self.payload + "0]"),
        ] {
            try write(file)
            let outcome = try inspect("w.pth")
            #expect(outcome.exitCode == 5 && outcome.output.contains(Self.call), "\(outcome.errors)")
        }
    }

    @Test func `Missing files, folders and other files end with the codes that stand for them`() throws {
        try inspect("gone.pth").expectFailure(66, reportedOnce: "gone.pth")
        try inspect(".").expectFailure(66, reportedOnce: "folder")
        try write(Array("plain text, no checkpoint".utf8))
        try inspect("w.pth").expectFailure(65, reportedOnce: "text file")
        try Program.built.run(["inspect"], in: folder).expectFailure(64, "files")
    }

    @Test func `Of several files all are shown, and danger decides the exit code`() throws {
        try write(safetensors("{}", data: 0), to: "good")
        try write(Array("plain text, no checkpoint".utf8), to: "bad")
        try write(pickle(Self.payload), to: "evil")
        let two = try inspect("good", "bad")
        #expect(two.exitCode == 65)
        #expect(two.output.contains("good: safetensors") && two.output.contains("bad: cannot be read"))
        #expect(try inspect("bad", "gone").exitCode == 65)
        #expect(try inspect("gone", "bad").exitCode == 66)
        #expect(try inspect("gone", "evil", "good").exitCode == 5)
    }

    @Test func `Cycles, repetitions and deep values end`() throws {
        let head: [UInt8] = [
            0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E, 0x80, 2, 0x4D, 0xE9,
            0x03, 0x2E,
        ]
        let cycle = "}q\u{00}(U\u{04}selfh\u{00}U\u{04}list]q\u{01}(K\u{01}h\u{01}eu"
        // Each list holds the one before it twice: 2^60 leaves.
        let level = "](h\u{00}h\u{00}eq\u{00}0"
        let doubling = "]q\u{00}0" + String(repeating: level, count: 60) + "h\u{00}"
        for value in [cycle, doubling] {
            try write(head + pickle("}") + pickle(value) + pickle("]"))
            for options in [[], ["--all"], ["--json", "--all"]] {
                let outcome = try Program.built.run(["inspect", "w.pth"] + options, in: folder)
                outcome.expectSuccess()
                #expect(outcome.output.utf8.count < 100_000)
            }
        }
        try write(head + pickle("}") + pickle("}q\u{00}U\u{04}selfh\u{00}s") + pickle("]"))
        #expect(try inspect("w.pth").output.contains("self: a dictionary, the same as the top level"))
    }

    @Test func `Control characters of names and values are spelt out`() throws {
        let name = #"a\u001b[31m\nb\u202e"#
        let header =
            "{\"__metadata__\":{\"k\\u0007\":\"v\\u009b\"},\"\(name)\":"
            + #"{"dtype":"X\#u{7F}","shape":[],"data_offsets":[0,0]}}"#
        try write(safetensors(header, data: 0), to: "w.safetensors")
        for options in [[], ["--json"], ["--all"]] {
            let outcome = try Program.built.run(["inspect", "w.safetensors"] + options, in: folder)
            outcome.expectSuccess()
            let unsafe = outcome.output.unicodeScalars.filter {
                $0 != "\n" && ($0.properties.generalCategory == .control || $0.value == 0x202E)
            }
            #expect(unsafe.isEmpty, "\(outcome.output.debugDescription)")
            #expect(outcome.output.contains("u{1b}[31m"))
        }
    }

    @Test func `Long content is cut, and --all shows it`() throws {
        let entries = (0..<500).map { #""t\#($0)":{"dtype":"U8","shape":[1],"data_offsets":[\#($0),\#($0 + 1)]}"# }
        try write(safetensors("{" + entries.joined(separator: ",") + "}", data: 500))
        let short = try inspect("w.pth")
        short.expectSuccess()
        #expect(short.output.contains("… 476 more") && !short.output.contains("t499"))
        let all = try inspect("w.pth", "--all")
        all.expectSuccess()
        #expect(all.output.contains("t499") && !all.output.contains("more"))
    }
}

extension Outcome {
    /// Expects one line on standard error with `part`; a report may stand on standard output.
    fileprivate func expectFailure(
        _ code: Int32, reportedOnce part: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(exitCode == code, "\(errors)", sourceLocation: sourceLocation)
        #expect(errorLines.count == 1 && errors.contains(part), "\(errors)", sourceLocation: sourceLocation)
        #expect(output.contains("cannot be read"), sourceLocation: sourceLocation)
    }
}
