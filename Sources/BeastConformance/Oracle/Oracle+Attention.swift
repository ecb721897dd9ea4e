// SPDX-License-Identifier: MIT
internal import BeastCore

extension Oracle {
    /// query [B, heads, M, d], key [B, heads, N, d]: softmax of the scaled products.
    static func attentionProbabilities(query: DenseArray, key: DenseArray, scale: Float, mask: KeyMask) -> [Estimate] {
        let (m, n, d) = (query.shape[2], key.shape[2], query.shape[3])
        var result: [Estimate] = []
        for head in 0..<(query.shape[0] * query.shape[1]) {
            for row in 0..<m {
                let start = (head * m + row) * d
                let scores = (0..<n).map { column in
                    let other = (head * n + column) * d
                    return dot(query.values[start..<(start + d)], key.values[other..<(other + d)]).times(Double(scale))
                }
                result += softmax(scores, visible: mask.visible(row: row, keys: n))
            }
        }
        return result
    }

    /// Then the weighted sum of value [B, heads, N, d]: each weight brings its error, and the sum its own.
    /// - Parameter weightType: what the weights may be rounded to before the sum.
    static func attention(
        query: DenseArray, key: DenseArray, value: DenseArray, scale: Float, mask: KeyMask,
        weightType: DType = .float32
    ) -> [Estimate] {
        let rounding = weightType == .float32 ? 0 : NumberFormat(weightType).unit
        let (m, n, d) = (query.shape[2], key.shape[2], query.shape[3])
        let weights = attentionProbabilities(query: query, key: key, scale: scale, mask: mask)
        var result: [Estimate] = []
        for head in 0..<(query.shape[0] * query.shape[1]) {
            for row in 0..<m {
                let visible = mask.visible(row: row, keys: n)
                for column in 0..<d {
                    var (sum, magnitude, error) = (0.0, 0.0, 0.0)
                    for item in 0..<visible {
                        let weight = weights[(head * m + row) * n + item]
                        let element = value.values[(head * n + item) * d + column]
                        sum += weight.value * element
                        magnitude += abs(weight.value * element)
                        error += (weight.error + rounding * weight.value) * abs(element)
                    }
                    result.append(Estimate(value: sum, error: error + Rounding.accumulation(visible) * magnitude))
                }
            }
        }
        return result
    }

    // MARK: Codes and top-k

    /// input [rows, D], codebook [K, D]: the nearest code and |code|² - 2 input · code.
    static func nearestCode(
        _ input: DenseArray, codebook: DenseArray, squaredNorms: [Double]
    ) -> (codes: [Estimate], distances: [Estimate]) {
        var codes: [Estimate] = []
        var distances: [Estimate] = []
        for row in input.rows {
            let candidates = codebook.rows.enumerated().map { code, entry in
                dot(row, entry).times(-2).plus(.exact(squaredNorms[code]))
            }
            let smallest = candidates.map(\.value).min() ?? 0
            let code = candidates.firstIndex { $0.value == smallest } ?? 0
            codes.append(.exact(Double(code)))
            distances.append(candidates[code])
        }
        return (codes, distances)
    }

    /// input [rows, n]: values and indices of the k largest, and how many elements equal the last of them.
    static func topK(_ input: DenseArray, k: Int) -> (values: [Estimate], indices: [Estimate], ties: [Estimate]) {
        var result: (values: [Estimate], indices: [Estimate], ties: [Estimate]) = ([], [], [])
        for row in input.rows {
            let elements = Array(row)
            // NaN is larger than everything; NaNs are equal to each other.
            func isLarger(_ left: Double, _ right: Double) -> Bool { left.isNaN ? !right.isNaN : left > right }
            func isEqual(_ left: Double, _ right: Double) -> Bool { left == right || left.isNaN && right.isNaN }
            let order = elements.indices.sorted { left, right in
                isEqual(elements[left], elements[right]) ? left < right : isLarger(elements[left], elements[right])
            }
            result.values += order[..<k].map { .exact(elements[$0]) }
            result.indices += order[..<k].map { .exact(Double($0)) }
            let last = elements[order[k - 1]]
            result.ties.append(.exact(Double(elements.count { isEqual($0, last) })))
        }
        return result
    }
}
