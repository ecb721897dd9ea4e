// SPDX-License-Identifier: MIT

import BeastCore
import Foundation
import Testing

@testable import BeastWeights

/// Random damage to real files must end in a value or an error, never in a trap, and quickly.
///
/// `BEASTS_MUTATIONS` sets the number of damaged copies of each file (200 by default).
@Suite("Mutations", .enabled(if: Fixtures.areThere, "no fixtures; set BEASTS_FIXTURES"))
struct MutationTests {
    private static let count = ProcessInfo.processInfo.environment["BEASTS_MUTATIONS"].flatMap { Int($0) } ?? 200

    @Test("Damaged copies of small files never trap")
    func mutations() throws {
        let folder = try TemporaryFolder()
        var generator = SplitMix(state: 20_260_000)
        var opened = 0
        var errors = 0
        var slowest = (Duration.zero, "")
        for (name, content, structure) in try seeds() {
            for _ in 0..<Self.count {
                let damaged = generator.damage(content, within: structure)
                let path = try folder.write(damaged, to: "damaged")
                let start = ContinuousClock.now
                do {
                    try readEverything(path, isArray: name.hasSuffix(".npy"))
                    opened += 1
                } catch is WeightsError {
                    errors += 1
                }
                slowest = max(slowest, (ContinuousClock.now - start, name)) { $0.0 < $1.0 }
            }
        }
        #expect(slowest.0 < .seconds(1), "\(slowest)")
        print("mutations: \(opened) copies read, \(errors) refused; slowest \(slowest)")
    }

    @Test("Random sequences of operations never trap")
    func randomPrograms() throws {
        var generator = SplitMix(state: 7)
        let alphabet: [[UInt8]] =
            [
                0x28, 0x30, 0x31, 0x32, 0x4E, 0x88, 0x29, 0x74, 0x85, 0x86, 0x87, 0x5D, 0x6C, 0x61, 0x65, 0x7D, 0x64,
                0x73, 0x75,
                0x8F, 0x90, 0x91, 0x94, 0x52, 0x62, 0x81, 0x92, 0x93, 0x51,
            ].map { [$0] }
            + [
                [0x4B, 2], [0x68, 0], [0x68, 1], [0x68, 2], [0x71, 0], [0x71, 1], [0x71, 2], [0x8A, 1, 0x80],
                [0x43, 2, 0, 1],
            ]
            + ["storage", "latin1", "0", "k", "/"].map(PickleBuilder.text)
            + [
                ("torch", "FloatStorage"), ("torch._utils", "_rebuild_tensor"),
                ("torch._tensor", "_rebuild_from_type_v2"),
                ("torch._utils", "_rebuild_parameter"), ("collections", "OrderedDict"), ("builtins", "set"),
                ("builtins", "list"),
                ("builtins", "bytearray"), ("_codecs", "encode"), ("pathlib", "PosixPath"),
                ("copy_reg", "_reconstructor"),
                ("numpy.core.multiarray", "scalar"), ("numpy", "dtype"), ("numpy.core.multiarray", "_reconstruct"),
                ("a", "B"),
            ].map { PickleBuilder.global($0.0, $0.1) }
        var decoded = 0
        for _ in 0..<Self.count * 10 {
            var program: [UInt8] = []
            for _ in 0..<Int.random(in: 1...60, using: &generator) {
                program += alphabet.randomElement(using: &generator) ?? []
            }
            guard let value = try? decode(program + PickleBuilder.stop) else { continue }
            _ = value.rendered(maximumDepth: 500, maximumItems: 100, maximumCharacters: 10_000)
            decoded += 1
        }
        print("mutations: \(decoded) of \(Self.count * 10) random programs gave a value")
    }

    private func max<Value>(_ first: Value, _ second: Value, by isLess: (Value, Value) -> Bool) -> Value {
        isLess(first, second) ? second : first
    }

    /// Files with the byte ranges that hold structure, where damage is most telling.
    private func seeds() throws -> [(String, [UInt8], [Range<Int>])] {
        var seeds: [(String, [UInt8], [Range<Int>])] = []
        for file in [
            "bad/valid_base.pth", "bad/valid_base_legacy.pth", "bad/valid_handmade.pth", "bad/valid_zip64.pth",
            "dino/train_extras.pth", "dino/strided_legacy.pth", "gpt/eps.pt", "bad/exponential_refs.pth",
        ] {
            let content = withoutChecksums(try fileBytes(Fixtures.path(file)))
            seeds.append((file, content, structure(of: file, content)))
        }
        let array = try fileBytes(Fixtures.path("bad/valid_out_cls.npy"))
        seeds.append(("array.npy", array, [0..<80]))
        let weights = try Checkpoint.open(path: Fixtures.path("bad/valid_base.pth")).weights(select: ["teacher"])
        let entries = weights.tensorNames.compactMap { name in
            weights.shape(of: name).map { SafetensorsEntry(name: name, elementType: .float32, shape: $0) }
        }
        let header = try SafetensorsHeader(entries: entries, metadata: ["a": "b\u{1}"])
        let data = try header.entries.flatMap { entry in
            try weights.withTensor(entry.name) { bytes(of: elements(of: $0)) }
        }
        let content = header.encoded() + data
        seeds.append(("safetensors", content, [0..<8, 8..<8 + Int(content[0]) + Int(content[1]) << 8]))
        return seeds
    }

    /// Zeroes the checksums of a zip's directory, so that damage is met by the parsers and not by the checksum.
    private func withoutChecksums(_ content: [UInt8]) -> [UInt8] {
        var content = content
        guard content.starts(with: [0x50, 0x4B]) else { return content }
        for position in 0..<content.count - 20 where content[position..<position + 4].elementsEqual([0x50, 0x4B, 1, 2])
        {
            content.replaceSubrange(position + 16..<position + 20, with: [0, 0, 0, 0])
        }
        return content
    }

    private func structure(of file: String, _ content: [UInt8]) -> [Range<Int>] {
        guard !file.contains("legacy") else { return [0..<min(8_000, content.count)] }
        let input = try? InputFile(path: Fixtures.path(file))
        let pickle = input.flatMap { try? ZipArchive($0) }?.members.first { $0.name.hasSuffix("data.pkl") }
        let directory = Swift.max(0, content.count - 4_000)..<content.count
        return [pickle?.range ?? 0..<content.count, directory, 0..<Swift.min(200, content.count)]
    }

    private func readEverything(_ path: String, isArray: Bool) throws {
        if isArray {
            _ = try NumpyArray.read(path: path).floats()
            return
        }
        let checkpoint = try Checkpoint.open(path: path)
        _ = checkpoint.tree.rendered(maximumDepth: 500, maximumItems: 100, maximumCharacters: 20_000)
        let weights = try checkpoint.weights(
            select: ["teacher", "model_state_dict"], stripping: ["module.", "backbone."], allowForeign: true)
        for name in weights.tensorNames {
            do {
                try weights.withTensor(name) { tensor in _ = tensor.bytes.reduce(0 as UInt8) { $0 ^ $1 } }
            } catch is WeightsError {}
        }
    }
}

/// A small deterministic generator (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A copy with up to three bytes changed, or cut short, or with bytes moved, mostly within the structure.
    mutating func damage(_ content: [UInt8], within structure: [Range<Int>]) -> [UInt8] {
        var bytes = content
        let kind = Int.random(in: 0..<10, using: &self)
        if kind == 0 { return Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &self))) }
        let range = structure.randomElement(using: &self) ?? 0..<bytes.count
        if kind == 1 {
            // Remove or insert a few bytes.
            let start = Int.random(in: range, using: &self)
            let count = Int.random(in: 1...8, using: &self)
            if Bool.random(using: &self) {
                bytes.removeSubrange(start..<Swift.min(bytes.count, start + count))
            } else {
                bytes.insert(
                    contentsOf: [UInt8](repeating: UInt8.random(in: 0...255, using: &self), count: count), at: start)
            }
            return bytes
        }
        for _ in 0..<Int.random(in: 1...3, using: &self) {
            let everywhere = Int.random(in: 0..<8, using: &self) == 0
            let position = Int.random(in: everywhere ? 0..<bytes.count : range, using: &self)
            switch Int.random(in: 0..<3, using: &self) {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: bytes[position] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF].randomElement(using: &self) ?? 0
            default: bytes[position] = UInt8.random(in: 0...255, using: &self)
            }
        }
        return bytes
    }
}
