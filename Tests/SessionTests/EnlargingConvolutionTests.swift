// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// The convolution of an enlarged map against loops that enlarge it.
@Suite struct EnlargingConvolutionTests {
    @Test(arguments: [[1, 1, 1, 1], [2, 3, 5, 4], [1, 1, 4, 3], [1, 6, 2, 5]])
    func itIsTheConvolutionOfTheEnlargedMap(shape: [Int]) throws {
        let session = try Reference.session()
        let channels = shape[3]
        let (map, kernel) = (Grid.random(shape, seed: 1), Grid.random([channels, channels, 3, 3], seed: 2))
        let bias = Grid.random([channels], seed: 3)
        let parameters = Parameters(MemoryWeights(["conv.weight": kernel, "conv.bias": bias]), session: session)
        let found = try EnlargingConvolution(parameters, "conv", channels, channels)(try session.tensor(map))
        let (height, width) = (2 * shape[1], 2 * shape[2])
        #expect(found.shape == [shape[0], height, width, channels])
        var expected = Grid([shape[0], height, width, channels])
        for batch in 0..<shape[0] {
            for y in 0..<height {
                for x in 0..<width {
                    for output in 0..<channels {
                        var sum = bias[output]
                        for (dy, dx) in (0..<9).map({ ($0 / 3, $0 % 3) }) {
                            let (row, column) = (y + dy - 1, x + dx - 1)
                            guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
                            for input in 0..<channels {
                                sum += map[batch, row / 2, column / 2, input] * kernel[output, input, dy, dx]
                            }
                        }
                        expected[batch, y, x, output] = sum
                    }
                }
            }
        }
        expectClose(try session.download(found), expected, within: 1e-5)
    }
}
