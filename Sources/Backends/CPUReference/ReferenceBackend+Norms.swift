// SPDX-License-Identifier: MIT
internal import BeastCore
private import Glibc

extension ReferenceBackend {
    func softmax(_ arguments: SoftmaxArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let queries = arguments.input.shape[arguments.input.rank - 2]
        let scale = Double(arguments.scale)
        threads.split(output.count, work: output.length * 16) { rows in
            for row in rows {
                let (target, source) = (output[row], input[row])
                var seen = arguments.keyLength
                if arguments.isCausal { seen = min(seen, row % queries + arguments.queryOffset + 1) }
                var largest = -Double.infinity
                for key in 0..<seen { largest = max(largest, scale * Double(source[key])) }
                var sum = 0.0
                for key in 0..<seen { sum += exp(scale * Double(source[key]) - largest) }
                for key in 0..<seen { target[key] = Float(exp(scale * Double(source[key]) - largest) / sum) }
                for key in seen..<output.length { target[key] = 0 }
            }
        }
    }

    func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let (weight, bias) = (try FloatRows(arguments.weight, self)[0], try FloatRows(arguments.bias, self)[0])
        let channels = output.length
        threads.split(output.count, work: channels * 4) { rows in
            for row in rows {
                let (target, source) = (output[row], input[row])
                var moments = Moments()
                moments.addMean(source, channels)
                moments.addVariance(source, channels)
                let inverse = 1 / (moments.variance + Double(arguments.epsilon)).squareRoot()
                for channel in 0..<channels {
                    let normal = (Double(source[channel]) - moments.mean) * inverse
                    target[channel] = Float(
                        arguments.activation.apply(normal * Double(weight[channel]) + Double(bias[channel])))
                }
            }
        }
    }

    func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let (weight, bias) = (try FloatRows(arguments.weight, self)[0], try FloatRows(arguments.bias, self)[0])
        let batches = arguments.input.shape[0]
        guard batches > 0 else { return }
        let positions = input.count / batches
        let channels = output.length / arguments.groups
        threads.split(batches * arguments.groups, work: positions * channels * 4) { items in
            for item in items {
                let (batch, group) = item.quotientAndRemainder(dividingBy: arguments.groups)
                let rows = batch * positions..<(batch + 1) * positions
                let first = group * channels
                var moments = Moments()
                for row in rows { moments.addMean(input[row] + first, channels) }
                for row in rows { moments.addVariance(input[row] + first, channels) }
                let inverse = 1 / (moments.variance + Double(arguments.epsilon)).squareRoot()
                for row in rows {
                    let (target, source) = (output[row], input[row])
                    for channel in first..<first + channels {
                        let normal = (Double(source[channel]) - moments.mean) * inverse
                        target[channel] = Float(
                            arguments.activation.apply(normal * Double(weight[channel]) + Double(bias[channel])))
                    }
                }
            }
        }
    }
}

/// Mean and population variance in two passes: all elements are added to the mean before the first goes to the variance.
private struct Moments {
    private var sum = 0.0
    private var count = 0
    private var squares = 0.0

    var mean: Double { sum / Double(count) }
    var variance: Double { squares / Double(count) }

    mutating func addMean(_ elements: UnsafePointer<Float>, _ length: Int) {
        for index in 0..<length { sum += Double(elements[index]) }
        count += length
    }

    mutating func addVariance(_ elements: UnsafePointer<Float>, _ length: Int) {
        let mean = mean
        for index in 0..<length {
            let difference = Double(elements[index]) - mean
            squares += difference * difference
        }
    }
}
