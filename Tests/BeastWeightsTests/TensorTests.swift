// SPDX-License-Identifier: MIT

import BeastCore
import Glibc
import Testing

@testable import BeastWeights

@Suite("Lending tensors")
struct TensorLendingTests {
    private typealias Build = PickleBuilder

    private func weights(
        _ entries: [(String, [UInt8])], storages: [(String, [UInt8])], aligned: Bool = true, byteOrder: String? = nil,
        _ change: (inout ZipBuilder) -> Void = { _ in }
    ) throws -> CheckpointWeights {
        let folder = try TemporaryFolder()
        let value = Build.named(entries)
        let padding = aligningPadding(value) + (aligned ? 0 : 1)
        let content = makeCheckpoint(value, storages: storages, padding: padding, byteOrder: byteOrder, change)
        return try Checkpoint.open(path: folder.write(content)).weights()
    }

    private static let six = bytes(of: [0, 1, 2, 3, 4, 5] as [Float])

    @Test("Aligned tensors are lent from the mapping, with their strides", arguments: [true, false])
    func strides(aligned: Bool) throws {
        let weights = try weights(
            [
                ("dense", Build.tensor(count: 6, sizes: [2, 3], strides: [3, 1])),
                ("transposed", Build.tensor(count: 6, sizes: [3, 2], strides: [1, 3])),
                ("column", Build.tensor(count: 6, offset: 1, sizes: [2], strides: [3])),
                ("repeated", Build.tensor(count: 6, offset: 4, sizes: [2, 3], strides: [1, 0])),
                ("scalar", Build.tensor(count: 6, offset: 5, sizes: [], strides: [])),
                ("empty", Build.tensor(count: 6, sizes: [0, 3], strides: [3, 1])),
            ], storages: [("0", Self.six)], aligned: aligned)
        #expect(weights.tensorNames == ["column", "dense", "empty", "repeated", "scalar", "transposed"])
        #expect(try elements("dense", of: weights) == [0, 1, 2, 3, 4, 5])
        #expect(try elements("transposed", of: weights) == [0, 3, 1, 4, 2, 5])
        #expect(try elements("column", of: weights) == [1, 4])
        #expect(try elements("repeated", of: weights) == [4, 4, 4, 5, 5, 5])
        #expect(try elements("scalar", of: weights) == [5])
        #expect(try elements("empty", of: weights) == [])
        let lentStrides = try weights.withTensor("transposed") { $0.strides }
        #expect(lentStrides == (aligned ? [1, 3] : [2, 1]))
        #expect(weights.shape(of: "empty") == [0, 3])
        #expect(weights.shape(of: "none") == nil)
    }

    @Test("float64 becomes dense float32 and 16-bit types stay as they are")
    func types() throws {
        let weights = try weights(
            [
                ("double", Build.tensor("DoubleStorage", key: "0", count: 4, sizes: [2, 2], strides: [1, 2])),
                ("half", Build.tensor("HalfStorage", key: "1", count: 2, sizes: [2], strides: [1])),
                ("brain", Build.tensor("BFloat16Storage", key: "2", count: 2, sizes: [2], strides: [1])),
                (
                    "repeated",
                    Build.tensor("DoubleStorage", key: "0", count: 4, offset: 1, sizes: [1 << 40, 2], strides: [0, 1])
                ),
            ],
            storages: [
                ("0", bytes(of: [0.1, 1e30, -2, 3] as [Double])), ("1", bytes(of: [0x3C00, 0xC000] as [UInt16])),
                ("2", bytes(of: [0x3F80, 0xC000] as [UInt16])),
            ])
        #expect(try elements("double", of: weights) == [0.1, -2, 1e30, 3])
        #expect(try weights.withTensor("double") { $0.strides } == [2, 1])
        #expect(try elements("half", of: weights) == [1, -2])
        #expect(try elements("brain", of: weights) == [1, -2])
        #expect(try weights.withTensor("half") { $0.dtype } == .float16)
        #expect(try weights.withTensor("brain") { $0.dtype } == .bfloat16)
        // Two terabytes if copied out: the copy holds the two elements only.
        let repeated = try weights.withTensor("repeated") {
            ($0.bytes.count, $0.strides, $0.bytes.load(as: Float.self))
        }
        #expect(repeated.0 == 8)
        #expect(repeated.1 == [0, 1])
        #expect(repeated.2 == 1e30)
    }

    @Test("Big-endian archives are swapped while lending", arguments: [true, false])
    func bigEndian(aligned: Bool) throws {
        let weights = try weights(
            [
                ("float", Build.tensor(count: 2, sizes: [2], strides: [1])),
                ("double", Build.tensor("DoubleStorage", key: "1", count: 1, sizes: [1], strides: [1])),
                ("half", Build.tensor("HalfStorage", key: "2", count: 1, sizes: [1], strides: [1])),
            ],
            storages: [
                ("0", bytes(of: [Float(1.5).bitPattern.bigEndian, Float(-2).bitPattern.bigEndian])),
                ("1", bytes(of: [(0.5).bitPattern.bigEndian])), ("2", bytes(of: [UInt16(0x3C00).bigEndian])),
            ], aligned: aligned, byteOrder: "big")
        #expect(try elements("float", of: weights) == [1.5, -2])
        #expect(try elements("double", of: weights) == [0.5])
        #expect(try elements("half", of: weights) == [1])
    }

    @Test(
        "Types that are no weights are refused with their name",
        arguments: [
            ("LongStorage", "int64", 8), ("BoolStorage", "bool", 1), ("ComplexFloatStorage", "complex64", 8),
            ("ByteStorage", "uint8", 1), ("QInt8Storage", "QInt8Storage", 1),
        ])
    func refusedTypes(storage: String, name: String, size: Int) throws {
        let weights = try weights(
            [("w", Build.tensor(storage, count: 2, sizes: [2], strides: [1]))],
            storages: [("0", [UInt8](repeating: 0, count: 2 * size))])
        #expect(weights.shape(of: "w") == [2])
        expectError(.unsupportedElementType, "“w” is \(name)") { try weights.withTensor("w") { _ in } }
    }

    @Test("Checksums are compared when a storage is read, and only then")
    func checksums() throws {
        let weights = try weights(
            [
                ("good", Build.tensor(count: 6, sizes: [6], strides: [1])),
                ("bad", Build.tensor(key: "1", count: 6, sizes: [6], strides: [1])),
            ], storages: [("0", Self.six), ("1", Self.six)]
        ) { $0.members[2].checksum = 0x1234_5678 }
        #expect(try elements("good", of: weights) == [0, 1, 2, 3, 4, 5])
        for _ in 0..<2 {
            expectError(.checksumMismatch, "archive/data/1") { try weights.withTensor("bad") { _ in } }
        }
    }

    @Test(
        "Views that leave their storage are refused",
        arguments: [
            ([6], [1], 1), ([7], [1], 0), ([3], [3], 0), ([-1], [1], 0), ([1], [-1], 0), ([1], [1], -1), ([1], [1], 6),
            ([2], [1], .max), ([2, 2], [1], 0), ([1 << 33, 1 << 33], [0, 0], 0), ([2, 2], [.max, .max], 0),
            ([1, 5, 6], [6, 1 << 62, 1], 0), ([1 << 60], [0], 0),
            ([Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65), 0),
        ] as [([Int], [Int], Int)])
    func outside(sizes: [Int], strides: [Int], offset: Int) {
        expectError(.malformedTensor) {
            _ = try weights(
                [("w", Build.tensor(count: 6, offset: offset, sizes: sizes, strides: strides))],
                storages: [("0", Self.six)])
        }
    }

    @Test("A storage that is missing, of another size or of two types is refused")
    func storages() {
        func tensor(_ type: String = "FloatStorage", key: String = "0", count: Int = 6) -> [UInt8] {
            Build.tensor(type, key: key, count: count, sizes: [1], strides: [1])
        }
        for (message, entries) in [
            ("missing", [("w", tensor(key: "1"))]), ("holds 24 bytes", [("w", tensor(count: 5))]),
            ("used both as", [("w", tensor()), ("v", tensor("IntStorage"))]), ("decimal", [("w", tensor(key: "../0"))]),
            ("decimal", [("w", tensor(key: "123456789012345678901"))]), ("announces -6", [("w", tensor(count: -6))]),
            ("beyond 64 bits", [("w", tensor(count: 1 << 62))]),
        ] {
            expectError(.malformedTensor, message) { _ = try weights(entries, storages: [("0", Self.six)]) }
        }
    }

    @Test("Old and new rebuild functions give tensors")
    func rebuildFunctions() throws {
        let storage = Build.storage("FloatStorage", key: "0", count: 6)
        let plain = [storage, Build.integer(0), Build.integers([6]), Build.integers([1])]
        let first = Build.reduce(Build.global("torch._utils", "_rebuild_tensor"), Build.tuple(plain))
        let untyped = Build.tuple([
            Build.text("storage"), Build.global("torch.storage", "UntypedStorage"), Build.text("1"), Build.text("cpu"),
            Build.integer(4),
        ])
        let third = Build.reduce(
            Build.global("torch._utils", "_rebuild_tensor_v3"),
            Build.tuple([
                untyped + [0x51], Build.integer(0), Build.integers([2]), Build.integers([1]), [0x89], [0x4E],
                Build.global("torch", "float16"),
            ]))
        let parameter = Build.reduce(
            Build.global("torch._utils", "_rebuild_parameter"), Build.tuple([first, [0x88], [0x4E]]))
        let subclass = Build.reduce(
            Build.global("torch._tensor", "_rebuild_from_type_v2"),
            Build.tuple([
                Build.global("torch._utils", "_rebuild_tensor"), Build.global("a", "B"), Build.tuple(plain), [0x7D],
            ]))
        let quantised = Build.reduce(Build.global("torch._utils", "_rebuild_qtensor"), Build.tuple(plain))
        let weights = try weights(
            [("1", first), ("3", third), ("p", parameter), ("s", subclass), ("q", quantised)],
            storages: [("0", Self.six), ("1", bytes(of: [0x3C00, 0x4000] as [UInt16]))])
        #expect(weights.tensorNames == ["1", "3", "p", "s"])
        #expect(try elements("3", of: weights) == [1, 2])
        #expect(try elements("s", of: weights) == [0, 1, 2, 3, 4, 5])
        expectError(.wrongKind, "“q” is an object of torch._utils._rebuild_qtensor") {
            try weights.withTensor("q") { _ in }
        }
    }

    @Test("A file that changed since it was opened is noticed, one that was replaced is still read")
    func changes() throws {
        let folder = try TemporaryFolder()
        let value = Build.named([("w", Build.tensor(count: 6, sizes: [6], strides: [1]))])
        let content = makeCheckpoint(value, storages: [("0", Self.six)], padding: aligningPadding(value))
        let path = try folder.write(content)
        let weights = try Checkpoint.open(path: path).weights()
        try folder.write([1, 2, 3], to: "other")
        #expect(rename(folder.path("other"), path) == 0)
        #expect(try elements("w", of: weights) == [0, 1, 2, 3, 4, 5])
        try folder.write(content)
        let again = try Checkpoint.open(path: path).weights()
        #expect(truncate(path, 10) == 0)
        expectError(.fileChanged, "changed") { try again.withTensor("w") { _ in } }
    }

    @Test("What the body throws comes out")
    func bodyErrors() throws {
        struct Stop: Error {}
        let weights = try weights(
            [("w", Build.tensor(count: 6, sizes: [6], strides: [1]))], storages: [("0", Self.six)])
        #expect(throws: Stop.self) { try weights.withTensor("w") { _ in throw Stop() } }
    }
}

@Suite("Selecting a state dictionary")
struct StateDictionaryTests {
    private typealias Build = PickleBuilder
    private static let tensor = Build.tensor(count: 1, sizes: [1], strides: [1])

    private func weights(
        _ value: [UInt8], select: [String]? = ["teacher"], stripping: [String] = ["module.", "backbone.", "encoder."]
    ) throws -> CheckpointWeights {
        let folder = try TemporaryFolder()
        let content = makeCheckpoint(value, storages: [("0", bytes(of: [1] as [Float]))])
        return try Checkpoint.open(path: folder.write(content)).weights(select: select, stripping: stripping)
    }

    @Test("The first key that is present is taken, otherwise the top level")
    func selection() throws {
        let inner = Build.named([("a", Self.tensor)])
        let other = Build.named([("b", Self.tensor)])
        let both = Build.named([("model", other), ("teacher", inner), ("epoch", [0x4B, 3])])
        #expect(try weights(both).tensorNames == ["a"])
        #expect(try weights(both, select: ["student", "model", "teacher"]).tensorNames == ["b"])
        let bare = try weights(Build.named([("a", Self.tensor), ("epoch", [0x4B, 3])]))
        #expect(bare.tensorNames == ["a"])
        #expect(bare.selectedKey == nil)
        #expect(bare.ignored == ["epoch": "an integer"])
        #expect(try weights(inner, select: nil).tensorNames == ["a"])
    }

    @Test("Prefixes are removed wherever they occur, in order")
    func stripping() throws {
        let value = Build.named([
            ("module.backbone.blocks.0.module.w", Self.tensor), ("encoder.norm", Self.tensor),
            ("memodule.dule.x", Self.tensor),
        ])
        #expect(
            try weights(value).tensorNames == ["blocks.0.w", "memodule.dule.x".replacing("module.", with: ""), "norm"])
        #expect(StateDictionary.removing("module.", from: "momodule.dule.x") == "module.x")
        #expect(StateDictionary.removing("", from: "x") == "x")
    }

    @Test("Names that become equal are an error naming both")
    func collisions() {
        expectError(.duplicateKey, "“module.w” and “w” both become “w”") {
            _ = try weights(Build.named([("module.w", Self.tensor), ("w", Self.tensor)]))
        }
        expectError(.duplicateKey, "occurs twice") {
            _ = try weights(Build.named([("w", Self.tensor), ("w", Self.tensor)]))
        }
        let inner = Build.named([("w", Self.tensor)])
        expectError(.duplicateKey, "occurs 2 times") {
            _ = try weights(Build.named([("teacher", inner), ("teacher", inner)]))
        }
    }

    @Test("What is no dictionary of tensors is named")
    func wrongKinds() throws {
        expectError(.wrongKind, "the top level is a list") { _ = try weights([0x5D]) }
        expectError(.wrongKind, "“teacher” is an integer") { _ = try weights(Build.named([("teacher", [0x4B, 3])])) }
        expectError(.wrongKind, "is empty") { _ = try weights([0x7D]) }
        expectError(.wrongKind, "holds 'model' (a dictionary); there is no “teacher”") {
            _ = try weights(Build.named([("model", [0x7D])]))
        }
        expectError(.wrongKind, "named by an integer (0)") {
            _ = try weights(Build.dictionary([([0x4B, 0], Self.tensor)]))
        }
        expectError(.wrongKind, "the dictionary that contains it") {
            _ = try weights([0x7D, 0x71, 0] + Build.text("teacher") + [0x68, 0, 0x73])
        }
        expectError(.wrongKind, "contains itself under “x”") {
            _ = try weights(
                [0x7D, 0x71, 0] + Build.text("x") + [0x68, 0, 0x73] + Build.text("w") + Self.tensor + [0x73])
        }
        let mixed = try weights(Build.named([("w", Self.tensor), ("norm.weight", [0x5D])]))
        expectError(.wrongKind, "“norm.weight” is a list") { try mixed.withTensor("norm.weight") { _ in } }
        expectError(.tensorNotFound, "there is no tensor “v”; there are 1, such as “w”") {
            try mixed.withTensor("v") { _ in }
        }
    }

    @Test("Messages escape control characters of hostile names")
    func escaping() {
        do {
            _ = try weights(Build.named([("a\u{1B}[31m\n", [0x4E])]))
        } catch {
            #expect(!"\(error)".contains("\u{1B}"))
            #expect(!"\(error)".contains("\n"))
            #expect("\(error)".contains("\\u{1b}"))
        }
    }
}
