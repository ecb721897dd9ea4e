// SPDX-License-Identifier: MIT

import BeastCore
import Testing

@testable import BeastWeights

@Suite("NaN and infinity")
struct FiniteTests {
    private typealias Build = PickleBuilder

    private func weights(
        _ entries: [(String, [UInt8])], storages: [(String, [UInt8])], byteOrder: String? = nil,
        hasChecksums: Bool = true
    ) throws -> CheckpointWeights {
        let folder = try TemporaryFolder()
        let content = makeCheckpoint(Build.named(entries), storages: storages, byteOrder: byteOrder) { zip in
            if !hasChecksums { for index in zip.members.indices { zip.members[index].checksum = 0 } }
        }
        return try Checkpoint.open(path: folder.write(content)).weights()
    }

    private static func pattern<Word: FixedWidthInteger>(_ bits: Word, at index: Int, isBig: Bool = false) -> [UInt8] {
        var words = [Word](repeating: 0, count: 600)
        words[index] = isBig ? bits.bigEndian : bits
        return words.withUnsafeBytes { [UInt8]($0) }
    }

    @Test(
        "The first bad element of a tensor is named, in every type and byte order",
        arguments: [0, 1, 31, 300, 511, 598, 599], [false, true])
    func named(index: Int, isBig: Bool) throws {
        func at<Word: FixedWidthInteger>(_ bits: Word) -> [UInt8] { Self.pattern(bits, at: index, isBig: isBig) }
        let cases: [(String, [UInt8], String)] = [
            ("FloatStorage", at(Float.nan.bitPattern), "NaN"), ("FloatStorage", at(UInt32(0x7F80_0001)), "NaN"),
            ("FloatStorage", at(Float.infinity.bitPattern), "infinity"),
            ("FloatStorage", at((-Float.infinity).bitPattern), "-infinity"),
            ("DoubleStorage", at(Double.nan.bitPattern), "NaN"),
            ("DoubleStorage", at((-Double.infinity).bitPattern), "-infinity"),
            ("HalfStorage", at(UInt16(0x7C00)), "infinity"), ("HalfStorage", at(UInt16(0xFE00)), "NaN"),
            ("BFloat16Storage", at(UInt16(0xFF80)), "-infinity"), ("BFloat16Storage", at(UInt16(0x7FC0)), "NaN"),
        ]
        for hasChecksums in [true, false] {
            for (type, content, value) in cases {
                let tensor = Build.tensor(type, count: 600, sizes: [20, 30], strides: [30, 1])
                let weights = try weights(
                    [("layer.w", tensor)], storages: [("0", content)], byteOrder: isBig ? "big" : nil,
                    hasChecksums: hasChecksums)
                expectError(.notFinite, "“layer.w”") { try weights.withTensor("layer.w") { _ in } }
                expectError(.notFinite, "has \(value) at [\(index / 30), \(index % 30)];") {
                    try weights.withTensor("layer.w") { _ in }
                }
            }
        }
    }

    @Test("The largest finite values pass, and float64 that float32 cannot hold does not")
    func limits() throws {
        let half: [UInt16] = [0x7BFF, 0xFBFF, 0x0001]
        let brain: [UInt16] = [0x7F7F, 0xFF7F, 0x0001]
        let edge = Double(bitPattern: 0x47EF_FFFF_EFFF_FFFF)
        let storages = [
            ("0", bytes(of: [Float.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude])),
            ("1", bytes(of: half)), ("2", bytes(of: brain)), ("3", bytes(of: [edge, -edge, 1e-300])),
            ("4", bytes(of: [1, edge.nextUp, 2])),
        ]
        let types = ["FloatStorage", "HalfStorage", "BFloat16Storage", "DoubleStorage", "DoubleStorage"]
        let entries = types.enumerated().map { index, type in
            ("\(index)", Build.tensor(type, key: "\(index)", count: 3, sizes: [3], strides: [1]))
        }
        let weights = try weights(entries, storages: storages)
        for name in ["0", "1", "2", "3"] {
            #expect(try elements(name, of: weights).allSatisfy(\.isFinite))
        }
        expectError(.notFinite, "beyond float32, at [1]") { try weights.withTensor("4") { _ in } }
    }

    @Test("Only elements of the tensor itself count, not others of its storage")
    func views() throws {
        let content = bytes(of: [0, 1, .nan, 3, 4, 5] as [Float])
        let weights = try weights(
            [
                ("first", Build.tensor(count: 6, sizes: [2], strides: [1])),
                ("column", Build.tensor(count: 6, sizes: [2], strides: [3])),
                ("odd", Build.tensor(count: 6, offset: 1, sizes: [3], strides: [2])),
                ("transposed", Build.tensor(count: 6, sizes: [3, 2], strides: [1, 3])),
                ("repeated", Build.tensor(count: 6, offset: 2, sizes: [1 << 40, 2], strides: [0, 1])),
                ("empty", Build.tensor(count: 6, offset: 2, sizes: [0], strides: [1])),
            ], storages: [("0", content)])
        #expect(try elements("first", of: weights) == [0, 1])
        #expect(try elements("column", of: weights) == [0, 3])
        #expect(try elements("odd", of: weights) == [1, 3, 5])
        #expect(try elements("empty", of: weights) == [])
        expectError(.notFinite, "NaN at [2, 0]") { try weights.withTensor("transposed") { _ in } }
        expectError(.notFinite, "NaN at [0, 0]") { try weights.withTensor("repeated") { _ in } }
    }

    @Test("Names that were never lent are told")
    func unused() throws {
        let tensor = Build.tensor(count: 1, sizes: [1], strides: [1])
        let weights = try weights(
            [("b", tensor), ("a", tensor), ("c", tensor)], storages: [("0", bytes(of: [1] as [Float]))])
        #expect(weights.unusedNames == ["a", "b", "c"])
        #expect(weights.shape(of: "a") == [1])
        _ = try elements("b", of: weights)
        #expect(weights.unusedNames == ["a", "c"])
        #expect(throws: WeightsError.self) { try weights.withTensor("d") { _ in } }
        _ = try elements("a", of: weights)
        _ = try elements("c", of: weights)
        #expect(weights.unusedNames.isEmpty)
    }
}
