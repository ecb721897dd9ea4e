// SPDX-License-Identifier: MIT
internal import BeastCore

private let blockTolerance =
    "the errors of each layer (products, norms, softmax, activations as for the ops) carried through the next ones"

/// A weight and a bias of a layer, prepared, with what the oracle needs of them.
private struct Layer {
    let weight: BufferHandle
    let bias: Operand
    let matrix: DenseArray

    /// Elements of deviation 1 / √(inputs), so that activations keep their size.
    init(_ bench: Workbench, _ name: String, _ shape: [Int], groups: Int = 1) throws(CaseStop) {
        let inputs = shape.dropFirst().reduce(1, *)
        let part = bench.part(shape, .normal(deviation: 1 / Double(inputs).squareRoot()))
        matrix = part.array
        weight = try bench.weight(shape.count == 2 ? .linear : .conv2d, [part], groups: groups)
        bias = try bench.input(name + " bias", [shape[0]], .normal(deviation: 0.1))
    }
}

/// The scale and shift of a layer norm.
private struct Norm {
    let weight: Operand
    let bias: Operand

    init(_ bench: Workbench, _ width: Int) throws(CaseStop) {
        weight = try bench.input("norm weight", [width], .normal(mean: 1, deviation: 0.2))
        bias = try bench.input("norm bias", [width], .normal(deviation: 0.1))
    }
}

/// x += projection(attention(norm(x))): half a block of a vision transformer, as a session runs it on this backend.
struct AttentionBlockCase: CaseBody {
    var batch: Int
    var tokens: Int
    var width: Int
    var heads: Int

    var op: BackendOp? { nil }
    var subject: String { "block" }
    var parameters: String { "attention [\(batch), \(tokens), \(width)], \(heads) heads" }
    var tolerance: String { blockTolerance }
    var cost: Int { batch * tokens * width * (4 * width + 2 * tokens) * 4 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let x = try bench.input("x", [batch, tokens, width])
        let norm = try Norm(bench, width)
        let qkv = try Layer(bench, "qkv", [3 * width, width])
        let projection = try Layer(bench, "projection", [width, width])
        let depth = width / heads
        try bench.calling("the block") { () throws(BackendError) in
            let session = bench.session
            let normal = try session.makeTensor([batch, tokens, width])
            try session.run(
                LayerNormArguments(
                    output: normal.view, input: x.view, weight: norm.weight.view, bias: norm.bias.view, epsilon: 1e-6))
            let products = try session.makeTensor([batch, tokens, 3, heads, depth])
            try session.run(
                LinearArguments(
                    output: try products.reshaped([batch, tokens, 3 * width]).view, input: normal.view,
                    weight: qkv.weight, epilogue: Epilogue(bias: qkv.bias.view)))
            let parts = products.permuted(2, 0, 3, 1, 4)
            let mixed = try session.makeTensor([batch, tokens, heads, depth])
            try session.run(
                AttentionArguments(
                    output: mixed.permuted(0, 2, 1, 3).view, query: parts.select(0, 0).view,
                    key: parts.select(0, 1).view, value: parts.select(0, 2).view, scale: 1 / Float(depth).squareRoot(),
                    keyLength: tokens))
            try session.run(
                LinearArguments(
                    output: x.view, input: try mixed.reshaped([batch, tokens, width]).view, weight: projection.weight,
                    epilogue: Epilogue(bias: projection.bias.view, residual: x.view)))
        }
        let input = EstimatedRows(x.array)
        let normal = Oracle.layerNorm(
            input, weight: norm.weight.array.values, bias: norm.bias.array.values, epsilon: 1e-6)
        let products = Oracle.linear(normal, weight: qkv.matrix, bias: qkv.bias.array.values)
        let mixed = Oracle.selfAttention(products, batch: batch, heads: heads)
        let change = Oracle.linear(mixed, weight: projection.matrix, bias: projection.bias.array.values)
        try bench.expect(x, input.plus(change).elements)
    }
}

/// x += fc2(GELU(fc1(norm(x)))): the other half.
struct MlpBlockCase: CaseBody {
    var tokens: Int
    var width: Int
    var hidden: Int

    var op: BackendOp? { nil }
    var subject: String { "block" }
    var parameters: String { "mlp [\(tokens), \(width)], hidden \(hidden)" }
    var tolerance: String { blockTolerance }
    var cost: Int { tokens * width * hidden * 8 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let x = try bench.input("x", [tokens, width])
        let norm = try Norm(bench, width)
        let first = try Layer(bench, "fc1", [hidden, width])
        let second = try Layer(bench, "fc2", [width, hidden])
        try bench.calling("the block") { () throws(BackendError) in
            let session = bench.session
            let normal = try session.makeTensor([tokens, width])
            let between = try session.makeTensor([tokens, hidden])
            try session.run(
                LayerNormArguments(
                    output: normal.view, input: x.view, weight: norm.weight.view, bias: norm.bias.view, epsilon: 1e-6))
            try session.run(
                LinearArguments(
                    output: between.view, input: normal.view, weight: first.weight,
                    epilogue: Epilogue(bias: first.bias.view, activation: .gelu)))
            try session.run(
                LinearArguments(
                    output: x.view, input: between.view, weight: second.weight,
                    epilogue: Epilogue(bias: second.bias.view, residual: x.view)))
        }
        let input = EstimatedRows(x.array)
        let normal = Oracle.layerNorm(
            input, weight: norm.weight.array.values, bias: norm.bias.array.values, epsilon: 1e-6)
        let between = Oracle.linear(normal, weight: first.matrix, bias: first.bias.array.values).map { $0.gelu() }
        let change = Oracle.linear(between, weight: second.matrix, bias: second.bias.array.values)
        try bench.expect(x, input.plus(change).elements)
    }
}

/// ReLU(x + expand(ReLU(grouped 3 x 3(ReLU(reduce(x)))))): a block of a residual network.
struct BottleneckBlockCase: CaseBody {
    var batch: Int
    var height: Int
    var width: Int
    var channels: Int
    var inner: Int
    var groups: Int

    var op: BackendOp? { nil }
    var subject: String { "block" }
    var parameters: String {
        "bottleneck [\(batch), \(height), \(width), \(channels)], inner \(inner), groups \(groups)"
    }
    var tolerance: String { blockTolerance }
    var cost: Int { batch * height * width * inner * (2 * channels + 9 * inner / groups) * 4 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let x = try bench.input("x", [batch, height, width, channels])
        let reduce = try Layer(bench, "reduce", [inner, channels, 1, 1])
        let middle = try Layer(bench, "middle", [inner, inner / groups, 3, 3], groups: groups)
        let expand = try Layer(bench, "expand", [channels, inner, 1, 1])
        let output = try bench.output(x.shape)
        try bench.calling("the block") { () throws(BackendError) in
            let session = bench.session
            let small = try session.makeTensor([batch, height, width, inner])
            let mixed = try session.makeTensor([batch, height, width, inner])
            try session.run(
                Conv2dArguments(
                    output: small.view, input: x.view, weight: reduce.weight,
                    epilogue: Epilogue(bias: reduce.bias.view, activation: .relu)))
            try session.run(
                Conv2dArguments(
                    output: mixed.view, input: small.view, weight: middle.weight, paddingTop: 1, paddingBottom: 1,
                    paddingLeft: 1, paddingRight: 1, groups: groups,
                    epilogue: Epilogue(bias: middle.bias.view, activation: .relu)))
            try session.run(
                Conv2dArguments(
                    output: output.view, input: mixed.view, weight: expand.weight,
                    epilogue: Epilogue(
                        bias: expand.bias.view, residual: x.view, activation: .relu, order: .residualThenActivation)))
        }
        let (input, shape) = (EstimatedRows(x.array), (batch, height, width))
        let small = Oracle.convolution(input, shape, weight: reduce.matrix, bias: reduce.bias.array.values)
        let mixed = Oracle.convolution(
            small.map { $0.relu() }, shape, weight: middle.matrix, bias: middle.bias.array.values, groups: groups)
        let change = Oracle.convolution(
            mixed.map { $0.relu() }, shape, weight: expand.matrix, bias: expand.bias.array.values)
        try bench.expect(output, change.plus(input).map { $0.relu() }.elements)
    }
}

enum BlockCases {
    static var all: [any CaseBody] {
        [
            AttentionBlockCase(batch: 2, tokens: 17, width: 24, heads: 3),
            AttentionBlockCase(batch: 1, tokens: 50, width: 64, heads: 4),
            MlpBlockCase(tokens: 19, width: 24, hidden: 96), MlpBlockCase(tokens: 5, width: 192, hidden: 768),
            BottleneckBlockCase(batch: 2, height: 5, width: 7, channels: 16, inner: 8, groups: 1),
            BottleneckBlockCase(batch: 1, height: 6, width: 4, channels: 32, inner: 32, groups: 8),
        ]
    }
}
