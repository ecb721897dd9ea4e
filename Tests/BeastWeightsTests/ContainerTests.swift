// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import BeastWeights

@Suite("Telling containers apart")
struct ContainerKindTests {
    @Test(
        "Files of other kinds are refused by name",
        arguments: [
            ([], "empty"), ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4], "7z"), ([0x1F, 0x8B, 8, 0], "gzip"),
            ([UInt8](repeating: 0, count: 257) + Array("ustar\u{0}00".utf8) + [UInt8](repeating: 0, count: 300), "tar"),
            (Array("<!DOCTYPE html><html>".utf8), "HTML"), (Array("\n  <html>".utf8), "HTML"),
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "Git LFS"),
            (Array("hello world".utf8), "text"),
            ([0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18), "empty zip"),
            ([0x93] + Array("NUMPY\u{1}".utf8), "NumPy"),
            ([0xDE, 0xAD, 0xBE, 0xEF], "neither"), ([0x80, 2, 0x4E, 0x2E], "magic number"),
            (Array("{\"a\": 1}".utf8), "weight_map"),
        ] as [([UInt8], String)])
    func refused(content: [UInt8], message: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(content)
        expectError(.unsupportedContainer, message) { _ = try Checkpoint.open(path: path) }
        expectError(.unsupportedContainer, path) { _ = try Checkpoint.open(path: path) }
    }

    @Test("A folder, a pipe, a device and a missing file are errors at once")
    func irregular() throws {
        let folder = try TemporaryFolder()
        expectError(.notRegularFile, "a folder") { _ = try Checkpoint.open(path: folder.path) }
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        expectError(.notRegularFile, "a pipe") { _ = try Checkpoint.open(path: folder.path("pipe")) }
        expectError(.notRegularFile, "a device") { _ = try Checkpoint.open(path: "/dev/zero") }
        #expect(symlink("/dev/zero", folder.path("link")) == 0)
        expectError(.notRegularFile, "a device") { _ = try Checkpoint.open(path: folder.path("link")) }
        expectError(.cannotRead, "No such file") { _ = try Checkpoint.open(path: folder.path("none")) }
        expectError(.cannotRead, "zero byte") { _ = try Checkpoint.open(path: "a\u{0}b") }
    }
}

@Suite("Zip archives")
struct ZipArchiveTests {
    private static let value = PickleBuilder.named([("w", PickleBuilder.tensor(count: 2, sizes: [2], strides: [1]))])
    private static let data = bytes(of: [1, 2] as [Float])

    private func open(_ change: (inout ZipBuilder) -> Void) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        return try Checkpoint.open(
            path: folder.write(makeCheckpoint(Self.value, storages: [("0", Self.data)], change)))
    }

    @Test("Comments, zip64 records, padding and a missing checksum are read")
    func legal() throws {
        for change: (inout ZipBuilder) -> Void in [
            { _ in }, { $0.isZip64 = true }, { $0.comment = Array("PK\u{5}\u{6} a comment".utf8) },
            { $0.members[1].padding = 37 }, { $0.members[1].checksum = 0 }, { $0.members[1].flags = 0x0800 },
        ] {
            let checkpoint = try open(change)
            #expect(try elements("w", of: checkpoint.weights()) == [1, 2])
            #expect(try checkpoint.verify() >= 1)
        }
    }

    @Test("Members that nothing refers to are listed")
    func extraMembers() throws {
        let checkpoint = try open {
            $0.add("archive/version", Array("3\n".utf8))
            $0.add("archive/data/7", [1])
            $0.add("other/readme", [1])
        }
        #expect(checkpoint.extraMembers == ["archive/data/7", "other/readme"])
    }

    @Test("Archives that two readers could see differently are refused")
    func illegal() {
        let cases: [(String, WeightsError.Code, (inout ZipBuilder) -> Void)] = [
            ("twice", .malformedContainer, { $0.add("archive/data/0", Self.data) }),
            ("another name", .malformedContainer, { $0.members[1].localName = "archive/data/1" }),
            ("overlap", .malformedContainer, { $0.members[0].directorySize = UInt64($0.members[0].bytes.count + 40) }),
            ("overlaps the directory", .malformedContainer, { $0.members[1].directorySize = 30 }),
            ("outside", .malformedContainer, { $0.directoryShift = 100_000 }),
            ("damaged", .malformedContainer, { $0.directoryShift = -3 }),
            ("announces 9", .malformedContainer, { $0.announcedCount = 9 }),
            ("more than the announced", .malformedContainer, { $0.announcedCount = 1 }),
            ("encrypted", .unsupportedContainer, { $0.members[1].flags |= 1 }),
            ("deflate", .unsupportedContainer, { $0.members[1].method = 8 }),
            ("such paths", .malformedContainer, { $0.add("archive/../x", [1]) }),
            ("such paths", .malformedContainer, { $0.add("archive\\x", [1]) }),
            ("such paths", .malformedContainer, { $0.add("/etc/x", [1]) }),
            ("such paths", .malformedContainer, { $0.add("archive/a\u{0}b", [1]) }),
            ("2 members named data.pkl", .malformedContainer, { $0.add("b/data.pkl", [1]) }),
            ("TorchScript", .unsupportedContainer, { $0.add("archive/constants.pkl", [1]) }),
            ("TorchScript", .unsupportedContainer, { $0.add("archive/code/__torch__.py", [1]) }),
            ("without a data.pkl", .unsupportedContainer, { $0.members.removeFirst() }),
            ("bytes near byte", .malformedContainer, { $0.members[1].directoryOffset = 0xFFFF_FFF0 }),
            (
                "bytes near byte", .malformedContainer,
                {
                    $0.isZip64 = true
                    $0.members[1].directoryOffset = .max - 7
                }
            ),
            ("byte order", .malformedContainer, { $0.add("archive/byteorder", Array("middle".utf8)) }),
            ("CRC of “archive/data.pkl”", .checksumMismatch, { $0.members[0].checksum = 1 }),
        ]
        for (message, code, change) in cases {
            expectError(code, message) { _ = try open(change) }
        }
        expectError(.limitExceeded, "at most 100000") {
            _ = try open {
                $0.isZip64 = true
                $0.announcedCount = 100_001
            }
        }
    }

    @Test("A name with two dots inside a component is no path that climbs")
    func dottedName() throws {
        let folder = try TemporaryFolder()
        var zip = ZipBuilder()
        zip.add("run..2/data.pkl", PickleBuilder.pickle(Self.value))
        zip.add("run..2/data/0", Self.data)
        #expect(try elements("w", of: Checkpoint.open(path: folder.write(zip.build())).weights()) == [1, 2])
    }

    @Test("Every truncation is an error")
    func truncations() throws {
        let whole = makeCheckpoint(Self.value, storages: [("0", Self.data)])
        let folder = try TemporaryFolder()
        for length in whole.indices {
            let path = try folder.write(Array(whole[..<length]))
            #expect(throws: WeightsError.self) { _ = try Checkpoint.open(path: path) }
        }
    }

    @Test("Bytes behind the pickle's end are refused")
    func trailingPickle() {
        expectError(.malformedPickle, "behind the end") { _ = try open { $0.members[0].bytes += [0x4E, 0x2E] } }
    }
}

@Suite("Streams from before PyTorch 1.6")
struct LegacyStreamTests {
    private typealias Build = PickleBuilder

    private func stream(
        _ value: [UInt8], keys: [String] = ["5"], storages: [(Int, [UInt8])], littleEndian: Bool = true,
        tail: [UInt8] = []
    ) -> [UInt8] {
        let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
        let system = Build.named([
            ("protocol_version", Build.integer(1_001)), ("little_endian", [littleEndian ? 0x88 : 0x89]),
        ])
        let list: [UInt8] = [0x5D, 0x28] + keys.flatMap(Build.text) + [0x65]
        let pickles = [magic, Build.integer(1_001), system, value, list].flatMap(Build.pickle)
        return pickles + storages.flatMap { le(Int64($0.0)) + $0.1 } + tail
    }

    private func open(_ content: [UInt8]) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        return try Checkpoint.open(path: folder.write(content))
    }

    /// A tensor over a window of a storage, as the first releases wrote shared storages.
    private func viewed(offset: Int, count: Int) -> [UInt8] {
        let view = Build.tuple([Build.text("9"), Build.integer(offset), Build.integer(count)])
        let storage = Build.storage("FloatStorage", key: "5", count: 4, view: view)
        return Build.reduce(
            Build.global("torch._utils", "_rebuild_tensor"),
            Build.tuple([storage, Build.integer(1), Build.integers([2]), Build.integers([1])]))
    }

    private let four = bytes(of: [1, 2, 3, 4] as [Float])

    @Test("A stream with views and trailing zeros is read")
    func views() throws {
        let value = Build.named([
            ("w", viewed(offset: 1, count: 3)),
            ("v", Build.tensor(key: "5", count: 4, sizes: [2, 2], strides: [1, 2])),
        ])
        let checkpoint = try open(stream(value, storages: [(4, four)], tail: [0, 0, 0]))
        #expect(checkpoint.container == .torchLegacy)
        let weights = try checkpoint.weights()
        #expect(try elements("w", of: weights) == [3, 4])
        #expect(try elements("v", of: weights) == [1, 3, 2, 4])
    }

    @Test("Damaged streams give an error")
    func damaged() {
        let value = Build.named([("v", Build.tensor(key: "5", count: 4, sizes: [4], strides: [1]))])
        let cases: [(String, [UInt8])] = [
            ("unexpected bytes", stream(value, storages: [(4, four)], tail: [1])),
            ("the file ends inside storage 5", stream(value, storages: [(4, [1, 2, 3])])),
            ("holds 5 elements", stream(value, storages: [(5, four + four)])),
            ("holds -1 elements", stream(value, storages: [(-1, four)])),
            ("not in the stream", stream(value, keys: [], storages: [])),
            ("twice", stream(value, keys: ["5", "5"], storages: [(4, four), (4, four)])),
            ("whose type is not known", stream(value, keys: ["5", "6"], storages: [(4, four), (4, four)])),
            ("big-endian", stream(value, storages: [(4, four)], littleEndian: false)),
            ("leaves its 4 elements", stream(Build.named([("w", viewed(offset: 2, count: 3))]), storages: [(4, four)])),
            ("reaches outside", stream(Build.named([("w", viewed(offset: 1, count: 2))]), storages: [(4, four)])),
        ]
        for (message, content) in cases {
            do {
                _ = try open(content)
                Issue.record("no error; expected “\(message)”")
            } catch {
                #expect("\(error)".contains(message), "\(error)")
            }
        }
    }
}
