// SPDX-License-Identifier: MIT
private import Glibc

/// Draws codes from logits by a ``SamplingRule``. It keeps its memory from draw to draw.
///
/// Logits are divided by the temperature in float32 and sums are made in double, code by code in their order, so a draw
/// depends on the logits and one uniform number and on nothing else.
public struct CodeSampler: Sendable {
    public let rule: SamplingRule
    /// Codes that can be drawn, in their order.
    private var candidates: [(code: Int32, weight: Double)] = []
    /// The largest logits so far, the smallest of them first.
    private var heap: [Float] = []
    private var order: [Int] = []

    public init(_ rule: SamplingRule) { self.rule = rule }

    /// A code, and how far from another it was.
    public struct Draw: Sendable, Equatable {
        public let code: Int32
        /// The distance of the uniform number from the nearest edge between two codes; for the most likely code, its
        /// probability less that of the next. A backend whose probabilities differ by less draws the same.
        public let margin: Double
    }

    /// The smallest code whose cumulative probability exceeds a uniform number.
    /// - Parameters:
    ///   - logits: one for each code.
    ///   - uniform: in [0, 1).
    /// - Throws: ``ModelError`` (`notFinite`) for logits that are NaN or infinite.
    public mutating func draw(_ logits: UnsafeBufferPointer<Float>, uniform: Double) throws(ModelError) -> Draw {
        let total = try weigh(logits)
        var code: Int32?
        var (cumulative, lower, upper) = (0.0, 0.0, 1.0)
        if rule.isGreedy {
            var (best, second) = (0, -Double.infinity)
            for index in candidates.indices.dropFirst() {
                let weight = candidates[index].weight
                if weight > candidates[best].weight {
                    (best, second) = (index, candidates[best].weight)
                } else {
                    second = max(second, weight)
                }
            }
            let margin = (candidates[best].weight - max(0, second)) / total
            return Draw(code: candidates[best].code, margin: margin)
        }
        for candidate in candidates {
            cumulative += candidate.weight
            upper = cumulative / total
            if upper > uniform {
                code = candidate.code
                break
            }
            lower = upper
        }
        // Rounding may leave the last edge just below 1: what lies beyond is the last code's.
        guard let code else {
            return Draw(code: candidates[candidates.count - 1].code, margin: abs(uniform - upper))
        }
        let below = lower > 0 ? uniform - lower : .infinity
        let above = upper < 1 ? upper - uniform : .infinity
        return Draw(code: code, margin: min(below, above, 1))
    }

    /// What ``draw(_:uniform:)`` draws by: a probability for each code, 0 for those that the rule excludes.
    public mutating func probabilities(_ logits: UnsafeBufferPointer<Float>) throws(ModelError) -> [Double] {
        let total = try weigh(logits)
        var probabilities = [Double](repeating: 0, count: logits.count)
        for candidate in candidates { probabilities[Int(candidate.code)] = candidate.weight / total }
        return probabilities
    }

    /// Fills ``candidates`` with weights that are proportional to the probabilities.
    /// - Returns: the sum of the weights.
    private mutating func weigh(_ logits: UnsafeBufferPointer<Float>) throws(ModelError) -> Double {
        let temperature = rule.isGreedy ? 1 : Float(rule.temperature)
        var largest = -Float.infinity
        var isFinite = true
        for logit in logits {
            largest = max(largest, logit)
            isFinite = isFinite && logit.isFinite
        }
        guard isFinite, !logits.isEmpty else {
            throw ModelError(.notFinite, "the logits of \(logits.count) codes are not all finite numbers")
        }
        let highest = Double(largest / temperature)
        let threshold = rule.topK.map { kthLargest($0, logits) / temperature } ?? -.infinity
        candidates.removeAll(keepingCapacity: true)
        var total = 0.0
        for (code, logit) in logits.enumerated() {
            // Divided first, as published: different logits may become equal.
            let scaled = logit / temperature
            guard scaled >= threshold else { continue }
            let weight = exp(Double(scaled) - highest)
            candidates.append((Int32(truncatingIfNeeded: code), weight))
            total += weight
        }
        if let topP = rule.topP, topP < 1 { total = keepMostLikely(topP, of: total) }
        return total
    }

    /// Keeps the most likely candidates, the lower code first among equals, until they have a share of the whole.
    private mutating func keepMostLikely(_ share: Double, of total: Double) -> Double {
        order.removeAll(keepingCapacity: true)
        order.append(contentsOf: candidates.indices)
        order.sort { (-candidates[$0].weight, $0) < (-candidates[$1].weight, $1) }
        var (sum, count) = (0.0, 0)
        while count < order.count, sum < share * total {
            sum += candidates[order[count]].weight
            count += 1
        }
        let kept = order.prefix(count).sorted()
        candidates = kept.map { candidates[$0] }
        return candidates.reduce(0) { $0 + $1.weight }
    }

    /// - Parameter k: 1 to the number of logits.
    private mutating func kthLargest(_ k: Int, _ logits: UnsafeBufferPointer<Float>) -> Float {
        heap.removeAll(keepingCapacity: true)
        heap.reserveCapacity(k)
        for logit in logits.prefix(k) { heap.append(logit) }
        return heap.withUnsafeMutableBufferPointer { heap in
            for parent in (0..<k / 2).reversed() { CodeSampler.sink(parent, heap) }
            for logit in logits.dropFirst(k) where logit > heap[0] {
                heap[0] = logit
                CodeSampler.sink(0, heap)
            }
            return heap[0]
        }
    }

    /// Restores the order of a heap whose element at `start` may be larger than those below it.
    private static func sink(_ start: Int, _ heap: UnsafeMutableBufferPointer<Float>) {
        let value = heap[start]
        var position = start
        while true {
            var child = 2 * position + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < value else { break }
            heap[position] = heap[child]
            position = child
        }
        heap[position] = value
    }
}
