// SPDX-License-Identifier: MIT
internal import BeastCore

/// add and multiply
struct BinaryCase: CaseBody {
    let op: BackendOp?
    var shape: [Int]
    var dtype = DType.float32
    var left = Layout.dense
    var right = Layout.dense
    var output = Layout.dense
    /// The output is the left (0) or right (1) operand itself.
    var inPlace: Int?
    var special = false

    var parameters: String {
        "\(shape) \(dtype) left\(left.text) right\(right.text) output\(output.text)"
            + (inPlace.map { $0 == 0 ? ", in place of left" : ", in place of right" } ?? "")
            + (special ? ", NaN and infinity" : "")
    }
    var tolerance: String { Tolerance.oneOperation }
    var mayBeUnsupported: Bool { dtype != .float32 }
    var cost: Int { shape.reduce(1, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let specials: [Double] = [.nan, .infinity, -.infinity, 0, 1, -1, 3e38]
        let a = try bench.input("left", shape, special ? .list(specials) : .normal(), dtype: dtype, layout: left)
        let b = try bench.input(
            "right", shape, special ? .list(specials + [2]) : .normal(mean: 1), dtype: dtype, layout: right)
        let target = inPlace == 0 ? a : inPlace == 1 ? b : try bench.output(shape, dtype: dtype, layout: output)
        if op == .add {
            try bench.run(AddArguments(output: target.view, left: a.view, right: b.view))
            try bench.expect(target, withinRange(Oracle.add(a.array.values, b.array.values)))
        } else {
            try bench.run(MultiplyArguments(output: target.view, left: a.view, right: b.view))
            try bench.expect(target, withinRange(Oracle.multiply(a.array.values, b.array.values)))
        }
    }

    /// What is beyond float32 is infinity.
    private func withinRange(_ estimates: [Estimate]) -> [Estimate] {
        estimates.map { estimate in
            let rounded = NumberFormat.float32.rounded(estimate.value)
            return rounded.isInfinite ? Estimate(value: rounded, error: estimate.error) : estimate
        }
    }

    static func all(_ op: BackendOp) -> [BinaryCase] {
        [
            BinaryCase(op: op, shape: [1]), BinaryCase(op: op, shape: [0, 7]), BinaryCase(op: op, shape: []),
            BinaryCase(op: op, shape: [13, 37], left: .sliced, right: .offset(1), output: .sliced),
            BinaryCase(op: op, shape: [4, 7, 19], right: .repeated(0), output: .offset(3)),
            BinaryCase(op: op, shape: [4, 7, 19], left: .repeated(0, 1), right: .sliced),
            BinaryCase(op: op, shape: [3, 5, 8], left: .permuted(1, 0, 2), right: .repeated(1)),
            BinaryCase(op: op, shape: [2, 3, 4, 5, 2, 3, 2, 6], left: .sliced),
            BinaryCase(op: op, shape: [197, 384], inPlace: 0),
            BinaryCase(op: op, shape: [5, 33], left: .sliced, right: .sliced, inPlace: 1),
            BinaryCase(op: op, shape: [7, 8], special: true),
            BinaryCase(op: op, shape: [6, 50], dtype: .float16, right: .repeated(0)),
            BinaryCase(op: op, shape: [6, 50], dtype: .bfloat16, right: .repeated(0)),
        ]
    }
}

/// scale
struct ScaleCase: CaseBody {
    var shape: [Int]
    var alpha: Float = 1
    var beta: Float = 0
    var input = Layout.dense
    var output = Layout.dense
    var isInPlace = false
    var values = Values.normal()
    var dtype = DType.float32

    var op: BackendOp? { .scale }
    var parameters: String {
        "\(shape) \(dtype) alpha \(alpha) beta \(beta) input\(input.text) output\(output.text)"
            + (isInPlace ? ", in place" : "")
            + (values.planted.isEmpty ? "" : ", NaN and infinity")
    }
    var tolerance: String { Tolerance.oneOperation }
    var cost: Int { shape.reduce(8, *) }
    var mayBeUnsupported: Bool { dtype != .float32 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", shape, values, dtype: dtype, layout: input)
        let target = isInPlace ? source : try bench.output(shape, dtype: dtype, layout: output)
        try bench.run(ScaleArguments(output: target.view, input: source.view, alpha: alpha, beta: beta))
        try bench.expect(target, Oracle.scale(source.array.values, alpha: alpha, beta: beta))
    }

    static var all: [ScaleCase] {
        [
            ScaleCase(shape: [1], alpha: 2), ScaleCase(shape: [0], alpha: 2, beta: 1), ScaleCase(shape: [], alpha: -1),
            ScaleCase(shape: [11, 31], alpha: 0.1, beta: -0.7, input: .sliced, output: .offset(1)),
            ScaleCase(shape: [3, 5, 7], alpha: -1, beta: 1, input: .permuted(1, 0, 2), output: .sliced),
            ScaleCase(shape: [197, 384], alpha: 0.125, isInPlace: true),
            ScaleCase(shape: [2, 224, 224, 3], alpha: 4.366812, beta: -2.117904),
            ScaleCase(
                shape: [40], alpha: 0.5, beta: 2,
                values: .normal().planting([(1, .nan), (2, .infinity), (3, -.infinity)])),
            ScaleCase(shape: [40], alpha: 0, beta: 2),
            ScaleCase(shape: [9, 17], alpha: 1.7, beta: 0.3, dtype: .float16),
            ScaleCase(shape: [9, 17], alpha: 1.7, beta: 0.3, dtype: .bfloat16),
        ]
    }
}

/// activation
struct ActivationCase: CaseBody {
    var activation: Activation
    var shape: [Int]
    var values = Values.normal(deviation: 3)
    var input = Layout.dense
    var output = Layout.dense
    var isInPlace = false
    var dtype = DType.float32
    var what = ""

    var op: BackendOp? { .activation }
    var parameters: String {
        "\(activation) \(shape) \(dtype) input\(input.text) output\(output.text)" + (isInPlace ? ", in place" : "")
            + what
    }
    var tolerance: String { Tolerance.activations }
    var cost: Int { shape.reduce(8, *) }
    var mayBeUnsupported: Bool { dtype != .float32 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", shape, values, dtype: dtype, layout: input)
        let target = isInPlace ? source : try bench.output(shape, dtype: dtype, layout: output)
        try bench.run(ActivationArguments(output: target.view, input: source.view, activation: activation))
        try bench.expect(target, Oracle.activation(source.array.values, activation))
    }

    static var all: [ActivationCase] {
        var cases: [ActivationCase] = []
        for activation in Activation.allCases {
            cases += [
                ActivationCase(activation: activation, shape: [1]),
                ActivationCase(activation: activation, shape: [0, 4]),
                ActivationCase(activation: activation, shape: [13, 67], input: .sliced, output: .offset(1)),
                ActivationCase(activation: activation, shape: [5, 3, 9], input: .permuted(1, 0, 2), output: .sliced),
                ActivationCase(activation: activation, shape: [50, 1536], isInPlace: true),
                ActivationCase(activation: activation, shape: [2001], values: .uniform(-20, 20), what: ", wide range"),
                ActivationCase(
                    activation: activation, shape: [401],
                    values: .list([
                        .nan, .infinity, 0, -0.0, 1e-30, -1e-30, -88, -87, -104, -1000, 1000, 88, 1e30, -2, 2,
                    ]),
                    what: ", NaN, infinity and extremes"),
                ActivationCase(activation: activation, shape: [7, 31], dtype: .float16),
                ActivationCase(activation: activation, shape: [7, 31], dtype: .bfloat16),
            ]
        }
        cases.append(
            ActivationCase(
                activation: .relu, shape: [4], values: .list([-.infinity, .infinity, .nan, -1]), what: ", infinities"))
        return cases
    }
}
