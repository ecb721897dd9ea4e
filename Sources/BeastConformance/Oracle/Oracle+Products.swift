// SPDX-License-Identifier: MIT
internal import BeastCore

/// What follows a product, with the elements of its operands.
struct OracleEpilogue {
    /// [output channels]
    var bias: [Double]?
    /// In the order of the output's elements.
    var residual: [Double]?
    var activation = Activation.none
    var order = EpilogueOrder.activationThenResidual

    /// - Parameter position: of the output element, in row-major order.
    func apply(_ product: Estimate, position: Int, channel: Int) -> Estimate {
        var result = product
        if let bias { result = result.plus(.exact(bias[channel])) }
        let added = residual.map { Estimate.exact($0[position]) }
        switch order {
        case .activationThenResidual:
            result = result.activated(activation)
            if let added { result = result.plus(added) }
        case .residualThenActivation:
            if let added { result = result.plus(added) }
            result = result.activated(activation)
        }
        return result
    }
}

extension Oracle {
    /// Σ left[k] right[k] with float32 products and accumulation.
    static func dot(_ left: ArraySlice<Double>, _ right: ArraySlice<Double>) -> Estimate {
        precondition(left.count == right.count)
        var sum = 0.0
        var magnitude = 0.0
        let (l, r) = (left.startIndex, right.startIndex)
        for k in 0..<left.count {
            let product = left[l &+ k] * right[r &+ k]
            sum += product
            magnitude += abs(product)
        }
        return Estimate(value: sum, error: Rounding.accumulation(left.count) * magnitude)
    }

    /// left [.., M, K], right [.., K, N]
    static func matmul(_ left: DenseArray, _ right: DenseArray, alpha: Float = 1) -> [Estimate] {
        let rank = left.shape.count
        let (m, k, n) = (left.shape[rank - 2], left.shape[rank - 1], right.shape[rank - 1])
        var result: [Estimate] = []
        for batch in 0..<left.shape.dropLast(2).reduce(1, *) {
            let columns = (0..<n).map { column in
                (0..<k).map { right.values[(batch * k + $0) * n + column] }[...]
            }
            for row in 0..<m {
                let start = (batch * m + row) * k
                for column in columns { result.append(scaled(dot(left.values[start..<(start + k)], column), alpha)) }
            }
        }
        return result
    }

    /// input [.., K], weight [N, ..] read as [N, K]
    static func linear(
        _ input: DenseArray, weight: DenseArray, alpha: Float = 1, epilogue: OracleEpilogue = OracleEpilogue()
    ) -> [Estimate] {
        let columns = weight.shape[0]
        let inner = input.shape.last ?? 1
        var result: [Estimate] = []
        for row in input.rows {
            for column in 0..<columns {
                let product = scaled(dot(row, weight.values[(column * inner)..<((column + 1) * inner)]), alpha)
                result.append(epilogue.apply(product, position: result.count, channel: column))
            }
        }
        return result
    }

    private static func scaled(_ product: Estimate, _ alpha: Float) -> Estimate {
        alpha == 1 ? product : product.times(Double(alpha))
    }

    /// input [B, H, W, C] or [B, T, H, W, C], weight [D, frames * rows * columns * C]
    static func patchEmbedding(
        _ input: DenseArray, weight: DenseArray, bias: [Double]?, patch: Extent3
    ) -> [Estimate] {
        let clip =
            input.shape.count == 5
            ? input : DenseArray(shape: [input.shape[0], 1] + input.shape.dropFirst(), values: input.values)
        let (frames, rows) = (clip.shape[1] / patch.time, clip.shape[2] / patch.height)
        let columns = clip.shape[3] / patch.width
        var patches: [Double] = []
        for b in 0..<clip.shape[0] {
            for t in 0..<frames {
                for y in 0..<rows {
                    for x in 0..<columns {
                        patches += elements(of: clip, batch: b, corner: Extent3(t, y, x), patch: patch)
                    }
                }
            }
        }
        let inner = patch.time * patch.height * patch.width * clip.shape[4]
        let gathered = DenseArray(shape: [patches.count / max(1, inner), inner], values: patches)
        return linear(gathered, weight: weight, epilogue: OracleEpilogue(bias: bias))
    }

    private static func elements(of clip: DenseArray, batch: Int, corner: Extent3, patch: Extent3) -> [Double] {
        var result: [Double] = []
        for t in 0..<patch.time {
            for y in 0..<patch.height {
                for x in 0..<patch.width {
                    for c in 0..<clip.shape[4] {
                        result.append(
                            clip[
                                batch, corner.time * patch.time + t, corner.height * patch.height + y,
                                corner.width * patch.width + x, c])
                    }
                }
            }
        }
        return result
    }
}
