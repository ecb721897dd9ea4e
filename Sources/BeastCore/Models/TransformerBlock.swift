// SPDX-License-Identifier: MIT

/// A pre-norm block of a vision transformer: x += attention(norm1(x)); x += mlp(norm2(x)).
struct TransformerBlock {
    private let norm1: LayerNorm
    private let attention: Attention
    private let norm2: LayerNorm
    private let mlp: Mlp

    /// - Parameter parameters: those of the block, by the published names `norm1`, `attn.qkv`, ... `mlp.fc2`.
    init(_ parameters: Parameters, width: Int, headCount: Int, hiddenWidth: Int, epsilon: Float) throws {
        norm1 = try parameters.layerNorm("norm1", width, epsilon: epsilon)
        attention = try Attention(parameters["attn"], width: width, headCount: headCount)
        norm2 = try parameters.layerNorm("norm2", width, epsilon: epsilon)
        mlp = try Mlp(parameters["mlp"], width: width, hiddenWidth: hiddenWidth)
    }

    /// The tensors of such a block, by name.
    static func tensors(width: Int, hiddenWidth: Int) -> [(name: String, shape: [Int])] {
        [
            ("norm1.weight", [width]), ("norm1.bias", [width]),
            ("attn.qkv.weight", [3 * width, width]), ("attn.qkv.bias", [3 * width]),
            ("attn.proj.weight", [width, width]), ("attn.proj.bias", [width]),
            ("norm2.weight", [width]), ("norm2.bias", [width]),
            ("mlp.fc1.weight", [hiddenWidth, width]), ("mlp.fc1.bias", [hiddenWidth]),
            ("mlp.fc2.weight", [width, hiddenWidth]), ("mlp.fc2.bias", [width]),
        ]
    }

    /// Changes the residual stream [batch, tokens, D] in place.
    func callAsFunction(_ x: Tensor) throws { try self(x, tokens: 0..<x.shape[1], changing: x) }

    /// Changes some tokens of the residual stream only, which all of them are read for.
    /// - Parameters:
    ///   - x: [batch, tokens, D].
    ///   - residual: [batch, tokens.count, D], those tokens of `x`: `x` itself or a copy.
    func callAsFunction(_ x: Tensor, tokens: Range<Int>, changing residual: Tensor) throws {
        let dtype = x.session.precision.activations
        try attention(norm1(x, as: dtype), queries: tokens, addingTo: residual)
        try mlp(norm2(residual, as: dtype), addingTo: residual)
    }

    func attentionMaps(_ x: Tensor, queries: Range<Int>) throws -> Tensor {
        try attention.maps(norm1(x, as: x.session.precision.activations), queries: queries)
    }
}

/// Multi-head self-attention.
private struct Attention {
    let qkv: Linear
    let proj: Linear
    let headCount: Int
    let headDimension: Int

    private var scale: Float { 1 / Float(headDimension).squareRoot() }

    init(_ parameters: Parameters, width: Int, headCount: Int) throws {
        qkv = try parameters.linear("qkv", width, 3 * width)
        proj = try parameters.linear("proj", width, width)
        self.headCount = headCount
        headDimension = width / headCount
    }

    /// - Parameters:
    ///   - x: [batch, tokens, D].
    ///   - queries: the tokens that look at all.
    ///   - residual: [batch, queries.count, D].
    func callAsFunction(_ x: Tensor, queries: Range<Int>, addingTo residual: Tensor) throws {
        let (query, key, value) = try split(qkv(x))
        let mixed = try x.session.makeTensor([x.shape[0], queries.count, headCount, headDimension], dtype: x.dtype)
        try x.session.run(
            AttentionArguments(
                output: mixed.permuted(0, 2, 1, 3).view, query: query.slice(2, queries).view, key: key.view,
                value: value.view, scale: scale, keyLength: x.shape[1]))
        try proj.add(mixed.reshaped([x.shape[0], queries.count, headCount * headDimension]), to: residual)
    }

    /// softmax(query × keyᵀ / √d) for some of the queries.
    func maps(_ x: Tensor, queries: Range<Int>) throws -> Tensor {
        let (query, key, _) = try split(qkv(x, as: .float32))
        let maps = try x.session.makeTensor([x.shape[0], headCount, queries.count, x.shape[1]])
        try x.session.run(
            AttentionProbabilitiesArguments(
                output: maps.view, query: query.slice(2, queries).view, key: key.view, scale: scale,
                keyLength: x.shape[1]))
        return maps
    }

    /// [batch, tokens, 3 D] as three views [batch, heads, tokens, d] of the same memory.
    private func split(_ qkv: Tensor) throws -> (query: Tensor, key: Tensor, value: Tensor) {
        let parts = try qkv.reshaped([qkv.shape[0], qkv.shape[1], 3, headCount, headDimension]).permuted(2, 0, 3, 1, 4)
        return (parts.select(0, 0), parts.select(0, 1), parts.select(0, 2))
    }
}

/// fc2(GELU(fc1(x)))
private struct Mlp {
    let fc1: Linear
    let fc2: Linear

    init(_ parameters: Parameters, width: Int, hiddenWidth: Int) throws {
        fc1 = try parameters.linear("fc1", width, hiddenWidth)
        fc2 = try parameters.linear("fc2", hiddenWidth, width)
    }

    func callAsFunction(_ x: Tensor, addingTo residual: Tensor) throws {
        try fc2.add(fc1(x, then: .gelu), to: residual)
    }
}
