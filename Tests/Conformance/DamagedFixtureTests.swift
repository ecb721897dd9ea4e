// SPDX-License-Identifier: MIT
import BeastConformance
import BeastCore
import Foundation
import Testing

/// The rules for damaged files, tried on files made here: what is refused or read is known, what is asked varies.
@Suite("Damaged fixtures") struct DamagedFixtureTests {
    /// NumPy files of a byte each beyond the header: column by column, and whole.
    private static let columns = array("'descr': '<f4', 'fortran_order': True, 'shape': (2, 1)", [1, 2])
    private static let whole = array("'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)", [1, 2])
    private static let standing = "exit code not 0; one message that names the file and the reason; no crash"

    @Test("pass where what happens is what is asked")
    func fulfilled() throws {
        #expect(try outcome(Self.columns, must: Self.standing) == .passed)
        #expect(try outcome(Self.columns, must: Self.standing + "; names fortran_order (a; b)") == .passed)
        #expect(
            try outcome(Self.columns, "see must", must: "error, or the transposed meaning honoured: [[1],[2]]")
                == .passed)
        #expect(try outcome(Self.whole, "see must", must: "error, or swapped correctly to [[1], [2]]") == .passed)
        #expect(
            try outcome(Data("model: 1\n".utf8), kind: "bad_vqgan_yaml", must: Self.standing + "; names params")
                == .failed)
        #expect(
            try outcome(Data("model: 1\n".utf8), kind: "bad_vqgan_yaml", must: Self.standing + "; names model")
                == .passed)
    }

    @Test("fail where a file is read that must be refused, and where the message lacks a name that is asked for")
    func unfulfilled() throws {
        #expect(try outcome(Self.whole, must: Self.standing) == .failed)
        #expect(try outcome(Self.columns, must: Self.standing + "; names big_endian") == .failed)
        // The file's own name is no reason.
        #expect(try outcome(Self.columns, must: Self.standing + "; names file.npy") == .failed)
        #expect(try outcome(Self.whole, "see must", must: "error, or swapped correctly to [[1], [3]]") == .failed)
        #expect(try outcome(Self.whole, "see must", must: "error, or swapped correctly to [1, 2]") == .failed)
        #expect(try outcome(Self.columns, must: Self.standing + "; names the tensor, both shapes") == .failed)
    }

    @Test("fail where the manifest asks for something that is not understood")
    func unknown() throws {
        #expect(try outcome(Self.columns, must: Self.standing + "; sings a song") == .failed)
        #expect(try outcome(Self.columns, must: Self.standing + "; names two things") == .failed)
        #expect(try outcome(Self.columns, "perhaps", must: Self.standing) == .failed)
        #expect(try outcome(Self.columns, must: "no crash") == .failed)
        #expect(try outcome(Self.columns, "see must", must: "as absent.npy") == .failed)
        #expect(try outcome(Self.columns, "fail", must: "error, or swapped correctly to [1]") == .failed)
    }

    @Test("are refused by reference to another case too")
    func reference() throws {
        #expect(try outcome(Self.columns, "see must", must: "as other.npy", other: Self.standing) == .passed)
        #expect(try outcome(Self.whole, "see must", must: "as other.npy", other: Self.standing) == .failed)
    }

    private func outcome(
        _ file: Data, _ expect: String = "fail", kind: String = "bad_npy", must: String, other: String? = nil
    ) throws -> CaseStatus {
        let folder = FileManager.default.temporaryDirectory.appending(path: "beasts-\(UUID())")
        try FileManager.default.createDirectory(at: folder.appending(path: "bad"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try file.write(to: folder.appending(path: "bad/file.npy"))
        func entry(_ name: String, _ expect: String, _ must: String) -> [String: Any] {
            [
                "id": "bad/\(name)", "kind": kind, "arch": "any", "inputs": ["file": "bad/file.npy"],
                "expect": expect, "must": must,
            ]
        }
        var cases = [entry("file.npy", expect, must)]
        if let other { cases.append(entry("other.npy", "fail", other)) }
        try JSONSerialization.data(withJSONObject: ["cases": cases]).write(to: folder.appending(path: "manifest.json"))
        let session = Session(backend: try LibraryFolder.reference().makeContext())
        let report = try FixtureRunner(folder: folder.path, session: session).run(filter: "bad/file.npy")
        return try #require(report.entries.first).status
    }

    private static func array(_ description: String, _ values: [Float]) -> Data {
        let header = Array("{\(description)}\n".utf8)
        var bytes = Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) }) + [1, 0]
        bytes += [UInt8(header.count), 0] + header
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
        return Data(bytes)
    }
}
