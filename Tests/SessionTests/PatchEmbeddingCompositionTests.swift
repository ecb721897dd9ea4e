// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

@Suite struct PatchEmbeddingCompositionTests {
    // At most 96 products below 1 and a bias, rounded once: 20 * 2^-24 = 1.2e-6.
    private let tolerance = 1.2e-6

    @Test(arguments: [Extent3(1, 3, 4), Extent3(1, 1, 1), Extent3(1, 7, 9), Extent3(1, 8, 2)])
    func picturesAreCutIntoPatchesRowByRow(_ patch: Extent3) throws {
        let session = try Reference.session()
        let picture = Grid.random([2, 7, 9, 3], seed: 1)
        let (rows, columns) = (7 / patch.height, 9 / patch.width)
        let kernel = Grid.random([5, patch.height, patch.width, 3], seed: 2)
        let bias = Grid.random([5], seed: 3)
        var expected = Grid([2, rows * columns, 5])
        for b in 0..<2 {
            for row in 0..<rows {
                for column in 0..<columns {
                    for d in 0..<5 {
                        var sum = bias[d]
                        for y in 0..<patch.height {
                            for x in 0..<patch.width {
                                for c in 0..<3 {
                                    sum +=
                                        picture[b, row * patch.height + y, column * patch.width + x, c]
                                        * kernel[d, y, x, c]
                                }
                            }
                        }
                        expected[b, row * columns + column, d] = sum
                    }
                }
            }
        }
        let (input, weight, vector) = (
            try session.tensor(picture), try session.weight(.linear, kernel), try session.tensor(bias)
        )
        // Into the rows behind a CLS token, which stays as it is.
        let tokens = try session.blank([2, 1 + rows * columns, 5])
        try session.run(
            PatchEmbeddingArguments(
                output: tokens.slice(1, 1..<1 + rows * columns).view, input: input.view, weight: weight.handle,
                bias: vector.view, patch: patch))
        expectClose(try session.download(tokens.slice(1, 1..<1 + rows * columns)), expected, within: tolerance)
        #expect(try session.download(tokens.slice(1, 0..<1)) == [Float](repeating: -12345, count: 10))
        withExtendedLifetime(weight) {}
    }

    @Test(arguments: [Extent3(2, 2, 4), Extent3(1, 3, 2), Extent3(5, 4, 6)], [false, true])
    func clipsAreCutIntoPatchesFrameByFrame(_ patch: Extent3, isNarrowed: Bool) throws {
        let session = try Reference.session()
        let clip = Grid.random([2, 5, 4, 6, 2], seed: 4)
        let grid = Extent3(5 / patch.time, 4 / patch.height, 6 / patch.width)
        let kernel = Grid.random([3, patch.time, patch.height, patch.width, 2], seed: 5)
        var expected = Grid([2, grid.time * grid.height * grid.width, 3])
        for b in 0..<2 {
            for t in 0..<grid.time * patch.time {
                for y in 0..<grid.height * patch.height {
                    for x in 0..<grid.width * patch.width {
                        let place = (t / patch.time * grid.height + y / patch.height) * grid.width + x / patch.width
                        for d in 0..<3 {
                            for c in 0..<2 {
                                expected[b, place, d] +=
                                    clip[b, t, y, x, c]
                                    * kernel[d, t % patch.time, y % patch.height, x % patch.width, c]
                            }
                        }
                    }
                }
            }
        }
        let weight = try session.weight(.linear, kernel)
        var input = try session.tensor(clip)
        if isNarrowed {
            // A view whose rows of pixels cannot be read in one run: two channels of a clip that has four.
            let wide = try session.blank([2, 5, 4, 6, 4])
            try session.run(CopyArguments(output: wide.slice(4, 1..<3).view, input: input.view))
            input = wide.slice(4, 1..<3)
        }
        let output = try session.blank([2, expected.shape[1], 3])
        try session.run(
            PatchEmbeddingArguments(output: output.view, input: input.view, weight: weight.handle, patch: patch))
        expectClose(try session.download(output), expected, within: tolerance)
        withExtendedLifetime(weight) {}
    }

    @Test func extentsThatOverflowAreRefused() throws {
        let view = TensorView(
            buffer: BufferHandle(rawValue: 1), shape: [1, 1 << 40, 1 << 40, 3], strides: [0, 0, 0, 1])
        let arguments = PatchEmbeddingArguments(
            output: TensorView(buffer: BufferHandle(rawValue: 2), shape: [1, 4, 4]), input: view,
            weight: BufferHandle(rawValue: 3), patch: Extent3(1, 1, 1))
        #expect(throws: BackendError.self) { try arguments.validate() }
    }
}

@Suite struct ResidualLayerNormCompositionTests {
    @Test func theSumIsKeptAndNormalised() throws {
        let session = try Reference.session()
        let (residual, input) = (Grid.random([3, 4, 9], seed: 1), Grid.random([3, 4, 9], seed: 2))
        let (weight, bias) = (Grid.random([9], seed: 3), Grid.random([9], seed: 4))
        var (sums, expected) = (residual, residual)
        for row in 0..<12 {
            for d in 0..<9 { sums.elements[row * 9 + d] += input.elements[row * 9 + d] }
            let values = sums.elements[row * 9..<row * 9 + 9]
            let mean = values.reduce(0, +) / 9
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 9
            for d in 0..<9 {
                expected.elements[row * 9 + d] =
                    (sums.elements[row * 9 + d] - mean) / (variance + 1e-3).squareRoot() * weight[d] + bias[d]
            }
        }
        let (x, y, w, b) = (
            try session.tensor(residual), try session.tensor(input), try session.tensor(weight),
            try session.tensor(bias)
        )
        let output = try session.blank([3, 4, 9])
        try session.run(
            ResidualLayerNormArguments(
                output: output.view, residual: x.view, input: y.view, weight: w.view, bias: b.view, epsilon: 1e-3))
        // The sum below 2 is rounded once; dividing by a deviation of at least 0.3 enlarges that to 4e-7.
        expectClose(try session.download(x), sums, within: 1.2e-7)
        expectClose(try session.download(output), expected, within: 1e-6)
    }
}
