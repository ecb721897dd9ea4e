// SPDX-License-Identifier: MIT
internal import BeastCore

/// softmax
struct SoftmaxCase: CaseBody {
    var shape: [Int]
    var scale: Float = 1
    var mask = KeyMask()
    var input = Layout.dense
    var output = Layout.dense
    var isInPlace = false
    var values = Values.normal(deviation: 3)
    var dtype = DType.float32
    var what = ""

    var op: BackendOp? { .softmax }
    var parameters: String {
        "\(shape) \(dtype) scale \(scale)\(mask.text) input\(input.text) output\(output.text)"
            + (isInPlace ? ", in place" : "") + what
    }
    var tolerance: String { Tolerance.softmax }
    var cost: Int { shape.reduce(8, *) }
    var mayBeUnsupported: Bool { dtype != .float32 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", shape, values, dtype: dtype, layout: input)
        let target = isInPlace ? source : try bench.output(shape, dtype: dtype, layout: output)
        let keys = shape[shape.count - 1]
        try bench.run(
            SoftmaxArguments(
                output: target.view, input: source.view, scale: scale, isCausal: mask.isCausal,
                queryOffset: mask.queryOffset, keyLength: mask.keyLength ?? keys))
        try bench.expect(target, Oracle.softmax(source.array, scale: scale, mask: mask))
    }

    static var all: [SoftmaxCase] {
        let hidden = Values.normal().planting(
            (0..<5).map { ($0 * 12 + 11, .nan) } + (0..<5).map { ($0 * 12 + 10, .infinity) })
        return [
            SoftmaxCase(shape: [1, 1]), SoftmaxCase(shape: [0, 5]), SoftmaxCase(shape: [3, 0]),
            SoftmaxCase(shape: [7, 13], scale: 0.3, input: .sliced, output: .sliced),
            SoftmaxCase(shape: [2, 3, 197, 197], scale: 0.125, isInPlace: true),
            SoftmaxCase(shape: [5, 3, 17], input: .permuted(1, 0, 2), output: .offset(1)),
            SoftmaxCase(shape: [1, 4099], output: .offset(2)), SoftmaxCase(shape: [4, 9], scale: -2),
            SoftmaxCase(shape: [4, 9], scale: 0),
            SoftmaxCase(shape: [2, 9, 9], mask: KeyMask(isCausal: true)),
            SoftmaxCase(
                shape: [2, 2, 5, 12], scale: 0.5, mask: KeyMask(isCausal: true, queryOffset: 7), output: .sliced),
            SoftmaxCase(
                shape: [3, 4, 11], mask: KeyMask(isCausal: true, queryOffset: 2, keyLength: 5), isInPlace: true),
            SoftmaxCase(shape: [3, 1, 16], mask: KeyMask(isCausal: true, queryOffset: 9, keyLength: 10)),
            SoftmaxCase(shape: [4, 6], mask: KeyMask(keyLength: 0), what: ", rows that see no key"),
            SoftmaxCase(shape: [6, 7], mask: KeyMask(isCausal: true, queryOffset: 2_000_000_000, keyLength: 3)),
            SoftmaxCase(
                shape: [5, 12], mask: KeyMask(keyLength: 10), values: hidden,
                what: ", NaN and infinity where nobody looks"),
            SoftmaxCase(
                shape: [5, 12], values: .normal().planting([(3, .nan), (14, -.infinity), (20, -.infinity)]),
                what: ", NaN and -infinity"),
            SoftmaxCase(shape: [4, 33], values: .uniform(900, 1000), what: ", beyond exp's range"),
            SoftmaxCase(shape: [4, 33], values: .uniform(-1000, 1000), what: ", very different scores"),
            SoftmaxCase(shape: [4, 33], values: .list([2.5]), what: ", equal scores"),
            SoftmaxCase(shape: [70_001, 3], what: ", more rows than 65535"),
            SoftmaxCase(shape: [2, 70_001], what: ", longer than 65535"),
            SoftmaxCase(shape: [6, 40], dtype: .float16), SoftmaxCase(shape: [6, 40], dtype: .bfloat16),
        ]
    }
}

/// layer_norm
struct LayerNormCase: CaseBody {
    var leading: [Int]
    var width: Int
    var epsilon: Float = 1e-6
    var activation = Activation.none
    var input = Layout.dense
    var output = Layout.dense
    var values = Values.normal()
    var dtype = DType.float32
    /// Where it is not the output's.
    var inputType: DType?
    var what = ""

    var op: BackendOp? { .layerNorm }
    var claimedBy: DType? { inputType == nil || dtype == .float32 ? nil : dtype }
    var parameters: String {
        "\(leading + [width]) \(inputType.map { "\($0) to " } ?? "")\(dtype) epsilon \(epsilon) activation \(activation) "
            + "input\(input.text) output\(output.text)\(what)"
    }
    var tolerance: String { Tolerance.norms }
    var cost: Int { leading.reduce(width * 8, *) }
    var mayBeUnsupported: Bool { dtype != .float32 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", leading + [width], values, dtype: inputType ?? dtype, layout: input)
        let weight = try bench.input("weight", [width], .normal(mean: 1, deviation: 0.3), layout: .offset(1))
        let bias = try bench.input("bias", [width], layout: .offset(2))
        let target = try bench.output(leading + [width], dtype: dtype, layout: output)
        try bench.run(
            LayerNormArguments(
                output: target.view, input: source.view, weight: weight.view, bias: bias.view, epsilon: epsilon,
                activation: activation))
        try bench.expect(
            target,
            Oracle.layerNorm(
                source.array, weight: weight.array.values, bias: bias.array.values, epsilon: epsilon,
                activation: activation))
    }

    static var all: [LayerNormCase] {
        [
            LayerNormCase(leading: [1], width: 1), LayerNormCase(leading: [], width: 5),
            LayerNormCase(leading: [0], width: 8),
            LayerNormCase(leading: [7], width: 13, input: .sliced, output: .sliced),
            LayerNormCase(leading: [197], width: 384),
            LayerNormCase(
                leading: [3, 5], width: 67, activation: .silu, input: .permuted(1, 0, 2), output: .offset(1)),
            LayerNormCase(leading: [4], width: 33, input: .repeated(0)), LayerNormCase(leading: [2], width: 5003),
            LayerNormCase(
                leading: [9], width: 48, epsilon: 1e-5, values: .normal(deviation: 1e-3), what: ", tiny variance"),
            LayerNormCase(
                leading: [9], width: 48, epsilon: 1e-6, values: .normal(deviation: 1e-3), what: ", tiny variance"),
            LayerNormCase(
                leading: [9], width: 48, epsilon: 1e-12, values: .normal(deviation: 1e-5), what: ", tiny variance"),
            LayerNormCase(leading: [5], width: 16, values: .list([0.5]), what: ", no variance"),
            LayerNormCase(
                leading: [5], width: 32, epsilon: 0.1, values: .normal(mean: 3, deviation: 0.5), what: ", large epsilon"
            ),
            LayerNormCase(leading: [5], width: 33, values: .normal(mean: 1000), what: ", mean 1000 deviations off"),
            LayerNormCase(
                leading: [5], width: 768, values: .normal(mean: -40, deviation: 2), what: ", mean 20 deviations off"),
            LayerNormCase(
                leading: [5], width: 19, values: .normal().planting([(3, .nan), (25, .infinity)]),
                what: ", NaN and infinity"),
            LayerNormCase(leading: [70_001], width: 3, what: ", more rows than 65535"),
            LayerNormCase(leading: [2], width: 70_001, what: ", longer than 65535"),
            LayerNormCase(leading: [8], width: 40, dtype: .float16),
            LayerNormCase(leading: [8], width: 40, dtype: .bfloat16),
            LayerNormCase(leading: [2, 17], width: 773, output: .sliced, dtype: .bfloat16, inputType: .float32),
            LayerNormCase(leading: [2, 17], width: 773, output: .sliced, dtype: .float16, inputType: .float32),
        ]
    }
}

/// group_norm
struct GroupNormCase: CaseBody {
    /// [B, .., C]
    var shape: [Int]
    var groups: Int
    var epsilon: Float = 1e-6
    var activation = Activation.none
    var input = Layout.dense
    var output = Layout.dense
    var values = Values.normal(mean: 0.3)
    var what = ""

    var op: BackendOp? { .groupNorm }
    var parameters: String {
        "\(shape) groups \(groups) epsilon \(epsilon) activation \(activation) "
            + "input\(input.text) output\(output.text)\(what)"
    }
    var tolerance: String { Tolerance.norms }
    var cost: Int { shape.reduce(8, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let channels = shape[shape.count - 1]
        let source = try bench.input("input", shape, values, layout: input)
        let weight = try bench.input("weight", [channels], .normal(mean: 1, deviation: 0.3), layout: .offset(1))
        let bias = try bench.input("bias", [channels], layout: .offset(2))
        let target = try bench.output(shape, layout: output)
        try bench.run(
            GroupNormArguments(
                output: target.view, input: source.view, weight: weight.view, bias: bias.view, epsilon: epsilon,
                groups: groups, activation: activation))
        try bench.expect(
            target,
            Oracle.groupNorm(
                source.array, weight: weight.array.values, bias: bias.array.values, epsilon: epsilon, groups: groups,
                activation: activation))
    }

    static var all: [GroupNormCase] {
        [
            GroupNormCase(shape: [1, 1], groups: 1), GroupNormCase(shape: [0, 3, 4], groups: 2),
            GroupNormCase(shape: [2, 6], groups: 3), GroupNormCase(shape: [2, 5, 7, 12], groups: 1, activation: .silu),
            GroupNormCase(shape: [2, 5, 7, 12], groups: 12, output: .sliced),
            GroupNormCase(shape: [2, 5, 7, 12], groups: 4, input: .sliced),
            GroupNormCase(
                shape: [1, 3, 5, 4, 15], groups: 5, activation: .silu, input: .permuted(0, 2, 1, 3, 4),
                output: .offset(1)),
            GroupNormCase(shape: [2, 16, 16, 64], groups: 32, activation: .silu),
            GroupNormCase(shape: [1, 31, 29, 8], groups: 2), GroupNormCase(shape: [2, 9, 11, 520], groups: 40),
            GroupNormCase(shape: [3, 4, 9], groups: 3, input: .repeated(0)),
            GroupNormCase(
                shape: [2, 6, 8], groups: 4, epsilon: 1e-5, values: .normal(deviation: 1e-3), what: ", tiny variance"),
            GroupNormCase(
                shape: [2, 6, 8], groups: 4, epsilon: 1e-6, values: .normal(deviation: 1e-3), what: ", tiny variance"),
            GroupNormCase(
                shape: [2, 6, 8], groups: 4, values: .normal(mean: 1000), what: ", mean 1000 deviations off"),
            GroupNormCase(
                shape: [2, 6, 8], groups: 4, values: .normal().planting([(3, .nan), (90, .infinity)]),
                what: ", NaN and infinity"),
        ]
    }
}

/// residual_layer_norm
struct ResidualLayerNormCase: CaseBody {
    var leading: [Int]
    var width: Int
    var epsilon: Float = 1e-6
    var layout = Layout.dense
    var deviation = 1.0

    var op: BackendOp? { .residualLayerNorm }
    var parameters: String { "\(leading + [width])\(layout.text) epsilon \(epsilon) deviation \(deviation)" }
    var tolerance: String { Tolerance.norms + "; the stored sum may be off by 1 unit in the last place" }
    var cost: Int { leading.reduce(width * 8, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let shape = leading + [width]
        let residual = try bench.input("residual", shape, .normal(deviation: deviation), layout: layout)
        let input = try bench.input("input", shape, .normal(deviation: deviation))
        let weight = try bench.input("weight", [width], .normal(mean: 1, deviation: 0.3))
        let bias = try bench.input("bias", [width])
        let output = try bench.output(shape, layout: layout)
        try bench.run(
            ResidualLayerNormArguments(
                output: output.view, residual: residual.view, input: input.view, weight: weight.view, bias: bias.view,
                epsilon: epsilon))
        let expected = Oracle.residualLayerNorm(
            residual: residual.array, input: input.array, weight: weight.array.values, bias: bias.array.values,
            epsilon: epsilon)
        try bench.expect(residual, expected.residual)
        try bench.expect(output, expected.output)
    }

    static var all: [ResidualLayerNormCase] {
        [
            ResidualLayerNormCase(leading: [1], width: 7), ResidualLayerNormCase(leading: [0], width: 7),
            ResidualLayerNormCase(leading: [3, 5], width: 33, layout: .sliced),
            ResidualLayerNormCase(leading: [197], width: 384),
            ResidualLayerNormCase(leading: [6], width: 48, epsilon: 1e-5, deviation: 1e-3),
        ]
    }
}
