// SPDX-License-Identifier: MIT
import Foundation

@testable import BeastCore

/// Weights that were made up, in memory.
final class MemoryWeights: WeightSource {
    var tensors: [String: Grid]
    private(set) var readNames: Set<String> = []

    init(_ tensors: [String: Grid]) { self.tensors = tensors }

    var origin: String { "memory" }
    var tensorNames: [String] { tensors.keys.sorted() }
    func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    func withTensor<Result>(_ name: String, _ body: (HostTensor) throws -> Result) throws -> Result {
        guard let tensor = tensors[name] else { throw ModelError(.missingTensor, name) }
        readNames.insert(name)
        return try tensor.floats.withUnsafeBytes { bytes in
            try body(
                HostTensor(
                    bytes: bytes, dtype: .float32, shape: tensor.shape, strides: Array(Shape(tensor.shape).denseStrides)
                ))
        }
    }
}

/// A transformer of width 8 with random weights, and the same computed naively in double.
enum TinyTransformer {
    static let configuration = VisionTransformer.Configuration(
        imageSize: 12, patchSize: 4, width: 8, depth: 3, headCount: 2, hiddenWidth: 20)

    static func weights(_ configuration: VisionTransformer.Configuration = configuration) -> MemoryWeights {
        var tensors: [String: Grid] = [:]
        for (seed, tensor) in VisionTransformer.tensors(of: configuration).enumerated() {
            // Wide enough for attention maps that are far from even.
            tensors[tensor.name] = .random(tensor.shape, seed: UInt64(seed + 1), bound: 0.6)
        }
        return MemoryWeights(tensors)
    }

    static func model(_ session: Session) throws -> VisionTransformer {
        try VisionTransformer(configuration, weights: weights(), session: session)
    }

    static func pictures(batch: Int, height: Int, width: Int) -> Grid {
        .random([batch, height, width, 3], seed: UInt64(1000 + height * 100 + width), bound: 2)
    }
}

/// The forward pass of Dosovitskiy et al. 2021 as DINO publishes it, one picture at a time, tokens as rows of doubles,
/// written without looking at the model's code.
struct NaiveTransformer {
    typealias Rows = [[Double]]

    let configuration: VisionTransformer.Configuration
    let weights: [String: Grid]

    private func vector(_ name: String) -> [Double] { weights[name]?.elements ?? [] }

    // MARK: Outputs

    /// The residual stream after each block.
    func blocks(_ picture: Grid) -> [Rows] {
        var tokens = embedded(picture)
        return (0..<configuration.depth).map { index in
            tokens = block(tokens, "blocks.\(index).")
            return tokens
        }
    }

    func normalised(_ tokens: Rows) -> Rows { tokens.map { layerNorm($0, "norm") } }

    /// [heads][query][key] of the last block.
    func lastAttention(_ picture: Grid) -> [Rows] {
        var tokens = embedded(picture)
        for index in 0..<configuration.depth - 1 { tokens = block(tokens, "blocks.\(index).") }
        let path = "blocks.\(configuration.depth - 1)."
        return attention(tokens.map { layerNorm($0, path + "norm1") }, path + "attn.").maps
    }

    // MARK: Parts

    private func embedded(_ picture: Grid) -> Rows {
        let patch = configuration.patchSize
        let (height, width) = (picture.shape[0], picture.shape[1])
        let (rows, columns) = (height / patch, width / patch)
        // A convolution: kernel [D, 3, patch, patch], stride patch.
        guard let kernel = weights["patch_embed.proj.weight"] else { return [] }
        let bias = vector("patch_embed.proj.bias")
        var tokens = [vector("cls_token")]
        for row in 0..<rows {
            for column in 0..<columns {
                tokens.append(
                    (0..<configuration.width).map { d in
                        var sum = bias[d]
                        for channel in 0..<3 {
                            for y in 0..<patch {
                                for x in 0..<patch {
                                    sum +=
                                        kernel[d, channel, y, x] * picture[row * patch + y, column * patch + x, channel]
                                }
                            }
                        }
                        return sum
                    })
            }
        }
        let positions = positions(rows: rows, columns: columns, isSquare: height == width)
        return zip(tokens, positions).map { zip($0, $1).map(+) }
    }

    func positions(rows: Int, columns: Int, isSquare: Bool) -> Rows {
        guard let table = weights["pos_embed"] else { return [] }
        let grid = configuration.imageSize / configuration.patchSize
        func entry(_ index: Int) -> [Double] { (0..<configuration.width).map { table[0, index, $0] } }
        if isSquare, rows * columns == grid * grid { return (0...grid * grid).map(entry) }
        var result = [entry(0)]
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = [Double](repeating: 0, count: configuration.width)
                for (sourceRow, rowWeight) in taps(row, of: rows, grid) {
                    for (sourceColumn, columnWeight) in taps(column, of: columns, grid) {
                        let source = entry(1 + sourceRow * grid + sourceColumn)
                        for d in sum.indices { sum[d] += rowWeight * columnWeight * source[d] }
                    }
                }
                result.append(sum)
            }
        }
        return result
    }

    /// Every sample within two of the source coordinate, by the kernel as a function of distance, a = -0.75.
    private func taps(_ index: Int, of count: Int, _ grid: Int) -> [(Int, Double)] {
        let a = -0.75
        func kernel(_ distance: Double) -> Double {
            let u = abs(distance)
            if u <= 1 { return (a + 2) * u * u * u - (a + 3) * u * u + 1 }
            if u < 2 { return a * u * u * u - 5 * a * u * u + 8 * a * u - 4 * a }
            return 0
        }
        let source = (Double(index) + 0.5) * Double(grid) / (Double(count) + 0.1) - 0.5
        let first = Int(floor(source)) - 1
        return (first..<first + 4).map { (min(max($0, 0), grid - 1), kernel(source - Double($0))) }
    }

    private func block(_ tokens: Rows, _ path: String) -> Rows {
        let mixed = attention(tokens.map { layerNorm($0, path + "norm1") }, path + "attn.").output
        let projected = mixed.map { linear($0, path + "attn.proj") }
        let attended = zip(tokens, projected).map { zip($0, $1).map(+) }
        return attended.map { token in
            let hidden = linear(layerNorm(token, path + "norm2"), path + "mlp.fc1").map { Activation.gelu.naive($0) }
            return zip(token, linear(hidden, path + "mlp.fc2")).map(+)
        }
    }

    private func attention(_ tokens: Rows, _ path: String) -> (maps: [Rows], output: Rows) {
        let (width, heads) = (configuration.width, configuration.headCount)
        let dimension = width / heads
        let qkv = tokens.map { linear($0, path + "qkv") }
        var output = Rows(repeating: [], count: tokens.count)
        let maps = (0..<heads).map { head -> Rows in
            qkv.indices.map { query in
                let scores = qkv.map { key in
                    (0..<dimension).reduce(0.0) {
                        $0 + qkv[query][head * dimension + $1] * key[width + head * dimension + $1]
                    } / Double(dimension).squareRoot()
                }
                let exponentials = scores.map { exp($0) }
                let sum = exponentials.reduce(0, +)
                let row = exponentials.map { $0 / sum }
                for d in 0..<dimension {
                    output[query].append(zip(row, qkv).reduce(0) { $0 + $1.0 * $1.1[2 * width + head * dimension + d] })
                }
                return row
            }
        }
        return (maps, output)
    }

    private func linear(_ x: [Double], _ name: String) -> [Double] {
        guard let matrix = weights[name + ".weight"] else { return [] }
        let bias = vector(name + ".bias")
        return bias.indices.map { row in x.indices.reduce(bias[row]) { $0 + matrix[row, $1] * x[$1] } }
    }

    private func layerNorm(_ x: [Double], _ name: String) -> [Double] {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        let (weight, bias) = (vector(name + ".weight"), vector(name + ".bias"))
        return x.indices.map { (x[$0] - mean) / (variance + 1e-6).squareRoot() * weight[$0] + bias[$0] }
    }
}
