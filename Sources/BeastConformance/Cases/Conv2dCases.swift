// SPDX-License-Identifier: MIT
internal import BeastCore

/// conv2d
struct Conv2dCase: CaseBody {
    /// [B, H, W, Ci]
    var input: [Int]
    var channels: Int
    var window: Window2d
    var groups = 1
    var inputLayout = Layout.dense
    var outputLayout = Layout.dense
    var epilogue = EpilogueChoice()
    var special = false
    var dtype = DType.float32
    var target = DType.float32

    var op: BackendOp? { .conv2d }
    var parameters: String {
        "\(input)\(inputLayout.text) to \(channels) channels\(outputLayout.text) \(dtype), weight \(target), "
            + "\(window.text) groups \(groups)"
            + epilogue.text + (special ? ", NaN" : "")
    }
    var tolerance: String { Tolerance.products }
    var cost: Int { outputShape.reduce(1, *) * window.kernelY * window.kernelX * input[3] / groups }
    var mayBeUnsupported: Bool { !epilogue.isEmpty || dtype != .float32 || target != .float32 }
    var claimedBy: DType? { dtype == .float32 ? nil : dtype }

    private var outputShape: [Int] {
        let extents = window.outputExtents(height: input[1], width: input[2])
        return [input[0], extents.height, extents.width, channels]
    }

    func run(_ bench: Workbench) throws(CaseStop) {
        let values = special ? Values.normal().planting([(input[3] + 1, .nan)]) : .normal()
        let source = try bench.input("input", input, values, dtype: dtype, layout: inputLayout)
        let part = bench.part([channels, input[3] / groups, window.kernelY, window.kernelX])
        let weight = try bench.weight(.conv2d, [part], target: target, groups: groups)
        let made = try epilogue.make(bench, outputShape: outputShape, dtype: dtype, layout: outputLayout)
        try bench.run(
            Conv2dArguments(
                output: made.output.view, input: source.view, weight: weight, strideY: window.strideY,
                strideX: window.strideX, paddingTop: window.top, paddingBottom: window.bottom, paddingLeft: window.left,
                paddingRight: window.right, groups: groups, epilogue: made.arguments))
        try bench.expect(
            made.output,
            Oracle.conv2d(
                source.array, weight: WeightPart.joined([part], target: target), window: window, groups: groups,
                epilogue: made.oracle))
    }

    static var all: [Conv2dCase] {
        var cases = [
            Conv2dCase(input: [1, 1, 1, 1], channels: 1, window: .square(1)),
            Conv2dCase(input: [0, 5, 5, 3], channels: 4, window: .square(3)),
            Conv2dCase(
                input: [2, 7, 9, 5], channels: 11, window: .square(1), inputLayout: .sliced, outputLayout: .sliced),
            Conv2dCase(input: [1, 8, 8, 16], channels: 32, window: .square(3, padding: 1)),
            Conv2dCase(
                input: [2, 11, 13, 3], channels: 7, window: .square(3, stride: 2, padding: 1),
                outputLayout: .offset(1)),
            Conv2dCase(input: [1, 32, 32, 3], channels: 64, window: .square(7, stride: 2, padding: 3)),
            // The down-sampling of VQGAN: one row and one column after, none before.
            Conv2dCase(
                input: [1, 10, 12, 8], channels: 8,
                window: Window2d(kernelY: 3, kernelX: 3, strideY: 2, strideX: 2, bottom: 1, right: 1)),
            Conv2dCase(
                input: [1, 9, 6, 4], channels: 5,
                window: Window2d(kernelY: 2, kernelX: 5, strideY: 3, strideX: 1, top: 1, bottom: 0, left: 4, right: 2)),
            Conv2dCase(input: [2, 7, 7, 32], channels: 64, window: .square(3, stride: 2, padding: 1), groups: 32),
            Conv2dCase(
                input: [1, 6, 5, 12], channels: 18, window: .square(3, padding: 1), groups: 3, inputLayout: .sliced),
            Conv2dCase(input: [1, 6, 5, 13], channels: 13, window: .square(3, padding: 1), groups: 13),
            Conv2dCase(input: [2, 32, 32, 3], channels: 96, window: .square(16, stride: 16)),
            Conv2dCase(
                input: [2, 5, 6, 4], channels: 3, window: .square(3, padding: 1), inputLayout: .permuted(0, 2, 1, 3)),
            Conv2dCase(input: [1, 3, 3, 2], channels: 2, window: .square(5, padding: 2)),
            Conv2dCase(input: [1, 6, 6, 4], channels: 4, window: .square(3, padding: 1), groups: 2, special: true),
            Conv2dCase(input: [1, 300, 301, 1], channels: 2, window: .square(3, padding: 1)),
            Conv2dCase(input: [1, 14, 14, 128], channels: 64, window: .square(3, padding: 1)),
        ]
        for epilogue in EpilogueChoice.all {
            cases.append(
                Conv2dCase(
                    input: [2, 4, 5, 5], channels: 7, window: .square(3, padding: 1), outputLayout: .sliced,
                    epilogue: epilogue))
        }
        cases.append(
            Conv2dCase(
                input: [1, 7, 7, 64], channels: 64, window: .square(3, padding: 1), groups: 32,
                epilogue: EpilogueChoice(
                    bias: true, activation: .relu, residual: .separate, order: .residualThenActivation)))
        for dtype in [DType.float32, .bfloat16] { cases += inGroups(dtype) }
        for dtype in [DType.float16, .bfloat16] {
            cases += inReducedPrecision(dtype)
            cases.append(
                Conv2dCase(
                    input: [1, 6, 6, 16], channels: 16, window: .square(3, padding: 1), dtype: dtype, target: dtype))
        }
        return cases
    }

    /// Groups of 4 to 64 channels, of which kernels may lay some side by side in a vector.
    private static func inGroups(_ dtype: DType) -> [Conv2dCase] {
        let residual = EpilogueChoice(
            bias: true, activation: .relu, residual: .separate, order: .residualThenActivation)
        func convolution(
            _ input: [Int], _ window: Window2d, groups: Int, _ epilogue: EpilogueChoice = EpilogueChoice(),
            layouts: (input: Layout, output: Layout) = (.dense, .dense), special: Bool = false
        ) -> Conv2dCase {
            Conv2dCase(
                input: input, channels: input[3], window: window, groups: groups, inputLayout: layouts.input,
                outputLayout: layouts.output, epilogue: epilogue, special: special, dtype: dtype,
                target: dtype)
        }
        return [
            convolution([2, 5, 23, 64], .square(3, padding: 1), groups: 16, EpilogueChoice(bias: true)),
            convolution([2, 6, 11, 96], .square(3, stride: 2, padding: 1), groups: 24, residual),
            convolution([3, 5, 12, 32], .square(3, padding: 1), groups: 4, EpilogueChoice(activation: .silu)),
            convolution([1, 9, 21, 64], .square(3, stride: 2, padding: 1), groups: 8, residual),
            convolution([2, 4, 13, 32], .square(3, padding: 1), groups: 2, residual),
            convolution(
                [1, 7, 9, 64], .square(3, stride: 2, padding: 1), groups: 2, EpilogueChoice(activation: .gelu)),
            convolution([1, 4, 7, 192], .square(3, padding: 1), groups: 3, residual),
            convolution([2, 6, 5, 64], .square(1), groups: 8, EpilogueChoice(bias: true)),
            convolution(
                [1, 8, 9, 32], Window2d(kernelY: 2, kernelX: 5, strideY: 3, strideX: 1, top: 1, left: 3, right: 2),
                groups: 8),
            convolution([2, 5, 6, 32], .square(3, padding: 1), groups: 4, residual, layouts: (.sliced, .sliced)),
            convolution([2, 5, 6, 32], .square(3, padding: 1), groups: 2, layouts: (.offset(1), .offset(1))),
            convolution([1, 6, 6, 32], .square(3, padding: 1), groups: 8, special: true),
        ]
    }

    /// The convolutions of a residual network in that precision.
    private static func inReducedPrecision(_ dtype: DType) -> [Conv2dCase] {
        let relu = EpilogueChoice(bias: true, activation: .relu)
        let residual = EpilogueChoice(
            bias: true, activation: .relu, residual: .separate, order: .residualThenActivation)
        let shortcut = EpilogueChoice(
            bias: true, activation: .relu, residual: .output, order: .residualThenActivation)
        func convolution(
            _ input: [Int], _ channels: Int, _ window: Window2d, groups: Int = 1, _ epilogue: EpilogueChoice,
            layout: Layout = .dense
        ) -> Conv2dCase {
            Conv2dCase(
                input: input, channels: channels, window: window, groups: groups, inputLayout: layout,
                outputLayout: layout, epilogue: epilogue, dtype: dtype, target: dtype)
        }
        return [
            convolution([1, 20, 20, 3], 16, .square(7, stride: 2, padding: 3), relu),
            convolution([2, 9, 7, 64], 48, .square(1), relu), convolution([1, 9, 7, 48], 64, .square(1), residual),
            convolution([2, 8, 6, 64], 32, .square(1, stride: 2), EpilogueChoice(bias: true)),
            convolution([1, 9, 9, 128], 128, .square(3, padding: 1), groups: 32, relu),
            convolution([1, 9, 10, 64], 64, .square(3, stride: 2, padding: 1), groups: 4, relu),
            convolution([1, 7, 7, 64], 64, .square(3, padding: 1), groups: 32, residual),
            convolution([2, 5, 6, 7], 9, .square(3, padding: 1), residual, layout: .sliced),
            // Kernels of half a million elements, which may be multiplied as matrices.
            convolution([2, 3, 4, 1024], 512, .square(1), shortcut, layout: .sliced),
            convolution([2, 5, 7, 512], 1024, .square(1, stride: 2, padding: 1), relu, layout: .sliced),
            convolution([1, 4, 5, 1024], 520, .square(1), EpilogueChoice(bias: true)),
            convolution([1, 1, 2, 1024], 512, .square(1, stride: 3, padding: 2), EpilogueChoice(activation: .silu)),
        ]
    }
}

/// max_pool2d
struct MaxPool2dCase: CaseBody {
    /// [B, H, W, C]
    var input: [Int]
    var window: Window2d
    var inputLayout = Layout.dense
    var outputLayout = Layout.dense
    var values = Values.normal(mean: -5)
    var dtype = DType.float32

    var op: BackendOp? { .maxPool2d }
    var mayBeUnsupported: Bool { dtype != .float32 }
    var claimedBy: DType? { dtype == .float32 ? nil : dtype }
    var parameters: String {
        "\(input)\(inputLayout.text) \(window.text) output\(outputLayout.text)"
            + (dtype == .float32 ? "" : " \(dtype)")
            + (values.planted.isEmpty ? "" : ", NaN and infinity")
    }
    var tolerance: String { Tolerance.exact }
    var cost: Int { input.reduce(window.kernelY * window.kernelX, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let extents = window.outputExtents(height: input[1], width: input[2])
        let shape = [input[0], extents.height, extents.width, input[3]]
        let source = try bench.input("input", input, values, dtype: dtype, layout: inputLayout)
        let output = try bench.output(shape, dtype: dtype, layout: outputLayout)
        try bench.run(
            MaxPool2dArguments(
                output: output.view, input: source.view, kernelY: window.kernelY, kernelX: window.kernelX,
                strideY: window.strideY, strideX: window.strideX, paddingTop: window.top, paddingBottom: window.bottom,
                paddingLeft: window.left, paddingRight: window.right))
        try bench.expect(output, Oracle.maxPool2d(source.array, window: window, outputShape: shape))
    }

    static var all: [MaxPool2dCase] {
        [
            MaxPool2dCase(input: [1, 1, 1, 1], window: .square(1)),
            MaxPool2dCase(input: [0, 4, 4, 3], window: .square(2)),
            MaxPool2dCase(input: [1, 16, 16, 64], window: .square(3, stride: 2, padding: 1)),
            MaxPool2dCase(
                input: [2, 7, 11, 5], window: .square(3, stride: 2, padding: 1), inputLayout: .sliced,
                outputLayout: .sliced),
            MaxPool2dCase(
                input: [1, 9, 8, 3],
                window: Window2d(kernelY: 2, kernelX: 4, strideY: 1, strideX: 3, top: 1, bottom: 0, left: 0, right: 3)),
            MaxPool2dCase(input: [1, 2, 2, 3], window: .square(3, padding: 2)),
            MaxPool2dCase(
                input: [1, 9, 11, 70], window: .square(3, stride: 2, padding: 1), inputLayout: .sliced, dtype: .bfloat16
            ),
            MaxPool2dCase(
                input: [1, 9, 11, 70], window: .square(3, stride: 2, padding: 1), inputLayout: .sliced, dtype: .float16),
            MaxPool2dCase(input: [2, 5, 7, 32], window: .square(3, stride: 2, padding: 1), dtype: .bfloat16),
            MaxPool2dCase(
                input: [2, 7, 9, 64],
                window: Window2d(kernelY: 2, kernelX: 3, strideY: 1, strideX: 3, bottom: 1, left: 2, right: 0),
                outputLayout: .sliced, values: .normal().planting([(70, .nan), (333, .infinity), (5000, 0x1p-130)]),
                dtype: .bfloat16),
            MaxPool2dCase(
                input: [1, 4, 4, 32], window: .square(2, stride: 2), values: .uniform(0, 0x1p-128), dtype: .bfloat16),
            MaxPool2dCase(
                input: [2, 6, 5, 48], window: .square(3, stride: 2, padding: 1), inputLayout: .sliced,
                values: .normal().planting([(100, .nan), (500, -.infinity)])),
            MaxPool2dCase(input: [2, 4, 6, 9], window: .square(2, stride: 2), inputLayout: .permuted(2, 0, 1, 3)),
            MaxPool2dCase(
                input: [1, 6, 6, 2], window: .square(3, stride: 2, padding: 1),
                values: .normal().planting(
                    [(7, .nan), (40, .infinity), (70, -.infinity), (71, .nan)] + (0..<6).map { ($0 * 2, -.infinity) })),
        ]
    }
}
