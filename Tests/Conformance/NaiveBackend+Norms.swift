// SPDX-License-Identifier: MIT
import BeastCore
import Glibc

extension NaiveBackend {
    func probabilities(_ scores: [Float], row: Int, isCausal: Bool, queryOffset: Int, keyLength: Int) -> [Float] {
        var visible = fault == .ignoresKeyLength ? scores.count : keyLength
        if isCausal { visible = min(visible, row + queryOffset + (fault == .causalOffByOne ? 0 : 1)) }
        let seen = scores[..<max(0, visible)]
        let blind: Float = fault == .blindRowsNotZero && seen.isEmpty ? 1 / Float(max(1, scores.count)) : 0
        let peak = seen.contains(where: \.isNaN) ? .nan : seen.max() ?? 0
        let exponentials = seen.map { expf($0 - peak) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum } + [Float](repeating: blind, count: scores.count - seen.count)
    }

    func normalised(_ items: [Float], epsilon: Float) -> [Float] {
        let count = Float(items.count)
        let mean = items.reduce(0, +) / count
        var variance = items.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        if fault == .sampleVariance { variance *= count / max(1, count - 1) }
        if fault == .meanOfSquares { variance = max(0, items.reduce(0) { $0 + $1 * $1 } / count - mean * mean) }
        let inverse = 1 / (variance + (fault == .wrongEpsilon ? 1e-5 : epsilon)).squareRoot()
        return items.map { ($0 - mean) * inverse }
    }
}

extension NaiveBackend {
    func naiveSoftmax(_ arguments: SoftmaxArguments) throws(BackendError) {
        try refuseOthers(arguments)
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let keys = input.shape[input.shape.count - 1]
        for row in indices(of: Array(input.shape.dropLast())) {
            let scores = (0..<keys).map { arguments.scale * input[row + [$0]] }
            let result = probabilities(
                scores, row: row[row.count - 1], isCausal: arguments.isCausal, queryOffset: arguments.queryOffset,
                keyLength: arguments.keyLength)
            for key in 0..<keys { output[row + [key]] = result[key] }
        }
        try finish(arguments.output, arguments.input)
    }

    func naiveLayerNorm(_ arguments: LayerNormArguments) throws(BackendError) {
        try refuseOthers(arguments)
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let (weight, bias) = (try FloatView(arguments.weight, self), try FloatView(arguments.bias, self))
        let width = input.shape[input.shape.count - 1]
        for row in indices(of: Array(input.shape.dropLast())) {
            let normals = normalised((0..<width).map { input[row + [$0]] }, epsilon: arguments.epsilon)
            for channel in 0..<width {
                output[row + [channel]] = activated(
                    normals[channel] * weight[channel] + bias[channel], arguments.activation)
            }
        }
        try finish(arguments.output, arguments.input)
    }

    func naiveGroupNorm(_ arguments: GroupNormArguments) throws(BackendError) {
        try refuseOthers(arguments)
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let (weight, bias) = (try FloatView(arguments.weight, self), try FloatView(arguments.bias, self))
        let channels = input.shape[input.shape.count - 1]
        let groups = fault == .ignoresGroups ? 1 : arguments.groups
        for batch in 0..<input.shape[0] {
            for group in 0..<groups {
                let range = group * (channels / groups)..<(group + 1) * (channels / groups)
                let members = indices(of: Array(input.shape.dropFirst())).map { [batch] + $0 }
                    .filter { range.contains($0[$0.count - 1]) }
                for (index, normal) in zip(members, normalised(members.map { input[$0] }, epsilon: arguments.epsilon)) {
                    let channel = index[index.count - 1]
                    output[index] = activated(normal * weight[channel] + bias[channel], arguments.activation)
                }
            }
        }
    }

    func naiveArgReduce(_ arguments: ArgReduceArguments) throws(BackendError) {
        let input = try FloatView(arguments.input, self)
        let output = try FloatView(arguments.output, self)
        for row in 0..<input.shape[0] {
            var best = 0
            for index in 1..<max(1, input.shape[1]) {
                let (now, then) = (input[row, index], input[row, best])
                if then.isNaN, fault != .ignoresNaNInMaximum { break }
                var isBetter = arguments.extremum == .maximum ? now > then : now < then
                if fault == .lastOfEquals { isBetter = arguments.extremum == .maximum ? now >= then : now <= then }
                if isBetter || now.isNaN && fault != .ignoresNaNInMaximum { best = index }
            }
            output.store(best, row)
        }
    }

    func naiveReduce(_ arguments: ReduceArguments) throws(BackendError) {
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        for index in indices(of: output.shape) {
            var result: Float = arguments.reduction == .maximum ? -.infinity : 0
            for item in 0..<input.shape[1] {
                let element = input[index[0], item, index[1]]
                if arguments.reduction != .maximum {
                    result += element
                } else if element > result || element.isNaN && fault != .ignoresNaNInMaximum || result.isNaN {
                    result = result.isNaN ? result : element
                }
            }
            output[index] = arguments.reduction == .mean ? result / Float(input.shape[1]) : result
        }
        try finish(arguments.output, arguments.input)
    }
}
