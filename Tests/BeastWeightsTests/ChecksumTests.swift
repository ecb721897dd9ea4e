// SPDX-License-Identifier: MIT

import Testing

@testable import BeastWeights

@Suite("CRC-32")
struct ChecksumTests {
    /// Bit by bit, as the definition has it.
    private static func slow(_ checksum: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        var remainder = ~checksum
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~remainder
    }

    private static let noise: [UInt8] = {
        var state: UInt64 = 1
        return (0..<2048).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }()

    @Test("A checksum is that of the definition, at every length and alignment")
    func lengths() {
        for length in Array(0...300) + [383, 384, 385, 511, 512, 513, 1023, 1024, 1025, 1999] {
            for start in [0, 1, 13] {
                for checksum in [0, 0x1234_5678, .max] as [UInt32] {
                    let part = Self.noise[start..<start + length]
                    let found = part.withUnsafeBytes { Checksum.extended(checksum, with: $0) }
                    #expect(found == Self.slow(checksum, part), "\(length) bytes from \(start) after \(checksum)")
                }
            }
        }
        #expect(Array("123456789".utf8).withUnsafeBytes { Checksum.extended(0, with: $0) } == 0xCBF4_3926)
    }

    @Test("Checksums of neighbours join to that of the whole", arguments: [0, 1, 17, 1024, 2047, 2048])
    func joined(cut: Int) {
        func checksum(_ range: Range<Int>) -> UInt32 {
            Self.noise[range].withUnsafeBytes { Checksum.extended(0, with: $0) }
        }
        let whole = Checksum.joined(checksum(0..<cut), checksum(cut..<2048), secondByteCount: 2048 - cut)
        #expect(whole == Self.slow(0, Self.noise))
    }
}

@Suite("A storage looked through by several threads")
struct StoragePassTests {
    /// A little over three parts, and no multiple of anything.
    private static let count = 3 * StoragePass.smallestPart / 4 + 1003

    private func weights(_ content: [Float], checksumOf honest: [Float], threads: Int) throws -> CheckpointWeights {
        let tensor = PickleBuilder.tensor(count: Self.count, sizes: [Self.count], strides: [1])
        let file = makeCheckpoint(PickleBuilder.named([("w", tensor)]), storages: [("0", bytes(of: content))]) { zip in
            let checksum = bytes(of: honest).withUnsafeBytes { Checksum.extended(0, with: $0) }
            for index in zip.members.indices where zip.members[index].name.hasSuffix("data/0") {
                zip.members[index].checksum = checksum
            }
        }
        let weights = try Checkpoint.open(path: TemporaryFolder().write(file)).weights()
        weights.threadCount = threads
        #expect(weights.threadCount == threads)
        return weights
    }

    @Test("Sound, damaged and infinite elements are told apart wherever they are", arguments: [1, 2, 3])
    func threads(count: Int) throws {
        let sound = (0..<Self.count).map(Float.init)
        let found = try elements("w", of: weights(sound, checksumOf: sound, threads: count))
        #expect(found == sound)
        for index in [0, Self.count / 3, Self.count / 2, Self.count - 1] {
            var content = sound
            content[index] += 0.5
            let damaged = try weights(content, checksumOf: sound, threads: count)
            expectError(.checksumMismatch, "data/0") { try damaged.withTensor("w") { _ in } }
            content[index] = .infinity
            let infinite = try weights(content, checksumOf: content, threads: count)
            expectError(.notFinite, "infinity at [\(index)]") { try infinite.withTensor("w") { _ in } }
        }
    }
}
