// SPDX-License-Identifier: MIT
internal import BeastCore
private import Glibc

/// Which keys a row of scores sees.
struct KeyMask: Sendable {
    var isCausal = false
    var queryOffset = 0
    /// nil: all of them.
    var keyLength: Int?

    func visible(row: Int, keys: Int) -> Int {
        let length = keyLength ?? keys
        return isCausal ? min(length, row + queryOffset + 1) : length
    }

    var text: String {
        (isCausal ? ", causal from \(queryOffset)" : "") + (keyLength.map { ", key length \($0)" } ?? "")
    }
}

extension Oracle {
    /// input [.., M, N]
    static func softmax(_ input: DenseArray, scale: Float, mask: KeyMask) -> [Estimate] {
        let (queries, keys) = (input.shape[input.shape.count - 2], input.shape[input.shape.count - 1])
        return input.rows.enumerated().flatMap { number, row in
            let scores = row.map { scale == 1 ? Estimate.exact($0) : Estimate.exact($0).times(Double(scale)) }
            return softmax(scores, visible: mask.visible(row: number % queries, keys: keys))
        }
    }

    /// exp(z - log Σ exp z) of the first `visible` scores, 0 for the others.
    ///
    /// An error of a score is a relative error of its exponential; the distance from the largest score is rounded once
    /// and exp may be off by 3 + 2 |x| units in the last place; the normaliser has the weighted mean of these errors
    /// and that of its own accumulation.
    static func softmax(_ scores: [Estimate], visible: Int) -> [Estimate] {
        let zeros = [Estimate](repeating: .exact(0), count: scores.count - visible)
        guard visible > 0 else { return zeros }
        let seen = scores[..<visible]
        let peak = largest(seen.map(\.value))
        let logSum = log(seen.reduce(0) { $0 + exp($1.value - peak) })
        let values = seen.map { exp($0.value - peak - logSum) }
        let relative = seen.map { score in
            let distance = abs(score.value - peak)
            return score.error + Rounding.unit * (distance + 2 * (3 + 2 * distance))
        }
        let normaliser =
            zip(values, relative).reduce(0) { $1.0 == 0 ? $0 : $0 + $1.0 * $1.1 } + Rounding.accumulation(visible)
        return zip(seen, zip(values, relative)).map { score, result in
            let (value, relative) = result
            // A score of -infinity has the exact weight 0; what is merely tiny may be flushed to it.
            if score.value == -.infinity, value == 0 { return .exact(0) }
            let error = value == 0 ? 0 : value * (relative + normaliser + 4 * Rounding.unit)
            return Estimate(value: value, error: max(error, Rounding.smallestNormal))
        } + zeros
    }

    /// Rows of the last axis.
    static func layerNorm(
        _ input: DenseArray, weight: [Double], bias: [Double], epsilon: Float, activation: Activation
    ) -> [Estimate] {
        input.rows.flatMap { row in
            normalised(Array(row), epsilon: epsilon).enumerated().map { channel, normal in
                finished(normal, weight[channel], bias[channel], activation)
            }
        }
    }

    /// input [B, .., C]
    static func groupNorm(
        _ input: DenseArray, weight: [Double], bias: [Double], epsilon: Float, groups: Int, activation: Activation
    ) -> [Estimate] {
        let (batches, channels) = (input.shape[0], input.shape[input.shape.count - 1])
        var result = [Estimate](repeating: .exact(0), count: input.values.count)
        let size = batches > 0 ? input.values.count / batches : 0
        for batch in 0..<batches {
            for group in 0..<groups {
                let members = (batch * size..<(batch + 1) * size).filter {
                    $0 % channels / (channels / groups) == group
                }
                let normals = normalised(members.map { input.values[$0] }, epsilon: epsilon)
                for (position, normal) in zip(members, normals) {
                    result[position] = finished(
                        normal, weight[position % channels], bias[position % channels], activation)
                }
            }
        }
        return result
    }

    private static func finished(_ normal: Estimate, _ weight: Double, _ bias: Double, _ activation: Activation)
        -> Estimate
    {
        normal.times(weight).plus(.exact(bias)).activated(activation)
    }

    /// (x - mean) / sqrt(population variance + epsilon).
    ///
    /// The statistics are accumulated in float32: the mean is off by the accumulation error of the magnitudes, the
    /// variance by that of the squared distances, as in two passes or in Welford's updating form, whose error grows
    /// with |mean| / deviation (Chan, Golub and LeVeque 1983). The square of that ratio, which the difference of the
    /// mean square and the squared mean brings in, is not allowed for.
    static func normalised(_ items: [Double], epsilon: Float) -> [Estimate] {
        let count = Double(items.count)
        let shift = items.first ?? 0
        let shiftedMean = items.reduce(0) { $0 + ($1 - shift) } / count
        let mean = shift + shiftedMean
        let difference = items.reduce(0) { $0 + ($1 - shift) * ($1 - shift) } / count - shiftedMean * shiftedMean
        let variance = difference < 0 ? 0 : difference
        let spread = variance + Double(epsilon)
        let inverse = 1 / spread.squareRoot()

        let accumulation = Rounding.accumulation(items.count)
        let meanError = accumulation * items.reduce(0) { $0 + abs($1) } / count + Rounding.unit * abs(mean)
        let varianceError = accumulation * (variance + abs(mean) * variance.squareRoot()) + meanError * meanError
        let inverseError = 0.5 * varianceError / spread + 5 * Rounding.unit
        return items.map { item in
            let distance = item - mean
            return Estimate(
                value: distance * inverse,
                error: (meanError + Rounding.unit * abs(distance)) * inverse
                    + abs(distance) * inverse * (inverseError + 2 * Rounding.unit))
        }
    }

    /// The sum and its layer norm. The sum is stored in float32, and the norm starts from what is stored.
    static func residualLayerNorm(
        residual: DenseArray, input: DenseArray, weight: [Double], bias: [Double], epsilon: Float
    ) -> (residual: [Estimate], output: [Estimate]) {
        let sums = add(residual.values, input.values)
        let norms = layerNorm(
            DenseArray(shape: residual.shape, values: sums.map(\.value)), weight: weight, bias: bias, epsilon: epsilon,
            activation: .none)
        // An error of one unit of each sum moves the normalised value by itself over the deviation, and the mean and
        // deviation of the row by no more than that again, each.
        let length = residual.shape.last ?? 1
        let output = norms.enumerated().map { position, norm in
            let start = position / length * length
            let row = sums[start..<(start + length)]
            let mean = row.reduce(0) { $0 + $1.value } / Double(length)
            let variance = row.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) } / Double(length)
            let largestError = row.map(\.error).max() ?? 0
            let channel = position % length
            let moved = largestError / (variance + Double(epsilon)).squareRoot() * abs(weight[channel])
            let normal = (sums[position].value - mean) / (variance + Double(epsilon)).squareRoot()
            return Estimate(value: norm.value, error: norm.error + moved * (2 + abs(normal)))
        }
        return (sums, output)
    }
}
