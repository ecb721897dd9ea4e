// SPDX-License-Identifier: MIT

/// A pre-norm block of a ``GPT``: x += proj(attention(ln1(x))); x += mlp.2(GELU(mlp.0(ln2(x)))).
struct GPTBlock {
    private let ln1: LayerNorm
    /// Query, key and value in one product.
    private let qkv: Linear
    private let proj: Linear
    private let ln2: LayerNorm
    private let expansion: Linear
    private let contraction: Linear
    private let headCount: Int

    /// - Parameter parameters: those of the block, by the published names `ln1`, `attn.key`, ... `mlp.2`.
    init(_ parameters: Parameters, _ configuration: GPT.Configuration) throws {
        let width = configuration.width
        ln1 = try parameters.layerNorm("ln1", width, epsilon: configuration.epsilon)
        let attention = parameters["attn"]
        qkv = try attention.joinedLinear(["query", "key", "value"], width, width)
        proj = try attention.linear("proj", width, width)
        ln2 = try parameters.layerNorm("ln2", width, epsilon: configuration.epsilon)
        expansion = try parameters.linear("mlp.0", width, 4 * width)
        contraction = try parameters.linear("mlp.2", 4 * width, width)
        headCount = configuration.headCount
    }

    /// The tensors of such a block, by name.
    static func tensors(width: Int) -> [(name: String, shape: [Int])] {
        let attention: [(name: String, shape: [Int])] = ["key", "query", "value", "proj"].flatMap { name in
            [("attn.\(name).weight", [width, width]), ("attn.\(name).bias", [width])]
        }
        return [("ln1.weight", [width]), ("ln1.bias", [width]), ("ln2.weight", [width]), ("ln2.bias", [width])]
            + attention
            + [
                ("mlp.0.weight", [4 * width, width]), ("mlp.0.bias", [4 * width]),
                ("mlp.2.weight", [width, 4 * width]), ("mlp.2.bias", [width]),
            ]
    }

    /// Changes the residual stream of `space` in place and writes the keys and values of its positions.
    /// - Parameters:
    ///   - cache: [2, rows, heads, capacity, head width] of this block.
    ///   - position: how many positions are there already.
    func callAsFunction(_ space: GPTWorkspace, cache: Tensor, position: Int) throws {
        let (tokens, session) = (space.tokens, space.stream.session)
        try ln1(space.stream, into: space.normalised)
        try qkv(space.normalised, into: space.qkv)
        // [3, rows, heads, tokens, head width]
        let parts = try space.qkv.reshaped([space.rows, tokens, 3, headCount, cache.shape[4]]).permuted(2, 0, 3, 1, 4)
        let end = position + tokens
        try session.run(
            CopyArguments(output: cache.slice(3, position..<end).view, input: parts.slice(0, 1..<3).view))
        try session.run(
            AttentionArguments(
                output: try space.mixed.reshaped([space.rows, tokens, headCount, cache.shape[4]])
                    .permuted(0, 2, 1, 3).view,
                query: parts.select(0, 0).view, key: cache.select(0, 0).view, value: cache.select(0, 1).view,
                scale: 1 / Float(cache.shape[4]).squareRoot(), isCausal: tokens > 1,
                queryOffset: tokens > 1 ? position : 0, keyLength: end))
        try proj.add(space.mixed, to: space.stream)
        try ln2(space.stream, into: space.normalised)
        try expansion(space.normalised, into: space.hidden, then: .gelu)
        try contraction.add(space.hidden, to: space.stream)
    }
}
