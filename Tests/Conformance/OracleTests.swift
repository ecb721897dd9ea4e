import BeastCore
import Glibc
import Testing

// SPDX-License-Identifier: MIT
@testable import BeastConformance

/// The oracle is what everything is measured by; here it is measured by what the language and the C library compute.
@Suite("The oracle") struct OracleTests {
    private var numbers: [Double] {
        var generator = SeededGenerator(seed: 4)
        return (0..<4000).map { _ in generator.normal() * pow(2, Double(Int.random(in: -160...140, using: &generator)))
        }
            + [
                0, -0.0, .infinity, -.infinity, 65504, 65519.99, 65520, 0x1p-25, 0x1.8p-25, 3.5e38, 1 + 0x1p-8,
                1 + 0x3p-8,
            ]
    }

    @Test("rounds to float32 and float16 as the processor does") func floats() {
        for number in numbers {
            #expect(NumberFormat.float32.rounded(number) == Double(Float(number)), "\(number)")
            #expect(NumberFormat.float16.rounded(number) == Double(Float16(number)), "\(number)")
        }
    }

    @Test("rounds to bfloat16 once, ties to even") func bfloat16() {
        let format = NumberFormat.bfloat16
        #expect(format.rounded(1 + 0x1p-8) == 1)
        #expect(format.rounded(1 + 0x3p-8) == 1 + 0x1p-6)
        #expect(format.rounded(1 + 0x1p-8 + 0x1p-40) == 1 + 0x1p-7)
        #expect(format.rounded(3.4e38) == .infinity)
        #expect(format.rounded(0x1p-133) == 0x1p-133)
        #expect(format.rounded(0x1p-134) == 0)
    }

    @Test("saturates integers and makes NaN 0") func integers() {
        #expect(
            [-1, 0.5, 1.5, 254.5, 255.5, 1e9, .nan].map(NumberFormat.uint8.rounded) == [0, 0, 2, 254, 255, 255, 0])
        #expect([-128.5, -129, 127.5, .nan].map(NumberFormat.int8.rounded) == [-128, -128, 127, 0])
        #expect([1e10, -.infinity].map(NumberFormat.int32.rounded) == [2_147_483_647, -2_147_483_648])
    }

    @Test("knows values of the activations") func activations() {
        #expect(abs(Estimate.exact(1).gelu().value - 0.841_344_746_068_542_9) < 1e-15)
        #expect(abs(Estimate.exact(-3).gelu().value + 0.004_049_694_094_890_28) < 1e-13)
        #expect(abs(Estimate.exact(1).silu().value - 0.731_058_578_630_004_9) < 1e-15)
        #expect(Estimate.exact(-1000).silu().value == 0)
        #expect(Estimate.exact(.nan).relu().value.isNaN)
    }

    @Test("lets what is tiny be flushed to zero, and a score of -infinity have no weight at all") func tinyWeights() {
        let scores = [0, -741, -1000, -Double.infinity].map { Estimate.exact($0) }
        let weights = Oracle.softmax(scores, visible: 4)
        #expect(weights[1].value > 0 && weights[1].error >= Rounding.smallestNormal)
        #expect(weights[2].value == 0 && weights[2].error >= Rounding.smallestNormal)
        #expect(weights[3].value == 0 && weights[3].error == 0)
    }

    @Test("knows a convolution and its transposed by heart") func convolutions() {
        let line = DenseArray(shape: [1, 1, 1, 3, 1], values: [1, 2, 3])
        let kernel = DenseArray(shape: [1, 1, 1, 1, 2], values: [10, 1])
        let forward = Oracle.convolution(line, weight: kernel, stride: Extent3(1, 1, 1))
        #expect(forward.map(\.value) == [12, 23])
        let back = Oracle.transposedConvolution(
            line, weight: kernel, stride: Extent3(1, 1, 2), cropping: Extent3(0, 0, 0), epilogue: OracleEpilogue())
        #expect(back.map(\.value) == [10, 1, 20, 2, 30, 3])
        let wide = Oracle.padded(line, before: Extent3(0, 0, 2), after: Extent3(0, 0, 1), mode: .replicate)
        #expect(wide.values == [1, 1, 1, 2, 3, 3])
    }

    @Test("keeps softmax, norms and top-k to their definitions") func definitions() {
        let rows = DenseArray(shape: [2, 3], values: [0, log(2), log(5), 1, 1, 1])
        let soft = Oracle.softmax(rows, scale: 1, mask: KeyMask(keyLength: 2)).map(\.value)
        #expect(zip(soft, [1.0 / 3, 2.0 / 3, 0, 0.5, 0.5, 0]).allSatisfy { abs($0 - $1) < 1e-15 })
        let normal = Oracle.normalised([1, 3], epsilon: 0).map(\.value)
        #expect(normal == [-1, 1])
        let top = Oracle.topK(DenseArray(shape: [1, 5], values: [2, .nan, 5, 5, 1]), k: 2)
        #expect(top.indices.map(\.value) == [1, 2] && top.ties.map(\.value) == [2])
    }

    @Test("allows for accumulation no more than for the square root of the length") func accumulation() {
        #expect(Rounding.accumulation(1) == 3 * 0x1p-24)
        #expect(Rounding.accumulation(10_000) == 402 * 0x1p-24)
    }
}
