// SPDX-License-Identifier: MIT
internal import BeastCore

extension ReferenceBackend {
    func reduce(_ arguments: ReduceArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let count = arguments.input.shape[1]
        threads.split(output.count, work: count * output.length) { rows in
            for row in rows {
                let target = output[row]
                for column in 0..<output.length {
                    switch arguments.reduction {
                    case .maximum:
                        var largest = -Float.infinity
                        for item in 0..<count { largest = larger(largest, input[row * count + item][column]) }
                        target[column] = largest
                    case .sum, .mean:
                        var sum = 0.0
                        for item in 0..<count { sum += Double(input[row * count + item][column]) }
                        target[column] = Float(arguments.reduction == .mean ? sum / Double(count) : sum)
                    }
                }
            }
        }
    }

    func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try ElementRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        for row in 0..<input.count {
            let source = input[row]
            var best = 0
            for index in 1..<max(1, input.length) {
                if source[best].isNaN { break }
                let isBetter =
                    switch arguments.extremum {
                    case .maximum: source[index] > source[best]
                    case .minimum: source[index] < source[best]
                    }
                if isBetter || source[index].isNaN { best = index }
            }
            output.store(Double(best), row: 0, index: row)
        }
    }
}
