// SPDX-License-Identifier: MIT
internal import BeastCore

/// reduce
struct ReduceCase: CaseBody {
    var reduction: Reduction
    /// [outer, n, inner]
    var shape: [Int]
    var input = Layout.dense
    var output = Layout.dense
    var values = Values.normal(mean: 0.5)
    /// Of the input; the output is float32.
    var dtype = DType.float32

    var op: BackendOp? { .reduce }
    var mayBeUnsupported: Bool { dtype != .float32 }
    var claimedBy: DType? { dtype == .float32 ? nil : dtype }
    var parameters: String {
        "\(reduction) \(shape)\(input.text) output\(output.text)" + (dtype == .float32 ? "" : " from \(dtype)")
            + (values.planted.isEmpty ? "" : ", NaN and infinity")
    }
    var tolerance: String {
        "min(n, 4 sqrt n) + 2 units (2^-24) of the sum of |x|: float32 accumulation; the maximum is exact"
    }
    var cost: Int { shape.reduce(2, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", shape, values, dtype: dtype, layout: input)
        let target = try bench.output([shape[0], shape[2]], layout: output)
        try bench.run(ReduceArguments(output: target.view, input: source.view, reduction: reduction))
        try bench.expect(target, Oracle.reduce(source.array, reduction))
    }

    static var all: [ReduceCase] {
        var cases = Reduction.allCases.flatMap { reduction in
            [
                ReduceCase(reduction: reduction, shape: [1, 1, 1]), ReduceCase(reduction: reduction, shape: [0, 3, 4]),
                ReduceCase(reduction: reduction, shape: [3, 5, 7], input: .sliced, output: .sliced),
                ReduceCase(reduction: reduction, shape: [2, 196, 384], output: .offset(1)),
                ReduceCase(reduction: reduction, shape: [13, 4099, 1]),
                ReduceCase(reduction: reduction, shape: [2, 49, 515], output: .sliced, dtype: .bfloat16),
                ReduceCase(reduction: reduction, shape: [2, 49, 515], output: .sliced, dtype: .float16),
                ReduceCase(reduction: reduction, shape: [1, 2, 65_539]),
                ReduceCase(reduction: reduction, shape: [70_001, 2, 1]),
                ReduceCase(reduction: reduction, shape: [2, 70_001, 3]),
                ReduceCase(reduction: reduction, shape: [4, 9, 6], input: .permuted(1, 0, 2)),
                ReduceCase(reduction: reduction, shape: [4, 9, 6], input: .repeated(1)),
                ReduceCase(
                    reduction: reduction, shape: [3, 6, 4],
                    values: .normal().planting([
                        (1, .nan), (6, .infinity), (30, -.infinity), (43, .infinity), (47, -.infinity),
                    ])),
            ]
        }
        cases.append(ReduceCase(reduction: .sum, shape: [2, 0, 3], output: .sliced))
        return cases
    }
}

/// arg_reduce
struct ArgReduceCase: CaseBody {
    var extremum: Extremum
    /// [rows, n]
    var shape: [Int]
    var input = Layout.dense
    var output = Layout.dense
    var values = Values.normal()
    var what = ""

    var op: BackendOp? { .argReduce }
    var parameters: String { "\(extremum) \(shape)\(input.text) output\(output.text)\(what)" }
    var tolerance: String { Tolerance.exact }
    var cost: Int { shape.reduce(2, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", shape, values, layout: input)
        let target = try bench.output([shape[0]], dtype: .int32, layout: output)
        try bench.run(ArgReduceArguments(output: target.view, input: source.view, extremum: extremum))
        try bench.expect(target, Oracle.argReduce(source.array, extremum))
    }

    static var all: [ArgReduceCase] {
        Extremum.allCases.flatMap { extremum in
            [
                ArgReduceCase(extremum: extremum, shape: [1, 1]), ArgReduceCase(extremum: extremum, shape: [0, 3]),
                ArgReduceCase(extremum: extremum, shape: [7, 13], input: .sliced, output: .offset(1)),
                ArgReduceCase(extremum: extremum, shape: [64, 1000]),
                ArgReduceCase(extremum: extremum, shape: [70_001, 2]),
                ArgReduceCase(extremum: extremum, shape: [2, 70_001]),
                ArgReduceCase(extremum: extremum, shape: [3, 16_411]),
                ArgReduceCase(extremum: extremum, shape: [40, 37], values: .integers(-2...2), what: ", ties"),
                ArgReduceCase(
                    extremum: extremum, shape: [3, 70], values: .list([-0.0, 0, 0, -0.0]), what: ", zeros of both signs"
                ),
                ArgReduceCase(extremum: extremum, shape: [5, 4], input: .repeated(0)),
                ArgReduceCase(
                    extremum: extremum, shape: [6, 35],
                    values: .normal().planting([
                        (9, .nan), (20, .nan), (40, .infinity), (45, .infinity), (80, -.infinity), (81, -.infinity),
                        (105, .nan),
                        (110, .infinity), (174, .nan),
                    ]), what: ", NaN and infinity"),
                ArgReduceCase(extremum: extremum, shape: [2, 33], values: .list([.nan]), what: ", nothing but NaN"),
                ArgReduceCase(
                    extremum: extremum, shape: [2, 33], values: .list([.infinity]), what: ", nothing but infinity"),
                ArgReduceCase(
                    extremum: extremum, shape: [2, 33], values: .list([-.infinity]), what: ", nothing but -infinity"),
            ]
        }
    }
}

/// nearest_code
struct NearestCodeCase: CaseBody {
    var rows: Int
    var codes: Int
    var width: Int
    var layout = Layout.dense
    /// Small whole numbers: every sum is exact, and codes that are equal must be told apart by their index alone.
    var isExact = false

    var op: BackendOp? { .nearestCode }
    var parameters: String {
        "input [\(rows), \(width)]\(layout.text) codebook [\(codes), \(width)]" + (isExact ? ", ties" : "")
    }
    var tolerance: String { Tolerance.products + "; codes exact: the data leaves no doubt" }
    var cost: Int { rows * codes * width }

    func run(_ bench: Workbench) throws(CaseStop) {
        let part = bench.part([codes, width], isExact ? .integers(-1...1) : .normal())
        // Each row is a code and a little noise, so that no other is nearly as near.
        let order = Values.integers(0...(codes - 1)).make(count: rows, &bench.generator)
        let noise = (isExact ? Values.list([0]) : .uniform(-0.05, 0.05)).make(
            count: max(1, rows * width), &bench.generator)
        let elements = (0..<(rows * width)).map {
            part.array.values[Int(order[$0 / width]) * width + $0 % width] + noise[$0]
        }
        let input = try bench.input("input", [rows, width], .list(elements.isEmpty ? [0] : elements), layout: layout)
        let norms = part.array.rows.map { $0.reduce(0) { $0 + $1 * $1 } }
        let squaredNorms = try bench.input("squared norms", [codes], .list(norms))
        let weight = try bench.weight(.linear, [part])
        let output = try bench.output("codes", [rows], dtype: .int32, layout: .offset(1))
        let distances = try bench.output("distances", [rows], layout: .offset(2))
        try bench.run(
            NearestCodeArguments(
                codes: output.view, distances: distances.view, input: input.view, weight: weight,
                squaredNorms: squaredNorms.view))
        let expected = Oracle.nearestCode(input.array, codebook: part.array, squaredNorms: squaredNorms.array.values)
        try bench.expect(output, expected.codes)
        try bench.expect(distances, expected.distances)
    }

    static var all: [NearestCodeCase] {
        [
            NearestCodeCase(rows: 1, codes: 1, width: 1), NearestCodeCase(rows: 0, codes: 3, width: 4),
            NearestCodeCase(rows: 19, codes: 53, width: 31, layout: .sliced),
            NearestCodeCase(rows: 64, codes: 1024, width: 64),
            NearestCodeCase(rows: 30, codes: 40, width: 3, isExact: true),
        ]
    }
}

/// top_k
struct TopKCase: CaseBody {
    /// [rows, n]
    var shape: [Int]
    var k: Int
    var layout = Layout.dense
    var values = Values.normal()
    var what = ""

    var op: BackendOp? { .topK }
    var parameters: String { "\(k) of \(shape)\(layout.text)\(what)" }
    var tolerance: String { Tolerance.exact }
    var cost: Int { shape.reduce(2, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let input = try bench.input("input", shape, values, layout: layout)
        let largest = try bench.output("values", [shape[0], k], layout: layout)
        let indices = try bench.output("indices", [shape[0], k], dtype: .int32, layout: .offset(1))
        let ties = try bench.output("ties", [shape[0]], dtype: .int32)
        try bench.run(TopKArguments(values: largest.view, indices: indices.view, ties: ties.view, input: input.view))
        let expected = Oracle.topK(input.array, k: k)
        try bench.expect(largest, expected.values)
        try bench.expect(indices, expected.indices)
        try bench.expect(ties, expected.ties)
    }

    static var all: [TopKCase] {
        [
            TopKCase(shape: [1, 1], k: 1), TopKCase(shape: [0, 5], k: 2),
            TopKCase(shape: [3, 17], k: 17, layout: .sliced),
            TopKCase(shape: [2, 16_384], k: 100),
            TopKCase(shape: [9, 50], k: 7, values: .integers(0...5), what: ", ties"),
            TopKCase(
                shape: [3, 20], k: 4,
                values: .normal().planting([(3, .nan), (9, .nan), (25, .infinity), (30, -.infinity)]),
                what: ", NaN and infinity"),
        ]
    }
}
