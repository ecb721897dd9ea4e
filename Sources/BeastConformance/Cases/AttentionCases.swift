// SPDX-License-Identifier: MIT
internal import BeastCore

/// The shapes and layouts of attention and attention_probabilities.
struct AttentionShape: Sendable {
    var batch = 1
    var heads = 1
    /// Queries, keys, head dimension.
    var m: Int
    var n: Int
    var d: Int
    var mask = KeyMask()
    /// In memory [B, tokens, heads, d], as the products of a linear layer lie.
    var isByToken = false
    /// NaN in keys that no query sees.
    var hidesNaN = false
    var special = false
    /// Of queries and keys. Where it is large, scores are so large that rounding them must not make them infinite.
    var deviation = 1.0
    var dtype = DType.float32

    var scale: Float { 1 / Float(max(1, d)).squareRoot() }
    var layout: Layout { isByToken ? Layout(offset: 1, gap: d, order: [0, 2, 1, 3]) : .dense }
    var cost: Int { batch * heads * m * n * d * 2 }
    var text: String {
        "[\(batch), \(heads), \(m), \(d)] with [\(batch), \(heads), \(n), \(d)]\(layout.text)\(mask.text)"
            + (hidesNaN ? ", NaN where nobody looks" : "") + (special ? ", NaN" : "")
            + (deviation == 1 ? "" : ", deviation \(deviation)")
            + (dtype == .float32 ? "" : ", \(dtype)")
    }

    private var values: Values { .normal(deviation: deviation) }

    func query(_ bench: Workbench) throws(CaseStop) -> Operand {
        try bench.input(
            "query", [batch, heads, m, d], special ? values.planting([(d, .nan)]) : values, dtype: dtype,
            layout: layout)
    }

    func key(_ bench: Workbench) throws(CaseStop) -> Operand {
        let unseen = (mask.keyLength ?? n) * d..<n * d
        return try bench.input(
            "key", [batch, heads, n, d], hidesNaN ? values.planting(unseen.map { ($0, .nan) }) : values,
            dtype: dtype, layout: layout)
    }

    static let all =
        [
            AttentionShape(m: 1, n: 1, d: 1), AttentionShape(m: 0, n: 4, d: 8), AttentionShape(m: 4, n: 6, d: 0),
            AttentionShape(m: 5, n: 64, d: 8, deviation: 1e5),
            AttentionShape(batch: 0, m: 3, n: 4, d: 8),
            AttentionShape(batch: 2, heads: 3, m: 17, n: 19, d: 13),
            AttentionShape(batch: 1, heads: 6, m: 197, n: 197, d: 64, isByToken: true),
            AttentionShape(heads: 2, m: 1, n: 200, d: 80, isByToken: true), AttentionShape(m: 5, n: 9, d: 512),
            AttentionShape(heads: 2, m: 11, n: 11, d: 32, mask: KeyMask(isCausal: true)),
            AttentionShape(
                heads: 2, m: 3, n: 40, d: 16, mask: KeyMask(isCausal: true, queryOffset: 20, keyLength: 23),
                isByToken: true
            ),
            AttentionShape(m: 4, n: 6, d: 8, mask: KeyMask(keyLength: 0)),
            AttentionShape(m: 4, n: 9, d: 8, mask: KeyMask(keyLength: 6), hidesNaN: true),
            AttentionShape(m: 4, n: 9, d: 8, special: true),
        ] + growing

    /// A few rows more of sequences whose earlier keys and values wait in a cache with room for more.
    private static let growing = [
        AttentionShape(
            batch: 2, heads: 3, m: 1, n: 320, d: 64, mask: KeyMask(isCausal: true, queryOffset: 257, keyLength: 258),
            isByToken: true, hidesNaN: true),
        AttentionShape(heads: 2, m: 1, n: 65, d: 80, mask: KeyMask(isCausal: true, queryOffset: 64)),
        AttentionShape(heads: 2, m: 2, n: 31, d: 21, mask: KeyMask(isCausal: true, queryOffset: 28, keyLength: 30)),
        AttentionShape(m: 4, n: 1030, d: 8, mask: KeyMask(isCausal: true, queryOffset: 1023, keyLength: 1027)),
        AttentionShape(m: 2, n: 8, d: 3, mask: KeyMask(isCausal: true)),
    ]

    static func inReducedPrecision(_ dtype: DType) -> [AttentionShape] {
        [
            AttentionShape(m: 1, n: 1, d: 1, dtype: dtype), AttentionShape(m: 0, n: 4, d: 8, dtype: dtype),
            AttentionShape(m: 4, n: 6, d: 0, dtype: dtype),
            AttentionShape(m: 5, n: 64, d: 8, deviation: dtype == .bfloat16 ? 1e5 : 100, dtype: dtype),
            AttentionShape(batch: 2, heads: 3, m: 17, n: 19, d: 13, dtype: dtype),
            AttentionShape(batch: 2, heads: 3, m: 197, n: 197, d: 64, isByToken: true, dtype: dtype),
            AttentionShape(heads: 2, m: 1, n: 200, d: 80, isByToken: true, dtype: dtype),
            AttentionShape(
                heads: 2, m: 3, n: 40, d: 16, mask: KeyMask(isCausal: true, queryOffset: 20, keyLength: 23),
                isByToken: true, dtype: dtype),
            AttentionShape(m: 4, n: 6, d: 8, mask: KeyMask(keyLength: 0), dtype: dtype),
            AttentionShape(m: 4, n: 9, d: 8, mask: KeyMask(keyLength: 5), hidesNaN: true, dtype: dtype),
            AttentionShape(m: 5, n: 70, d: 512, dtype: dtype),
        ]
    }
}

/// attention
struct AttentionCase: CaseBody {
    var attention: AttentionShape

    var op: BackendOp? { .attention }
    var claimedBy: DType? { attention.dtype == .float32 ? nil : attention.dtype }
    var parameters: String { attention.text }
    var tolerance: String {
        Tolerance.softmax + "; with the errors of the scores and of the weighted sum, each as a product"
            + (attention.dtype == .float32 ? "" : ", whose weights may be rounded to \(attention.dtype)")
    }
    var cost: Int { attention.cost }

    func run(_ bench: Workbench) throws(CaseStop) {
        let query = try attention.query(bench)
        let key = try attention.key(bench)
        let value = try bench.input("value", key.shape, dtype: attention.dtype, layout: attention.layout)
        let output = try bench.output(query.shape, dtype: attention.dtype, layout: attention.layout)
        let mask = attention.mask
        try bench.run(
            AttentionArguments(
                output: output.view, query: query.view, key: key.view, value: value.view, scale: attention.scale,
                isCausal: mask.isCausal, queryOffset: mask.queryOffset, keyLength: mask.keyLength ?? attention.n))
        try bench.expect(
            output,
            Oracle.attention(
                query: query.array, key: key.array, value: value.array, scale: attention.scale, mask: mask,
                weightType: attention.dtype))
    }

    static var all: [AttentionCase] {
        (AttentionShape.all + [.float16, .bfloat16].flatMap(AttentionShape.inReducedPrecision)).map {
            AttentionCase(attention: $0)
        }
    }
}

/// attention_probabilities
struct AttentionProbabilitiesCase: CaseBody {
    var attention: AttentionShape

    var op: BackendOp? { .attentionProbabilities }
    var parameters: String { attention.text }
    var tolerance: String { Tolerance.softmax + "; with the errors of the scores, as products" }
    var cost: Int { attention.cost / 2 }

    func run(_ bench: Workbench) throws(CaseStop) {
        let query = try attention.query(bench)
        let key = try attention.key(bench)
        let output = try bench.output(
            [attention.batch, attention.heads, attention.m, attention.n], layout: .sliced)
        let mask = attention.mask
        try bench.run(
            AttentionProbabilitiesArguments(
                output: output.view, query: query.view, key: key.view, scale: attention.scale, isCausal: mask.isCausal,
                queryOffset: mask.queryOffset, keyLength: mask.keyLength ?? attention.n))
        try bench.expect(
            output,
            Oracle.attentionProbabilities(query: query.array, key: key.array, scale: attention.scale, mask: mask))
    }

    static var all: [AttentionProbabilitiesCase] {
        AttentionShape.all.map { AttentionProbabilitiesCase(attention: $0) }
    }
}

/// patch_embedding
struct PatchEmbeddingCase: CaseBody {
    /// [B, H, W, C] or [B, T, H, W, C]
    var input: [Int]
    var patch: Extent3
    var width: Int
    var hasBias = true
    var inputLayout = Layout.dense
    var outputLayout = Layout.dense

    var op: BackendOp? { .patchEmbedding }
    var parameters: String {
        "\(input)\(inputLayout.text) patch \(patch) to \(width)\(outputLayout.text)" + (hasBias ? ", bias" : "")
    }
    var tolerance: String { Tolerance.products }
    var cost: Int { input.reduce(width, *) }

    func run(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("input", input, layout: inputLayout)
        let inner = patch.time * patch.height * patch.width * (input.last ?? 1)
        let part = bench.part([width, inner])
        let weight = try bench.weight(.linear, [part])
        let bias = hasBias ? try bench.input("bias", [width]) : nil
        let frames = input.count == 5 ? input[1] / patch.time : 1
        let patches = frames * (input[input.count - 3] / patch.height) * (input[input.count - 2] / patch.width)
        let output = try bench.output([input[0], patches, width], layout: outputLayout)
        try bench.run(
            PatchEmbeddingArguments(
                output: output.view, input: source.view, weight: weight, bias: bias?.view, patch: patch))
        try bench.expect(
            output, Oracle.patchEmbedding(source.array, weight: part.array, bias: bias?.array.values, patch: patch))
    }

    static var all: [PatchEmbeddingCase] {
        [
            PatchEmbeddingCase(input: [1, 4, 4, 3], patch: Extent3(1, 4, 4), width: 5),
            PatchEmbeddingCase(input: [0, 8, 8, 3], patch: Extent3(1, 4, 4), width: 5),
            PatchEmbeddingCase(
                input: [2, 9, 15, 3], patch: Extent3(1, 4, 5), width: 11, inputLayout: .sliced, outputLayout: .sliced),
            PatchEmbeddingCase(input: [1, 64, 64, 3], patch: Extent3(1, 16, 16), width: 192),
            PatchEmbeddingCase(input: [2, 5, 8, 7, 2], patch: Extent3(2, 4, 3), width: 9, hasBias: false),
        ]
    }
}
