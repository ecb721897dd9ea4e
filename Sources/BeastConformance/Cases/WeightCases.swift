// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CBeasts

/// How weights are handed over: parts, element types, strides; seen through the ops that use them.
struct WeightCase: CaseBody {
    enum Kind: String, Sendable, CaseIterable {
        case parts = "three parts of unequal height make one linear weight"
        case strided = "strided and repeated parts"
        case float16 = "float16 parts"
        case bfloat16 = "bfloat16 parts"
        case mixed = "parts of different element types"
        case folded = "a part of rank 4 read as a matrix"
        case permuted = "a permuted convolution kernel in two parts"
        case vector = "a prepared vector is a buffer"
        case embedding = "an embedding of two parts is a buffer"
        case misuse = "malformed descriptions through the C contract"
    }

    var kind: Kind

    var op: BackendOp? { nil }
    var subject: String { "weights" }
    var parameters: String { kind.rawValue }
    var tolerance: String {
        switch kind {
        case .misuse: Tolerance.code
        case .vector, .embedding: Tolerance.oneOperation
        default: Tolerance.products
        }
    }

    static var all: [WeightCase] { Kind.allCases.map { WeightCase(kind: $0) } }

    func run(_ bench: Workbench) throws(CaseStop) {
        func part(_ shape: [Int], _ dtype: DType = .float32, _ layout: Layout = .dense) -> WeightPart {
            bench.part(shape, dtype: dtype, layout: layout)
        }
        switch kind {
        case .parts: try linear(bench, [part([7, 19]), part([1, 19]), part([5, 19])])
        case .strided:
            try linear(
                bench,
                [
                    part([5, 19], .float32, .permuted(1, 0)), part([6, 19], .float32, Layout(gap: 3)),
                    part([4, 19], .float32, Layout(step: 2)), part([3, 19], .float32, .repeated(0)),
                ])
        case .float16: try linear(bench, [part([9, 33], .float16, Layout(gap: 1))])
        case .bfloat16: try linear(bench, [part([9, 33], .bfloat16, .permuted(1, 0))])
        case .mixed: try linear(bench, [part([4, 16]), part([4, 16], .float16), part([4, 16], .bfloat16)])
        case .folded: try linear(bench, [part([6, 3, 2, 4], .float32, .permuted(0, 2, 3, 1)), part([2, 3, 2, 4])])
        case .permuted:
            try convolution(bench, [part([5, 3, 2, 4], .float32, .permuted(2, 3, 1, 0)), part([2, 3, 2, 4])])
        case .vector: try vector(bench, part([3, 5], .bfloat16), part([2, 5]))
        case .embedding: try embedding(bench, [part([4, 6]), part([3, 6], .float16, Layout(gap: 2))])
        case .misuse: try misuse(bench)
        }
    }

    private func linear(_ bench: Workbench, _ parts: [WeightPart]) throws(CaseStop) {
        let matrix = WeightPart.joined(parts)
        let inner = matrix.shape.dropFirst().reduce(1, *)
        let input = try bench.input("input", [4, inner])
        let output = try bench.output([4, matrix.shape[0]])
        let weight = try bench.weight(.linear, parts)
        try bench.run(LinearArguments(output: output.view, input: input.view, weight: weight))
        try bench.expect(output, Oracle.linear(input.array, weight: matrix))
    }

    private func convolution(_ bench: Workbench, _ parts: [WeightPart]) throws(CaseStop) {
        let kernel = WeightPart.joined(parts)
        let window = Window2d(kernelY: 2, kernelX: 4, top: 1, left: 2)
        let extents = window.outputExtents(height: 5, width: 6)
        let input = try bench.input("input", [1, 5, 6, 3])
        let output = try bench.output([1, extents.height, extents.width, 7])
        let weight = try bench.weight(.conv2d, parts)
        try bench.run(
            Conv2dArguments(output: output.view, input: input.view, weight: weight, paddingTop: 1, paddingLeft: 2))
        try bench.expect(
            output, Oracle.conv2d(input.array, weight: kernel, window: window, groups: 1, epilogue: OracleEpilogue()))
    }

    private func vector(_ bench: Workbench, _ first: WeightPart, _ second: WeightPart) throws(CaseStop) {
        let whole = WeightPart.joined([first, second])
        let weight = try bench.weight(.vector, [first, second])
        let input = try bench.input("input", [5, 5])
        let output = try bench.output([5, 5])
        try bench.run(
            AddArguments(output: output.view, left: input.view, right: TensorView(buffer: weight, shape: [5, 5])))
        try bench.expect(output, Oracle.add(input.array.values, whole.values))
        // A window of it, repeated: a bias from the middle of a vector.
        let other = try bench.output([5, 5])
        let row = TensorView(buffer: weight, offset: 10, shape: [5, 5], strides: [0, 1])
        try bench.run(AddArguments(output: other.view, left: input.view, right: row))
        let repeated = (0..<25).map { whole.values[10 + $0 % 5] }
        try bench.expect(other, Oracle.add(input.array.values, repeated))
    }

    private func embedding(_ bench: Workbench, _ parts: [WeightPart]) throws(CaseStop) {
        let table = WeightPart.joined(parts)
        let weight = try bench.weight(.embedding, parts)
        let output = try bench.output([3, 6], layout: .sliced)
        let rows = TensorView(buffer: weight, offset: 12, shape: [3, 6])
        try bench.run(CopyArguments(output: output.view, input: rows))
        try bench.expect(output, Oracle.cast(Array(table.values[12..<30]), to: .float32))
    }

    private func misuse(_ bench: Workbench) throws(CaseStop) {
        guard let library = bench.library else { throw .unsupported("needs a library") }
        let raw = try RawContract(library: library)
        typealias Change = (inout beasts_weight_description, inout beasts_weight_part) -> Void
        let changes: [(String, Change)] = [
            ("kind 0", { whole, _ in whole.kind = 0 }), ("kind 99", { whole, _ in whole.kind = 99 }),
            ("target element type 0", { whole, _ in whole.target_dtype = 0 }),
            ("0 groups", { whole, _ in whole.groups = 0 }),
            ("2 groups of a linear weight", { whole, _ in whole.groups = 2 }),
            ("no parts", { whole, _ in whole.parts = nil }), ("0 parts", { whole, _ in whole.part_count = 0 }),
            ("2^32 - 1 parts", { whole, _ in whole.part_count = .max }),
            ("a description of 0 bytes", { whole, _ in whole.struct_size = 0 }),
            ("a part of 0 bytes", { _, part in part.struct_size = 0 }),
            ("a part of int32", { _, part in part.dtype = DType.int32.rawValue }),
            ("a part of element type 0", { _, part in part.dtype = 0 }),
            ("a part without data", { _, part in part.data = nil }),
            ("a part that ends too early", { _, part in part.byte_count -= 1 }),
            ("a part of rank -1", { _, part in part.rank = -1 }), ("a part of rank 9", { _, part in part.rank = 9 }),
            ("a negative extent", { _, part in part.shape.0 = -1 }),
            ("the largest extent", { _, part in part.shape.0 = .max }),
            ("a negative stride", { _, part in part.stride.0 = -6 }),
            ("the largest stride", { _, part in part.stride.0 = .max }),
            ("2^40 columns repeated", { _, part in (part.shape.1, part.stride.1) = (1 << 40, 0) }),
        ]
        for (what, change) in changes {
            let answer = raw.prepare(.linear, [5, 6], change).answer
            // A size that is merely absurd may also be answered with "no memory".
            let codes: Set<Int32> = what.contains("repeated") ? [1, 3] : [1]
            guard codes.contains(answer.code) else { throw .failed("\(what): code \(answer.code) instead of 1") }
            if answer.message.isEmpty { throw .failed("\(what): refused without a message") }
        }
        for (kind, shape) in [(.conv2d, [5, 6]), (.conv3d, [2, 2, 2, 2]), (.embedding, [6])] as [(WeightKind, [Int])] {
            let answer = raw.prepare(kind, shape).answer
            guard answer.code == 1 else { throw .failed("\(kind) of shape \(shape): code \(answer.code) instead of 1") }
        }
        try release(raw)
    }

    /// A weight can be released once, and only as a weight.
    private func release(_ raw: RawContract) throws(CaseStop) {
        let prepared = raw.prepare(.embedding, [5, 6])
        guard prepared.answer.code == 0 else { throw .failed("prepare_weight fails: \(prepared.answer.message)") }
        let (table, context, weight) = (raw.table, raw.context, prepared.weight)
        try raw.refuse("destroying a weight as a buffer") { table.destroy_buffer?(context, weight, $0) }
        guard table.release_weight?(context, weight, nil) == 0 else { throw .failed("release_weight fails") }
        try raw.refuse("releasing a weight twice") { table.release_weight?(context, weight, $0) }
        try raw.refuse("releasing weight 0") { table.release_weight?(context, 0, $0) }
        var byte: UInt8 = 0
        try raw.refuse("download from a released weight") { table.download?(context, weight, 0, &byte, 1, $0) }
    }
}
