// SPDX-License-Identifier: MIT
internal import BeastCore

/// conv3d
struct Conv3dCase: CaseBody {
    /// [B, T, H, W, Ci]
    var input: [Int]
    var channels: Int
    var kernel: Extent3
    var stride = Extent3(1, 1, 1)
    var before = Extent3(0, 0, 0)
    var after = Extent3(0, 0, 0)
    var mode = PaddingMode.zero
    var outputLayout = Layout.dense
    var epilogue = EpilogueChoice()

    var op: BackendOp? { .conv3d }
    var parameters: String {
        "\(input) to \(channels) channels\(outputLayout.text) kernel \(kernel) stride \(stride) "
            + "padding \(before) \(after) \(mode)"
            + epilogue.text
    }
    var tolerance: String { Tolerance.products }
    var cost: Int { outputShape.reduce(input[4], *) * kernel.time * kernel.height * kernel.width }

    private var outputShape: [Int] {
        [
            input[0], (input[1] + before.time + after.time - kernel.time) / stride.time + 1,
            (input[2] + before.height + after.height - kernel.height) / stride.height + 1,
            (input[3] + before.width + after.width - kernel.width) / stride.width + 1, channels,
        ]
    }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", input, layout: .offset(1))
        let part = bench.part([channels, input[4], kernel.time, kernel.height, kernel.width])
        let weight = try bench.weight(.conv3d, [part])
        let made = try epilogue.make(bench, outputShape: outputShape, layout: outputLayout)
        try bench.run(
            Conv3dArguments(
                output: made.output.view, input: source.view, weight: weight, stride: stride, paddingBefore: before,
                paddingAfter: after, paddingMode: mode, epilogue: made.arguments))
        try bench.expect(
            made.output,
            Oracle.convolution(
                Oracle.padded(source.array, before: before, after: after, mode: mode), weight: part.array,
                stride: stride,
                epilogue: made.oracle))
    }

    static var all: [Conv3dCase] {
        [
            Conv3dCase(input: [1, 1, 1, 1, 1], channels: 1, kernel: Extent3(1, 1, 1)),
            Conv3dCase(input: [0, 2, 3, 4, 3], channels: 2, kernel: Extent3(1, 1, 1)),
            Conv3dCase(
                input: [2, 3, 4, 3, 3], channels: 2, kernel: Extent3(3, 3, 3), before: Extent3(1, 1, 1),
                after: Extent3(1, 1, 1),
                mode: .replicate, outputLayout: .sliced),
            Conv3dCase(
                input: [1, 5, 6, 7, 4], channels: 3, kernel: Extent3(4, 3, 2), stride: Extent3(2, 1, 2),
                before: Extent3(1, 0, 2),
                after: Extent3(2, 1, 0), epilogue: EpilogueChoice(bias: true, activation: .silu)),
            Conv3dCase(
                input: [1, 2, 4, 4, 16], channels: 16, kernel: Extent3(3, 3, 3), before: Extent3(2, 1, 1),
                after: Extent3(0, 1, 1),
                mode: .replicate, epilogue: EpilogueChoice(bias: true, residual: .output)),
        ]
    }
}

/// conv_transpose3d
struct ConvTranspose3dCase: CaseBody {
    /// [B, T, H, W, Ci]
    var input: [Int]
    var channels: Int
    var kernel: Extent3
    var stride = Extent3(1, 1, 1)
    var before = Extent3(0, 0, 0)
    var after = Extent3(0, 0, 0)
    var cropping = Extent3(0, 0, 0)
    var mode = PaddingMode.zero
    var epilogue = EpilogueChoice()

    var op: BackendOp? { .convTranspose3d }
    var parameters: String {
        "\(input) to \(channels) channels kernel \(kernel) stride \(stride) "
            + "padding \(before) \(after) \(mode) cropping \(cropping)"
            + epilogue.text
    }
    var tolerance: String { Tolerance.products }
    var cost: Int { input.reduce(channels, *) * kernel.time * kernel.height * kernel.width }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", input, layout: .offset(1))
        let part = bench.part([input[4], channels, kernel.time, kernel.height, kernel.width])
        let weight = try bench.weight(.convTranspose3d, [part])
        func extent(_ input: Int, _ pads: Int, _ stride: Int, _ kernel: Int, _ cropping: Int) -> Int {
            (input + pads - 1) * stride + kernel - 2 * cropping
        }
        let shape = [
            input[0], extent(input[1], before.time + after.time, stride.time, kernel.time, cropping.time),
            extent(input[2], before.height + after.height, stride.height, kernel.height, cropping.height),
            extent(input[3], before.width + after.width, stride.width, kernel.width, cropping.width), channels,
        ]
        let made = try epilogue.make(bench, outputShape: shape, layout: .sliced)
        try bench.run(
            ConvTranspose3dArguments(
                output: made.output.view, input: source.view, weight: weight, stride: stride, paddingBefore: before,
                paddingAfter: after, cropping: cropping, paddingMode: mode, epilogue: made.arguments))
        try bench.expect(
            made.output,
            Oracle.transposedConvolution(
                Oracle.padded(source.array, before: before, after: after, mode: mode), weight: part.array,
                stride: stride,
                cropping: cropping, epilogue: made.oracle))
    }

    static var all: [ConvTranspose3dCase] {
        [
            ConvTranspose3dCase(input: [1, 1, 1, 1, 1], channels: 1, kernel: Extent3(1, 1, 1)),
            ConvTranspose3dCase(
                input: [2, 2, 3, 2, 3], channels: 5, kernel: Extent3(4, 4, 4), stride: Extent3(2, 2, 2)),
            ConvTranspose3dCase(
                input: [1, 2, 3, 2, 4], channels: 5, kernel: Extent3(4, 4, 4), stride: Extent3(2, 2, 2),
                before: Extent3(1, 1, 1),
                after: Extent3(1, 1, 1), cropping: Extent3(3, 3, 3), mode: .replicate,
                epilogue: EpilogueChoice(bias: true)),
            ConvTranspose3dCase(
                input: [1, 3, 2, 4, 2], channels: 3, kernel: Extent3(1, 3, 2), stride: Extent3(1, 2, 3),
                before: Extent3(0, 1, 0),
                after: Extent3(1, 0, 2), cropping: Extent3(0, 1, 1),
                epilogue: EpilogueChoice(bias: true, activation: .relu)),
        ]
    }
}
