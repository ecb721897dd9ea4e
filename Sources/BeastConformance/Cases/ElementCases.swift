// SPDX-License-Identifier: MIT
internal import BeastCore

/// fill
struct FillCase: CaseBody {
    var shape: [Int]
    var value: Double
    var dtype = DType.float32
    var layout = Layout.dense

    var op: BackendOp? { .fill }
    var parameters: String { "\(shape) \(dtype)\(layout.text) value \(value)" }
    var tolerance: String { Tolerance.exact }
    var mayBeUnsupported: Bool { dtype != .float32 }
    var cost: Int { shape.reduce(1, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let output = try bench.output(shape, dtype: dtype, layout: layout)
        try bench.run(FillArguments(output: output.view, value: value))
        try bench.expect(output, Oracle.cast([Double](repeating: value, count: output.array.values.count), to: dtype))
    }

    static var all: [FillCase] {
        var cases = [
            FillCase(shape: [1], value: 1), FillCase(shape: [], value: -2.5), FillCase(shape: [0, 5], value: 1),
            FillCase(shape: [7, 13], value: 0.1, layout: .sliced),
            FillCase(shape: [17], value: 3, layout: Layout(step: 3)),
            FillCase(shape: [3, 5, 7, 2], value: -1, layout: .permuted(3, 1, 0, 2)),
            FillCase(shape: [70_001], value: 0),
            FillCase(shape: [2, 2, 2, 2, 2, 2, 2, 3], value: 9, layout: .sliced),
            FillCase(shape: [5], value: .nan), FillCase(shape: [5], value: -.infinity),
        ]
        for dtype in DType.allCases where dtype != .float32 {
            for value in [0, 1.5, 2.5, -1, 300, 1e30, -1e30, .nan, 3.14159] {
                cases.append(FillCase(shape: [3, 5], value: value, dtype: dtype, layout: .sliced))
            }
        }
        // Halfway between two numbers and a little more: right only if it is rounded once, not by way of float32.
        cases.append(FillCase(shape: [3], value: 1 + 0x1p-8 + 0x1p-40, dtype: .bfloat16))
        cases.append(FillCase(shape: [3], value: 1 + 0x1p-11 + 0x1p-40, dtype: .float16))
        return cases
    }
}

/// copy
struct CopyCase: CaseBody {
    var shape: [Int]
    var input = DType.float32
    var output = DType.float32
    var inputLayout = Layout.dense
    var outputLayout = Layout.dense
    var values = Values.normal()
    var what = ""

    var op: BackendOp? { .copy }
    var parameters: String {
        "\(shape) \(output)\(outputLayout.text) from \(input)\(inputLayout.text)\(what.isEmpty ? "" : ", ")\(what)"
    }
    var tolerance: String { "exact: one rounding to nearest even, integers saturate, NaN becomes 0 in integers" }
    var mayBeUnsupported: Bool { input != .float32 || output != .float32 }
    var cost: Int { shape.reduce(1, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", shape, values, dtype: input, layout: inputLayout)
        let target = try bench.output(shape, dtype: output, layout: outputLayout)
        try bench.run(CopyArguments(output: target.view, input: source.view))
        try bench.expect(target, Oracle.cast(source.array.values, to: output))
    }

    /// Numbers at which conversions go wrong: halfway cases, limits, and what is no number.
    static func delicate(_ dtype: DType) -> [Double] {
        switch dtype {
        case .float32, .float16, .bfloat16:
            [
                0, -0.0, 1, -1, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.1, 254.5, 255.5, 127.5, -128.5, 2047, 2049, 4097,
                65504,
                65519, 65520, 70000, 1e10, -1e10, 2_147_483_520, 1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-11, 1 + 0x3p-11,
                0x1p-24,
                0x1p-25, 0x3p-25, 0x1p-14, 3.4e38, .nan, .infinity, -.infinity,
            ]
        case .int32:
            [
                0, 1, -1, 127, 128, 255, 256, -128, -129, 2047, 2049, 65519, 65520, 16_777_217, -16_777_219, 33_554_434,
                2_147_483_647, -2_147_483_648, 0x1p30 + 0x1p22,
            ]
        case .uint8: (0...255).map(Double.init)
        case .int8: (-128...127).map(Double.init)
        }
    }

    static var all: [CopyCase] {
        var cases = [
            CopyCase(shape: []), CopyCase(shape: [1]), CopyCase(shape: [0, 3]), CopyCase(shape: [5, 0]),
            CopyCase(shape: [131, 37], inputLayout: .sliced, outputLayout: .offset(1)),
            CopyCase(shape: [3, 5, 7], inputLayout: .permuted(2, 0, 1), outputLayout: .sliced, what: "permute"),
            CopyCase(shape: [4, 1, 9], inputLayout: .repeated(0), what: "broadcast"),
            CopyCase(
                shape: [6, 11], inputLayout: .repeated(1), outputLayout: .sliced, what: "broadcast of the last axis"),
            CopyCase(shape: [2, 3, 2, 4, 2, 5], inputLayout: .repeated(2, 4), what: "nearest upsampling"),
            CopyCase(
                shape: [5, 17], inputLayout: Layout(step: 2), outputLayout: Layout(step: 3), what: "zero insertion"),
            CopyCase(shape: [2, 2, 3, 3, 2, 2, 5], inputLayout: .permuted(0, 1, 4, 2, 5, 3, 6), what: "clip patches"),
            CopyCase(shape: [2, 2, 2, 2, 2, 2, 2, 3], inputLayout: .permuted(7, 6, 5, 4, 3, 2, 1, 0), what: "rank 8"),
            CopyCase(shape: [2, 14, 14, 16, 48], inputLayout: .permuted(0, 1, 3, 2, 4), what: "patches of a picture"),
            CopyCase(shape: [9], values: .list([.nan, .infinity, -.infinity, 0, -0.0, 0x1p-126, 3.4e38, -1, 1])),
        ]
        for input in DType.allCases {
            for output in DType.allCases where (input, output) != (.float32, .float32) {
                let values = delicate(input)
                cases.append(
                    CopyCase(
                        shape: [2, values.count], input: input, output: output, inputLayout: .offset(1),
                        outputLayout: .sliced,
                        values: .list(values), what: "rounding and limits"))
                cases.append(
                    CopyCase(
                        shape: [7, 3, 19], input: input, output: output, inputLayout: .permuted(1, 0, 2),
                        outputLayout: .sliced,
                        values: .normal(mean: 40, deviation: 60)))
            }
        }
        // One more than halfway: right only if it is rounded once, not by way of float32.
        cases.append(
            CopyCase(
                shape: [2], input: .int32, output: .bfloat16,
                values: .list([0x1p30 + 0x1p22 + 1, -0x1p30 - 0x1p22 - 1]), what: "rounded once"))
        return cases
    }
}

/// gather_rows
struct GatherRowsCase: CaseBody {
    var count: Int
    var tableRows: Int
    var width: Int
    var dtype = DType.float32
    var tableLayout = Layout.dense
    var outputLayout = Layout.dense
    var indexLayout = Layout.dense
    /// The table is a prepared embedding.
    var isPrepared = false
    var indices: Values?

    var op: BackendOp? { .gatherRows }
    var parameters: String {
        "output [\(count), \(width)]\(outputLayout.text) table [\(tableRows), \(width)] \(dtype)\(tableLayout.text)"
            + (isPrepared ? ", prepared embedding" : "") + (indices == nil ? "" : ", given indices")
            + " indices\(indexLayout.text)"
    }
    var tolerance: String { Tolerance.exact }
    var mayBeUnsupported: Bool { dtype != .float32 }
    var cost: Int { count * width + tableRows * width }

    func run(_ bench: Workbench) throws(CaseStop) {
        let values = Values.normal(mean: 20, deviation: 10).planting([(3, .nan), (5, .infinity)])
        let positions = try bench.input(
            "indices", [count], indices ?? .integers(0...(tableRows - 1)), dtype: .int32, layout: indexLayout)
        let output = try bench.output([count, width], dtype: dtype, layout: outputLayout)
        let table: DenseArray
        var view: TensorView
        if isPrepared {
            let part = bench.part([tableRows, width], .normal())
            table = part.array
            view = TensorView(
                buffer: try bench.weight(.embedding, [part]), shape: [tableRows, width])
        } else {
            let operand = try bench.input("table", [tableRows, width], values, dtype: dtype, layout: tableLayout)
            table = operand.array
            view = operand.view
        }
        view.dtype = dtype
        try bench.run(GatherRowsArguments(output: output.view, table: view, indices: positions.view))
        try bench.expect(output, Oracle.gatherRows(table: table, indices: positions.array.values))
    }

    static var all: [GatherRowsCase] {
        var cases = [
            GatherRowsCase(count: 1, tableRows: 1, width: 1), GatherRowsCase(count: 0, tableRows: 3, width: 4),
            GatherRowsCase(
                count: 11, tableRows: 7, width: 13, tableLayout: .sliced, outputLayout: .sliced, indexLayout: .offset(1)
            ),
            GatherRowsCase(count: 196, tableRows: 392, width: 384),
            GatherRowsCase(count: 5, tableRows: 50, width: 33, isPrepared: true),
            GatherRowsCase(count: 6, tableRows: 9, width: 8, indices: .list([8, 0, 8, 8, 0, 3])),
            GatherRowsCase(count: 70_001, tableRows: 5, width: 2),
        ]
        for dtype in DType.allCases where dtype != .float32 {
            cases.append(GatherRowsCase(count: 9, tableRows: 5, width: 7, dtype: dtype, outputLayout: .sliced))
        }
        return cases
    }
}
