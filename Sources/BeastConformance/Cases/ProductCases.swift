// SPDX-License-Identifier: MIT
internal import BeastCore

/// matmul
struct MatmulCase: CaseBody {
    var batches: [Int] = []
    var m: Int
    var k: Int
    var n: Int
    var alpha: Float = 1
    var left = Layout.dense
    var right = Layout.dense
    var output = Layout.dense
    var dtype = DType.float32
    /// A NaN and an infinity in the left operand.
    var special = false

    var op: BackendOp? { .matmul }
    var parameters: String {
        "\(batches + [m, k])\(left.text) x \(batches + [k, n])\(right.text) "
            + "to output\(output.text) \(dtype) alpha \(alpha)"
            + (special ? ", NaN and infinity" : "")
    }
    var tolerance: String { Tolerance.products }
    var cost: Int { batches.reduce(m * k * n, *) }
    var mayBeUnsupported: Bool { dtype != .float32 }

    func run(_ bench: Workbench) throws(CaseStop) {
        var values = Values.normal()
        if special { values = values.planting([(1, .nan), (k + 2, .infinity)]) }
        let a = try bench.input("left", batches + [m, k], values, dtype: dtype, layout: left)
        let b = try bench.input("right", batches + [k, n], dtype: dtype, layout: right)
        let target = try bench.output(batches + [m, n], dtype: dtype, layout: output)
        try bench.run(MatmulArguments(output: target.view, left: a.view, right: b.view, alpha: alpha))
        try bench.expect(target, Oracle.matmul(a.array, b.array, alpha: alpha))
    }

    static var all: [MatmulCase] {
        [
            MatmulCase(m: 1, k: 1, n: 1), MatmulCase(m: 0, k: 3, n: 4), MatmulCase(m: 3, k: 0, n: 5),
            MatmulCase(m: 3, k: 4, n: 0),
            MatmulCase(m: 1, k: 384, n: 10),
            MatmulCase(m: 17, k: 31, n: 13, left: .sliced, right: .sliced, output: .sliced),
            MatmulCase(m: 65, k: 67, n: 71, alpha: -0.5, output: .offset(3)),
            MatmulCase(m: 9, k: 21, n: 11, left: .permuted(1, 0), right: .permuted(1, 0), output: .sliced),
            MatmulCase(m: 9, k: 21, n: 11, output: .permuted(1, 0, offset: 1)),
            MatmulCase(batches: [3], m: 5, k: 7, n: 6, left: .permuted(1, 0, 2), right: .repeated(0)),
            // [B, tokens, heads, d] as attention sees it: query times transposed key, then weights times value.
            MatmulCase(
                batches: [2, 3], m: 50, k: 64, n: 50, alpha: 0.125, left: .permuted(0, 2, 1, 3),
                right: .permuted(0, 3, 1, 2)),
            MatmulCase(
                batches: [2, 3], m: 50, k: 50, n: 64, right: .permuted(0, 2, 1, 3), output: .permuted(0, 2, 1, 3)),
            MatmulCase(batches: [0, 2], m: 4, k: 4, n: 4),
            MatmulCase(batches: [2, 2], m: 3, k: 1, n: 5, left: .repeated(0, 1)),
            MatmulCase(batches: [70_001], m: 1, k: 2, n: 1), MatmulCase(m: 19, k: 2053, n: 23),
            MatmulCase(m: 3, k: 70_001, n: 5), MatmulCase(m: 20, k: 20_032, n: 3),
            MatmulCase(m: 197, k: 384, n: 1152),
            MatmulCase(m: 7, k: 19, n: 9, special: true),
            MatmulCase(m: 33, k: 65, n: 17, dtype: .float16), MatmulCase(m: 33, k: 65, n: 17, dtype: .bfloat16),
        ]
    }
}

/// How the residual of an epilogue is given.
enum ResidualChoice: String, Sendable {
    case none, separate
    /// The output itself: results are accumulated.
    case output
    /// One row for all.
    case repeated
}

/// The epilogue of a case: which parts, in which order.
struct EpilogueChoice: Sendable {
    var bias = false
    var activation = Activation.none
    var residual = ResidualChoice.none
    var order = EpilogueOrder.activationThenResidual

    var isEmpty: Bool { !bias && activation == .none && residual == .none }
    var text: String {
        isEmpty ? "" : ", epilogue bias \(bias) activation \(activation) residual \(residual.rawValue) \(order)"
    }

    /// All kinds: each part alone, and both orders of all parts.
    static let all: [EpilogueChoice] = [
        EpilogueChoice(bias: true), EpilogueChoice(activation: .relu), EpilogueChoice(bias: true, activation: .gelu),
        EpilogueChoice(bias: true, activation: .silu), EpilogueChoice(residual: .separate),
        EpilogueChoice(bias: true, residual: .output), EpilogueChoice(bias: true, residual: .repeated),
        EpilogueChoice(bias: true, activation: .gelu, residual: .separate),
        EpilogueChoice(bias: true, activation: .gelu, residual: .separate, order: .residualThenActivation),
        EpilogueChoice(bias: true, activation: .relu, residual: .output, order: .residualThenActivation),
        EpilogueChoice(bias: true, activation: .silu, residual: .output),
    ]

    /// What the bench makes of it.
    struct Made {
        var output: Operand
        var arguments: Epilogue
        var oracle: OracleEpilogue
    }

    func make(
        _ bench: Workbench, outputShape: [Int], dtype: DType = .float32, layout: Layout
    ) throws(CaseStop) -> Made {
        let output =
            residual == .output
            ? try bench.input("output", outputShape, dtype: dtype, layout: layout)
            : try bench.output(outputShape, dtype: dtype, layout: layout)
        var arguments = Epilogue(activation: activation, order: order)
        var oracle = OracleEpilogue(activation: activation, order: order)
        if bias {
            let operand = try bench.input("bias", [outputShape.last ?? 1], layout: .offset(1))
            arguments.bias = operand.view
            oracle.bias = operand.array.values
        }
        switch residual {
        case .none: break
        case .output:
            arguments.residual = output.view
            oracle.residual = output.array.values
        case .separate, .repeated:
            let rows = Set(0..<(outputShape.count - 1))
            let other = residual == .repeated ? Layout(repeated: rows) : Layout.sliced
            let operand = try bench.input("residual", outputShape, dtype: dtype, layout: other)
            arguments.residual = operand.view
            oracle.residual = operand.array.values
        }
        return Made(output: output, arguments: arguments, oracle: oracle)
    }
}

/// linear
struct LinearCase: CaseBody {
    var leading: [Int]
    var k: Int
    var n: Int
    var alpha: Float = 1
    var input = Layout.dense
    var output = Layout.dense
    var epilogue = EpilogueChoice()
    var special = false
    var dtype = DType.float32
    var target = DType.float32
    /// The type of output and residual where it is not the input's.
    var outputType: DType?

    var op: BackendOp? { .linear }
    var parameters: String {
        "\(leading + [k])\(input.text) x [\(n), \(k)] "
            + "to output\(output.text) \(dtype)\(outputType.map { " to \($0)" } ?? ""), weight \(target), alpha \(alpha)"
            + epilogue.text + (special ? ", NaN and infinity" : "")
    }
    var tolerance: String {
        target == .int8
            ? Tolerance.products
                + "; int8 weights and inputs: half a step, |largest of the row| / 127, of each row of either"
            : Tolerance.products
    }
    var cost: Int { leading.reduce(k * n, *) }
    var mayBeUnsupported: Bool { !epilogue.isEmpty || dtype != .float32 || target != .float32 }
    var claimedBy: DType? { target == .int8 ? .int8 : dtype == .float32 ? nil : dtype }

    func run(_ bench: Workbench) throws(CaseStop) {
        var values = Values.normal()
        if special { values = values.planting([(1, .nan), (k + 2, .infinity)]) }
        let source = try bench.input("input", leading + [k], values, dtype: dtype, layout: input)
        let part = bench.part([n, k])
        let weight = try bench.weight(.linear, [part], target: target)
        let made = try epilogue.make(bench, outputShape: leading + [n], dtype: outputType ?? dtype, layout: output)
        try bench.run(
            LinearArguments(
                output: made.output.view, input: source.view, weight: weight, alpha: alpha, epilogue: made.arguments))
        let matrix = WeightPart.joined([part], target: target)
        var estimates = Oracle.linear(source.array, weight: matrix, alpha: alpha, epilogue: made.oracle)
        if target == .int8 { addQuantisation(to: &estimates, input: source.array, weight: matrix) }
        try bench.expect(made.output, estimates)
    }

    private func addQuantisation(to estimates: inout [Estimate], input: DenseArray, weight: DenseArray) {
        func step(_ row: ArraySlice<Double>) -> Double { (row.map { abs($0) }.max() ?? 0) / 127 }
        func magnitude(_ row: ArraySlice<Double>) -> Double { row.reduce(0) { $0 + abs($1) } }
        let columns = weight.rows.map { (step: step($0), magnitude: magnitude($0)) }
        for (number, row) in input.rows.enumerated() {
            let (rowStep, rowMagnitude) = (step(row), magnitude(row))
            for (column, weight) in columns.enumerated() {
                let error =
                    weight.step * rowMagnitude + rowStep * weight.magnitude
                    + 0.51 * rowStep * weight.step * Double(row.count)
                estimates[number * n + column].error += 1.13 * abs(Double(alpha)) * 0.51 * error
            }
        }
    }

    static var all: [LinearCase] {
        var cases = [
            LinearCase(leading: [1], k: 1, n: 1), LinearCase(leading: [], k: 9, n: 5),
            LinearCase(leading: [0], k: 8, n: 8),
            LinearCase(leading: [1], k: 384, n: 1000),
            LinearCase(leading: [13], k: 17, n: 19, input: .sliced, output: .sliced),
            LinearCase(leading: [67], k: 131, n: 61, alpha: -2, output: .offset(3)),
            LinearCase(leading: [2, 3, 5], k: 33, n: 7, input: .permuted(1, 0, 2, 3), output: .permuted(2, 0, 1, 3)),
            LinearCase(leading: [5, 3], k: 12, n: 10, input: .repeated(0)),
            LinearCase(leading: [2, 1, 2, 1, 2, 1, 2], k: 5, n: 6),
            LinearCase(leading: [197], k: 384, n: 1152), LinearCase(leading: [3], k: 3072, n: 24),
            LinearCase(leading: [70_001], k: 3, n: 2), LinearCase(leading: [2], k: 3, n: 70_001),
            LinearCase(leading: [7], k: 19, n: 9, special: true),
        ]
        // Rows of sequences that grow together.
        cases += (1...7).map { rows in
            LinearCase(leading: [rows, 1], k: 530, n: 310, epilogue: EpilogueChoice(bias: true, residual: .output))
        }
        // Items of many rows, which a backend may multiply together: fewest and odd rows, inner axes long and short.
        cases += [
            LinearCase(leading: [2, 96], k: 32, n: 64, epilogue: EpilogueChoice(bias: true)),
            LinearCase(
                leading: [2, 131], k: 1088, n: 128, alpha: 0.5, input: .sliced, output: .sliced,
                epilogue: EpilogueChoice(bias: true, activation: .gelu, residual: .separate)),
            LinearCase(leading: [3, 105], k: 2080, n: 64, epilogue: EpilogueChoice(bias: true, residual: .output)),
            LinearCase(
                leading: [2, 450], k: 64, n: 192, input: .permuted(1, 0, 2), output: .offset(3),
                epilogue: EpilogueChoice(bias: true, activation: .relu, residual: .repeated)),
        ]
        for epilogue in EpilogueChoice.all {
            cases.append(LinearCase(leading: [11], k: 23, n: 29, epilogue: epilogue))
            cases.append(LinearCase(leading: [2, 9], k: 40, n: 16, alpha: 0.5, output: .sliced, epilogue: epilogue))
        }
        cases.append(LinearCase(leading: [50], k: 384, n: 384, epilogue: EpilogueChoice(bias: true, residual: .output)))
        cases.append(LinearCase(leading: [50], k: 384, n: 256, epilogue: EpilogueChoice(bias: true, activation: .gelu)))
        cases.append(
            LinearCase(
                leading: [50], k: 2048, n: 40, alpha: 0.5,
                epilogue: EpilogueChoice(bias: true, activation: .gelu, residual: .separate)))
        for output in [DType.bfloat16, .float32] {
            for epilogue in [EpilogueChoice(), EpilogueChoice(bias: true, activation: .gelu, residual: .separate)] {
                cases += [([9], 65, 33), ([2, 197], 384, 200), ([1], 7, 1)].map { leading, k, n in
                    LinearCase(
                        leading: leading, k: k, n: n, input: .sliced, epilogue: epilogue, dtype: .bfloat16,
                        target: .int8, outputType: output)
                }
            }
        }
        for dtype in [DType.float16, .bfloat16] {
            cases += inReducedPrecision(dtype)
            cases.append(LinearCase(leading: [9], k: 65, n: 33, dtype: dtype, target: dtype))
            cases.append(
                LinearCase(
                    leading: [9], k: 65, n: 33, epilogue: EpilogueChoice(bias: true, activation: .gelu), dtype: dtype,
                    target: dtype))
        }
        return cases
    }

    /// What the layers of a model in that precision ask for, and shapes that are awkward for pairs of elements.
    private static func inReducedPrecision(_ dtype: DType) -> [LinearCase] {
        func linear(
            _ leading: [Int], _ k: Int, _ n: Int, to output: DType? = nil,
            _ epilogue: EpilogueChoice = EpilogueChoice(),
            input: Layout = .dense, layout: Layout = .dense
        ) -> LinearCase {
            LinearCase(
                leading: leading, k: k, n: n, input: input, output: layout, epilogue: epilogue, dtype: dtype,
                target: dtype, outputType: output)
        }
        return [
            linear([1], 1, 1), linear([0], 8, 8), linear([197], 384, 1152, EpilogueChoice(bias: true)),
            linear([2, 17], 384, 384, to: .float32, EpilogueChoice(bias: true, residual: .output)),
            linear([50], 384, 256, EpilogueChoice(bias: true, activation: .gelu)),
            linear([3], 3072, 24, to: .float32, EpilogueChoice(bias: true)),
            linear([7, 5], 33, 19, to: .float32, input: .permuted(1, 0, 2), layout: .sliced),
            linear(
                [64], 40, 48,
                EpilogueChoice(
                    bias: true, activation: .relu, residual: .separate,
                    order: .residualThenActivation)),
        ]
    }
}
