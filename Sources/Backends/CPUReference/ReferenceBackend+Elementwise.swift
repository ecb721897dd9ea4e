// SPDX-License-Identifier: MIT
internal import BeastCore
private import Glibc

extension ReferenceBackend {
    func fill(_ arguments: FillArguments) throws(BackendError) {
        let output = try ElementRows(arguments.output, self)
        for row in 0..<output.count {
            for index in 0..<output.length { output.store(arguments.value, row: row, index: index) }
        }
    }

    func copy(_ arguments: CopyArguments) throws(BackendError) {
        let output = try ElementRows(arguments.output, self)
        let input = try ElementRows(arguments.input, self)
        threads.split(output.count, work: output.length) { rows in
            for row in rows {
                if output.dtype == input.dtype {
                    output.copyRow(row, from: input)
                } else {
                    for index in 0..<output.length {
                        output.store(input.load(row: row, index: index), row: row, index: index)
                    }
                }
            }
        }
    }

    func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) {
        let output = try ElementRows(arguments.output, self)
        let table = try ElementRows(arguments.table, self)
        let indices = try ElementRows(arguments.indices, self)
        for row in 0..<output.count {
            let source = Int(indices.load(row: 0, index: row))
            guard source >= 0, source < table.count else {
                throw BackendError(
                    .invalidArgument, "index \(source) at position \(row), the table has \(table.count) rows")
            }
            output.copyRow(row, from: table, row: source)
        }
    }

    func add(_ arguments: AddArguments) throws(BackendError) {
        try requireFloat32(arguments)
        try combine(arguments) { $0 + $1 }
    }

    func multiply(_ arguments: MultiplyArguments) throws(BackendError) {
        try requireFloat32(arguments)
        try combine(arguments) { $0 * $1 }
    }

    @inline(__always)
    private func combine(_ arguments: some BinaryArguments, _ body: (Float, Float) -> Float) throws(BackendError) {
        let output = try FloatRows(arguments.output, self)
        let left = try FloatRows(arguments.left, self)
        let right = try FloatRows(arguments.right, self)
        threads.split(output.count, work: output.length) { rows in
            for row in rows {
                let (target, a, b) = (output[row], left[row], right[row])
                for index in 0..<output.length {
                    target[index] = body(a[index &* left.stride], b[index &* right.stride])
                }
            }
        }
    }

    func scale(_ arguments: ScaleArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let (alpha, beta) = (Double(arguments.alpha), Double(arguments.beta))
        try mapElements(output: arguments.output, input: arguments.input) { alpha * $0 + beta }
    }

    func activation(_ arguments: ActivationArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let activation = arguments.activation
        try mapElements(output: arguments.output, input: arguments.input) { activation.apply($0) }
    }

    private func mapElements(output: TensorView, input: TensorView, _ body: (Double) -> Double) throws(BackendError) {
        let output = try FloatRows(output, self)
        let input = try FloatRows(input, self)
        threads.split(output.count, work: output.length * 8) { rows in
            for row in rows {
                let (target, source) = (output[row], input[row])
                for index in 0..<output.length { target[index] = Float(body(Double(source[index]))) }
            }
        }
    }
}

extension Activation {
    /// The function in double precision.
    func apply(_ x: Double) -> Double {
        switch self {
        case .none: x
        case .relu: x > 0 || x.isNaN ? x : 0
        case .gelu: 0.5 * x * (1 + erf(x * 0.5.squareRoot()))
        // exp overflows to infinity below -709, where the quotient is the right 0.
        case .silu: x / (1 + exp(-x))
        }
    }
}
