// SPDX-License-Identifier: MIT

/// A causal transformer over the codes of a picture (minGPT by Karpathy, as in Esser et al. 2021).
///
/// Position t predicts code t + 1; there is no start token, so the first code of a picture has no model. Parameters are
/// found under the published names `tok_emb`, `pos_emb`, `blocks.N`, `ln_f` and `head`; the constant `attn.mask` beside them
/// is not read.
public final class GPT {
    public let configuration: Configuration
    public let session: Session

    /// [codes, D], float32 whatever the precision: a few rows of it are read for each token.
    private let embedding: Tensor
    /// [1, positions, D]
    private let positions: Tensor
    private let blocks: [GPTBlock]
    private let norm: LayerNorm
    private let head: Linear
    private var space: GPTWorkspace?

    /// Tokens that go through the network at once when a prefix is read: enough to keep it busy, few enough to bound what it
    /// holds in between.
    static let tokensAtOnce = 2048

    /// Builds the transformer from a checkpoint.
    /// - Throws: ``ModelError`` for a missing or wrongly shaped tensor or impossible sizes; what the source and the backend
    ///   throw.
    public init(_ configuration: Configuration, weights: any WeightSource, session: Session) throws {
        try configuration.validate()
        self.configuration = configuration
        self.session = session
        let parameters = Parameters(weights, session: session)
        let (codes, width) = (configuration.codeCount, configuration.width)
        embedding = try parameters["tok_emb"].weight("weight", [codes, width], as: .embedding).tensor
        positions = try parameters.weight("pos_emb", [1, configuration.blockLength, width], as: .vector).tensor
        blocks = try (0..<configuration.depth).map { try GPTBlock(parameters["blocks.\($0)"], configuration) }
        norm = try parameters.layerNorm("ln_f", width, epsilon: configuration.epsilon)
        head = Linear(
            weight: try parameters["head"].weight("weight", [codes, width], as: .linear, session.precision.matrices),
            bias: nil)
    }

    /// An empty cache.
    /// - Parameters:
    ///   - rowCount: sequences, 1 or more.
    ///   - capacity: positions of each, up to the transformer's own number of them, which it is by default.
    public func makeCache(rowCount: Int, capacity: Int? = nil) throws -> KeyValueCache {
        try KeyValueCache(
            configuration, rowCount: rowCount, capacity: capacity ?? configuration.blockLength, session: session)
    }

    /// Reads the next codes of every sequence.
    /// - Parameters:
    ///   - codes: [rows, tokens], row by row.
    ///   - cache: gets their keys and values.
    /// - Returns: what follows the last of them: logits [rows, codes], float32. The next call overwrites it.
    /// - Throws: ``ModelError`` for a code that there is not, or more positions than the cache has room for.
    @discardableResult
    public func append(_ codes: [Int32], to cache: KeyValueCache) throws -> Tensor {
        let tokens = try check(codes, rows: cache.rowCount, cache)
        let space = try run(codes, rows: cache.rowCount, tokens: tokens, cache.layers, position: cache.length)
        cache.length += tokens
        return try logits(ofLast: space)
    }

    /// Reads prefixes of equal length into an empty cache, once for all the sequences that begin with each.
    /// - Parameters:
    ///   - prefixes: [prefixes, tokens], row by row.
    ///   - copies: rows of the cache that share a prefix: prefix p is in the rows from `p * copies` on.
    ///   - cache: has prefixes times `copies` rows.
    /// - Returns: logits [prefixes, codes] for what follows, row by row.
    public func readPrefixes(_ prefixes: [Int32], copies: Int, into cache: KeyValueCache) throws -> [Float] {
        guard copies > 0, cache.rowCount % copies == 0, cache.length == 0 else {
            throw ModelError(
                .badInput,
                "\(copies) copies of prefixes for a cache of \(cache.rowCount) rows, \(cache.length) positions")
        }
        let count = cache.rowCount / copies
        let tokens = try check(prefixes, rows: count, cache)
        // [2, prefixes, copies, heads, capacity, head width]
        let layers = try cache.layers.map { layer in
            try layer.reshaped([2, count, copies, layer.shape[2], layer.shape[3], layer.shape[4]])
        }
        var logits: [Float] = []
        logits.reserveCapacity(count * configuration.codeCount)
        let rowsAtOnce = max(1, GPT.tokensAtOnce / tokens)
        for start in stride(from: 0, to: count, by: rowsAtOnce) {
            let rows = start..<min(count, start + rowsAtOnce)
            let space = try run(
                Array(prefixes[rows.lowerBound * tokens..<rows.upperBound * tokens]), rows: rows.count,
                tokens: tokens, layers.map { $0.slice(1, rows).select(2, 0) }, position: 0)
            logits += try session.download(try self.logits(ofLast: space))
        }
        if copies > 1 {
            for layer in layers {
                let filled = layer.slice(4, 0..<tokens)
                let others = filled.slice(2, 1..<copies)
                try session.run(
                    CopyArguments(
                        output: others.view, input: filled.slice(2, 0..<1).broadcast(to: others.shape).view))
            }
        }
        cache.length = tokens
        return logits
    }

    /// Logits of every position, for codes that are known: [rows, tokens, codes], float32.
    /// - Parameter codes: [rows, tokens], row by row.
    public func logits(_ codes: [Int32], rows: Int) throws -> Tensor {
        guard rows > 0 else { throw ModelError(.badInput, "logits of \(rows) sequences") }
        let cache = try makeCache(rowCount: rows, capacity: max(1, codes.count / rows))
        let tokens = try check(codes, rows: rows, cache)
        let space = try run(codes, rows: rows, tokens: tokens, cache.layers, position: 0)
        try norm(space.stream, into: space.normalised)
        return try head(space.normalised, as: .float32)
    }

    // MARK: -

    /// - Returns: tokens in each row.
    private func check(_ codes: [Int32], rows: Int, _ cache: KeyValueCache) throws -> Int {
        guard !codes.isEmpty, codes.count % rows == 0 else {
            throw ModelError(.badInput, "\(codes.count) codes for \(rows) sequences of equal length")
        }
        let tokens = codes.count / rows
        guard cache.length + tokens <= cache.capacity else {
            throw ModelError(
                .badInput, "\(cache.length) + \(tokens) positions, there is room for \(cache.capacity)")
        }
        if let wrong = codes.first(where: { $0 < 0 || $0 >= configuration.codeCount }) {
            throw ModelError(.badInput, "code \(wrong), the codes are 0 to \(configuration.codeCount - 1)")
        }
        return tokens
    }

    /// All blocks. The residual stream is left in the workspace.
    private func run(_ codes: [Int32], rows: Int, tokens: Int, _ layers: [Tensor], position: Int) throws -> GPTWorkspace
    {
        let space = try workspace(rows: rows, tokens: tokens)
        try session.upload(codes, to: space.codes)
        let stream = space.stream
        try session.run(
            GatherRowsArguments(
                output: try stream.reshaped([rows * tokens, configuration.width]).view, table: embedding.view,
                indices: space.codes.view))
        try session.run(
            AddArguments(
                output: stream.view, left: stream.view,
                right: positions.slice(1, position..<position + tokens).broadcast(to: stream.shape).view))
        for (block, layer) in zip(blocks, layers) { try block(space, cache: layer, position: position) }
        return space
    }

    private func logits(ofLast space: GPTWorkspace) throws -> Tensor {
        try norm(space.stream.slice(1, space.tokens - 1..<space.tokens), into: space.last)
        try head(space.last, into: space.logits)
        return space.logits.select(1, 0)
    }

    private func workspace(rows: Int, tokens: Int) throws(BackendError) -> GPTWorkspace {
        if let space, space.rows == rows, space.tokens == tokens { return space }
        // The old one goes back to the pool first.
        space = nil
        let new = try GPTWorkspace(configuration, rows: rows, tokens: tokens, session: session)
        space = new
        return new
    }
}
