// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

@Suite struct CounterGeneratorTests {
    /// The known answers of Random123 1.14, `kat_vectors`, "philox4x32 10".
    @Test(
        arguments: [
            ([0, 0, 0, 0], [0, 0], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
            (
                [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [0xFFFF_FFFF, 0xFFFF_FFFF],
                [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
            ),
            (
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0],
                [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
            ),
        ] as [([UInt32], [UInt32], [UInt32])])
    func blocksAreThoseOfThePaper(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
        let block = CounterGenerator.block(
            counter: SIMD4(counter[0], counter[1], counter[2], counter[3]), key: SIMD2(key[0], key[1]))
        #expect((0..<4).map { block[$0] } == expected)
    }

    @Test func aStreamDependsOnSeedAndStreamOnly() {
        func words(_ seed: UInt64, _ stream: UInt64) -> [UInt32] {
            var generator = CounterGenerator(seed: seed, stream: stream)
            return (0..<9).map { _ in generator.nextWord() }
        }
        #expect(words(0, 0).prefix(4) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
        #expect(words(1, 2) == words(1, 2))
        #expect(Set([words(1, 2), words(2, 1), words(1, 3), words(1 << 32, 2), words(1, 2 << 32)]).count == 5)
    }

    @Test func uniformNumbersFillTheUnitInterval() {
        var generator = CounterGenerator(seed: 7, stream: 0)
        let numbers = (0..<10_000).map { _ in generator.nextUniform() }
        #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 })
        let mean = numbers.reduce(0, +) / 10_000
        #expect(abs(mean - 0.5) < 0.02)
        #expect((numbers.min() ?? 1) < 0.001 && (numbers.max() ?? 0) > 0.999)
    }

    @Test func masksShowThePatchesOfLeastNoise() {
        let mask = PatchMask(noise: [0.3, 0.1, 0.3, 0.9, 0.2], ratio: 0.5)
        #expect(mask.visible == [1, 4])
        #expect(mask.isHidden == [true, false, true, true, false])
        #expect(PatchMask(noise: [0.3, 0.1, 0.3], ratio: 0).visible == [1, 0, 2])
        #expect(PatchMask(noise: [0.3, 0.1, 0.3], ratio: 0.99).visible == [1], "something must be seen")
        #expect(mask.tokenIndices(ofPicture: 2) == [12, 14, 17])
        #expect(mask.tableIndices(ofPicture: 1, maskRow: 6) == [3, 6, 4, 6, 6, 5])
    }
}
