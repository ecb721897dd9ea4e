// SPDX-License-Identifier: MIT
import BeastCore

extension NaiveBackend {
    private func scores(
        _ query: FloatView, _ key: FloatView, _ row: [Int], scale: Float
    ) -> [Float] {
        (0..<key.shape[2]).map { column in
            var sum: Float = 0
            for d in 0..<query.shape[3] { sum += product(query[row + [d]], key[row[0], row[1], column, d]) }
            return scale * sum
        }
    }

    func naiveAttentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError) {
        let (query, key) = (try FloatView(arguments.query, self), try FloatView(arguments.key, self))
        let output = try FloatView(arguments.output, self)
        for row in indices(of: Array(query.shape.dropLast())) {
            let weights = probabilities(
                scores(query, key, row, scale: arguments.scale), row: row[2], isCausal: arguments.isCausal,
                queryOffset: arguments.queryOffset, keyLength: arguments.keyLength)
            for (column, weight) in weights.enumerated() { output[row + [column]] = weight }
        }
        try finish(arguments.output, arguments.query)
    }

    func naiveAttention(_ arguments: AttentionArguments) throws(BackendError) {
        let (query, key) = (try FloatView(arguments.query, self), try FloatView(arguments.key, self))
        let (value, output) = (try FloatView(arguments.value, self), try FloatView(arguments.output, self))
        for row in indices(of: Array(query.shape.dropLast())) {
            let weights = probabilities(
                scores(query, key, row, scale: arguments.scale), row: row[2], isCausal: arguments.isCausal,
                queryOffset: arguments.queryOffset, keyLength: arguments.keyLength)
            for d in 0..<query.shape[3] {
                var sum: Float = 0
                for (column, weight) in weights.enumerated() {
                    sum += product(weight, value[row[0], row[1], column, d])
                }
                output[row + [d]] = sum
            }
        }
    }

    func naiveResidualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) {
        let residual = try FloatView(arguments.residual, self)
        let input = try FloatView(arguments.input, self)
        for index in indices(of: input.shape) { residual[index] += input[index] }
        try naiveLayerNorm(
            LayerNormArguments(
                output: arguments.output, input: arguments.residual, weight: arguments.weight, bias: arguments.bias,
                epsilon: arguments.epsilon))
    }

    func naivePatchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) {
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let weight = try weight(arguments.weight)
        let isClip = input.shape.count == 5
        let patch = [arguments.patch.time, arguments.patch.height, arguments.patch.width]
        let extents = (isClip ? [] : [1]) + input.shape[1..<(input.shape.count - 1)]
        let grid = zip(extents, patch).map { $0 / $1 }
        let taps = indices(of: patch + [input.shape[input.shape.count - 1]])
        for batch in 0..<output.shape[0] {
            for (number, corner) in indices(of: grid).enumerated() {
                for column in 0..<output.shape[2] {
                    var sum: Float = 0
                    for (place, tap) in taps.enumerated() {
                        var source = [batch]
                        for axis in (isClip ? 0 : 1)..<3 { source.append(corner[axis] * patch[axis] + tap[axis]) }
                        sum += product(input[source + [tap[3]]], weight.elements[column * taps.count + place])
                    }
                    let bias =
                        try arguments.bias.map { (view) throws(BackendError) in try FloatView(view, self)[column] } ?? 0
                    output[batch, number, column] = sum + bias
                }
            }
        }
    }

    func naiveNearestCode(_ arguments: NearestCodeArguments) throws(BackendError) {
        let (codes, distances) = (try FloatView(arguments.codes, self), try FloatView(arguments.distances, self))
        let (input, norms) = (try FloatView(arguments.input, self), try FloatView(arguments.squaredNorms, self))
        let weight = try weight(arguments.weight)
        for row in 0..<input.shape[0] {
            var best = (code: 0, distance: Float.infinity)
            for code in 0..<norms.shape[0] {
                var sum: Float = 0
                for d in 0..<input.shape[1] {
                    sum += product(input[row, d], weight.elements[code * input.shape[1] + d])
                }
                let distance = norms[code] - 2 * sum
                if distance < best.distance || fault == .lastOfEquals && distance == best.distance {
                    best = (code, distance)
                }
            }
            codes.store(best.code, row)
            distances[row] = best.distance
        }
    }

    func naiveTopK(_ arguments: TopKArguments) throws(BackendError) {
        let (input, values) = (try FloatView(arguments.input, self), try FloatView(arguments.values, self))
        let (numbers, ties) = (try FloatView(arguments.indices, self), try FloatView(arguments.ties, self))
        for row in 0..<input.shape[0] {
            var taken: Set<Int> = []
            for place in 0..<values.shape[1] {
                var best: Int?
                for index in 0..<input.shape[1] where !taken.contains(index) {
                    guard let current = best else {
                        best = index
                        continue
                    }
                    let (now, then) = (input[row, index], input[row, current])
                    if now > then || now.isNaN && !then.isNaN || fault == .lastOfEquals && now == then { best = index }
                }
                guard let best else { return }
                taken.insert(best)
                values[row, place] = input[row, best]
                numbers.store(best, row, place)
            }
            let last = values[row, values.shape[1] - 1]
            let equal = (0..<input.shape[1]).count { input[row, $0] == last || input[row, $0].isNaN && last.isNaN }
            ties.store(equal, row)
        }
    }
}
