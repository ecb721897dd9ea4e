// SPDX-License-Identifier: MIT
internal import BeastCore

/// Rows whose elements are known up to an error each: what passes between the layers of a block.
struct EstimatedRows {
    var width: Int
    var elements: [Estimate]

    var rows: [ArraySlice<Estimate>] {
        stride(from: 0, to: elements.count, by: width).map { elements[$0..<($0 + width)] }
    }

    init(width: Int, elements: [Estimate]) {
        self.width = width
        self.elements = elements
    }

    init(_ array: DenseArray) { self.init(width: array.shape.last ?? 1, elements: array.values.map(Estimate.exact)) }
}

/// Blocks of models in double precision, each layer passing its error on to the next.
extension Oracle {
    /// Σ left[k] right[k] of elements that have errors already.
    static func dot(_ left: some Sequence<Estimate>, _ right: some Sequence<Estimate>) -> Estimate {
        var (sum, magnitude, error, count) = (0.0, 0.0, 0.0, 0)
        for (a, b) in zip(left, right) {
            sum += a.value * b.value
            magnitude += abs(a.value * b.value)
            error += abs(a.value) * b.error + abs(b.value) * a.error + a.error * b.error
            count += 1
        }
        return Estimate(value: sum, error: error + Rounding.accumulation(count) * (magnitude + error))
    }

    /// x Wᵀ + b, weight [N, K].
    static func linear(_ input: EstimatedRows, weight: DenseArray, bias: [Double]) -> EstimatedRows {
        let kernels = weight.rows.map { $0.map(Estimate.exact) }
        let elements = input.rows.flatMap { row in
            zip(kernels, bias).map { kernel, bias in dot(row, kernel).plus(.exact(bias)) }
        }
        return EstimatedRows(width: weight.shape[0], elements: elements)
    }

    static func layerNorm(_ input: EstimatedRows, weight: [Double], bias: [Double], epsilon: Float) -> EstimatedRows {
        var elements: [Estimate] = []
        for row in input.rows {
            let mean = row.reduce(0) { $0 + $1.value } / Double(row.count)
            let variance = row.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) } / Double(row.count)
            // An error of the row moves an element by itself over the deviation, and mean and deviation no further.
            let moved = (row.map(\.error).max() ?? 0) / (variance + Double(epsilon)).squareRoot()
            for (channel, normal) in normalised(row.map(\.value), epsilon: epsilon).enumerated() {
                let whole = Estimate(value: normal.value, error: normal.error + moved * (2 + abs(normal.value)))
                elements.append(whole.times(weight[channel]).plus(.exact(bias[channel])))
            }
        }
        return EstimatedRows(width: input.width, elements: elements)
    }

    /// Multi-head attention of tokens with themselves; each row of the input is query, key and value of a token.
    static func selfAttention(_ qkv: EstimatedRows, batch: Int, heads: Int) -> EstimatedRows {
        let width = qkv.width / 3
        let (depth, tokens) = (width / heads, qkv.elements.count / qkv.width / max(1, batch))
        let factor = Double(1 / Float(depth).squareRoot())
        var result = [Estimate](repeating: .exact(0), count: batch * tokens * width)
        for image in 0..<batch {
            for head in 0..<heads {
                func vector(_ token: Int, _ part: Int) -> ArraySlice<Estimate> {
                    let start = (image * tokens + token) * qkv.width + part * width + head * depth
                    return qkv.elements[start..<(start + depth)]
                }
                for query in 0..<tokens {
                    let scores = (0..<tokens).map { dot(vector(query, 0), vector($0, 1)).times(factor) }
                    let weights = softmax(scores, visible: tokens)
                    for column in 0..<depth {
                        let values = (0..<tokens).map { token in
                            qkv.elements[(image * tokens + token) * qkv.width + 2 * width + head * depth + column]
                        }
                        result[(image * tokens + query) * width + head * depth + column] = dot(weights, values)
                    }
                }
            }
        }
        return EstimatedRows(width: width, elements: result)
    }

    /// A convolution of one stride with zeros around; input rows are the pixels of [B, H, W, C].
    static func convolution(
        _ input: EstimatedRows, _ shape: (batch: Int, height: Int, width: Int), weight: DenseArray, bias: [Double],
        groups: Int = 1
    ) -> EstimatedRows {
        let (channels, depth, side) = (weight.shape[0], weight.shape[1], weight.shape[2])
        let padding = side / 2
        var elements: [Estimate] = []
        for image in 0..<shape.batch {
            for y in 0..<shape.height {
                for x in 0..<shape.width {
                    for channel in 0..<channels {
                        let first = channel / (channels / groups) * depth
                        var (window, kernel): ([Estimate], [Estimate]) = ([], [])
                        for dy in 0..<side where (0..<shape.height).contains(y + dy - padding) {
                            for dx in 0..<side where (0..<shape.width).contains(x + dx - padding) {
                                let pixel = (image * shape.height + y + dy - padding) * shape.width + x + dx - padding
                                let start = pixel * input.width + first
                                window += input.elements[start..<(start + depth)]
                                kernel += (0..<depth).map { .exact(weight[channel, $0, dy, dx]) }
                            }
                        }
                        elements.append(dot(window, kernel).plus(.exact(bias[channel])))
                    }
                }
            }
        }
        return EstimatedRows(width: channels, elements: elements)
    }
}

extension EstimatedRows {
    func map(_ change: (Estimate) -> Estimate) -> EstimatedRows {
        EstimatedRows(width: width, elements: elements.map(change))
    }

    func plus(_ other: EstimatedRows) -> EstimatedRows {
        EstimatedRows(width: width, elements: zip(elements, other.elements).map { $0.plus($1) })
    }
}
