// SPDX-License-Identifier: MIT

/// The vision transformer of DINO, Mugs and MAE (Caron et al. 2021, Zhou et al. 2022, He et al. 2022; architecture of
/// Dosovitskiy et al. 2021). MAE's decoder is not part of it.
///
/// Pictures come in channels-last and normalised, [batch, height, width, 3], of any size of at least one patch; pixels
/// beyond the last whole patch are not read. For another size than the trained one the position table is interpolated; the
/// published MAE code does so for attention maps and inner layers only and refuses to embed, which is extended here.
public final class VisionTransformer {
    /// The sizes that tell one published model from another.
    public struct Configuration: Sendable, Equatable {
        /// Side of the square pictures that the position table was trained for, in pixels.
        public var imageSize: Int
        /// Side of a square patch, in pixels.
        public var patchSize: Int
        /// Width D of the residual stream.
        public var width: Int
        public var depth: Int
        public var headCount: Int
        /// Width of the hidden layer of an MLP.
        public var hiddenWidth: Int
        public var epsilon: Float
        /// Whether a position table of another grid is resampled when it is loaded, as MAE's loader does.
        public var resamplesPositionsAtLoad: Bool

        public init(
            imageSize: Int = 224, patchSize: Int, width: Int, depth: Int, headCount: Int, hiddenWidth: Int? = nil,
            epsilon: Float = 1e-6, resamplesPositionsAtLoad: Bool = false
        ) {
            self.imageSize = imageSize
            self.patchSize = patchSize
            self.width = width
            self.depth = depth
            self.headCount = headCount
            self.hiddenWidth = hiddenWidth ?? 4 * width
            self.epsilon = epsilon
            self.resamplesPositionsAtLoad = resamplesPositionsAtLoad
        }

        /// Side of the trained grid, in patches.
        public var gridSize: Int { imageSize / patchSize }
    }

    public let configuration: Configuration
    public let session: Session

    private let patchEmbedding: Linear
    private let classToken: Tensor
    private let positionTable: PositionTable
    private let blocks: [TransformerBlock]
    private let norm: LayerNorm
    private var positions: (height: Int, width: Int, table: Tensor)?

    /// Builds the model from a checkpoint whose keys are the published ones, prefixes removed.
    /// - Throws: ``ModelError`` for a missing or wrongly shaped tensor or an impossible configuration; what the source
    ///   and the backend throw.
    public init(_ configuration: Configuration, weights: any WeightSource, session: Session) throws {
        try configuration.validate()
        let parameters = Parameters(weights, session: session)
        let (width, patchSize, gridSize) = (configuration.width, configuration.patchSize, configuration.gridSize)
        self.configuration = configuration
        self.session = session
        // The kernel [D, 3, p, p] is read in the order row, column, channel, as patches of a channels-last picture lie.
        // It stays float32 in every precision: a flat patch has one rounding error in all its pixels, and bfloat16 there
        // took the cosine of the built-in model's embeddings from 0.99996 to 0.9991.
        patchEmbedding = Linear(
            weight: try parameters["patch_embed.proj"].weight(
                "weight", [width, 3, patchSize, patchSize], permuted: [0, 2, 3, 1], as: .linear),
            bias: try parameters["patch_embed.proj"].weight("bias", [width], as: .vector).tensor)
        classToken = try parameters.weight("cls_token", [1, 1, width], as: .vector).tensor
        positionTable = try PositionTable(
            parameters, gridSize: gridSize, width: width, resamples: configuration.resamplesPositionsAtLoad)
        blocks = try (0..<configuration.depth).map { index in
            try TransformerBlock(
                parameters["blocks.\(index)"], width: width, headCount: configuration.headCount,
                hiddenWidth: configuration.hiddenWidth, epsilon: configuration.epsilon)
        }
        norm = try parameters.layerNorm("norm", width, epsilon: configuration.epsilon)
    }

    // MARK: - Forward pass

    /// Patches, CLS token in front, positions added.
    /// - Parameter pictures: [batch, height, width, 3].
    /// - Returns: [batch, 1 + patches, D].
    /// - Throws: ``ModelError`` for another shape, and for pictures smaller than a patch.
    func embed(_ pictures: Tensor) throws -> Tensor {
        guard pictures.shape.rank == 4, pictures.shape[3] == 3 else {
            throw ModelError(.badInput, "pictures of shape \(pictures.shape), expected [batch, height, width, 3]")
        }
        let (batch, height, width) = (pictures.shape[0], pictures.shape[1], pictures.shape[2])
        let (rows, columns) = try configuration.grid(height: height, width: width)
        let tokens = try session.makeTensor([batch, 1 + rows * columns, configuration.width])
        try session.run(
            PatchEmbeddingArguments(
                output: tokens.slice(1, 1..<tokens.shape[1]).view, input: pictures.view,
                weight: patchEmbedding.weight.handle, bias: patchEmbedding.bias?.view,
                patch: Extent3(1, configuration.patchSize, configuration.patchSize)))
        try session.run(
            CopyArguments(
                output: tokens.slice(1, 0..<1).view,
                input: classToken.broadcast(to: [batch, 1, configuration.width]).view))
        let positions = try positions(height: height, width: width).broadcast(to: tokens.shape)
        try session.run(AddArguments(output: tokens.view, left: tokens.view, right: positions.view))
        return tokens
    }

    /// The table for a picture size; the last one is kept, since batches are of one size.
    private func positions(height: Int, width: Int) throws -> Tensor {
        if let positions, positions.height == height, positions.width == width { return positions.table }
        let table = try session.makeTensor(
            positionRows(height: height, width: width), shape: try positionShape(height: height, width: width))
        positions = (height, width, table)
        return table
    }

    private func positionShape(height: Int, width: Int) throws -> Shape {
        let (rows, columns) = try configuration.grid(height: height, width: width)
        return [1, 1 + rows * columns, configuration.width]
    }

    /// The position rows for a picture of this size, row-major [1 + patches, D].
    /// - Throws: ``ModelError`` for a picture smaller than a patch.
    public func positionRows(height: Int, width: Int) throws -> [Float] {
        let (rows, columns) = try configuration.grid(height: height, width: width)
        return positionTable.positions(rows: rows, columns: columns, isSquarePicture: height == width)
    }

    /// The blocks and the final norm over tokens that ``embed(_:)`` gave, all or some of them; the tokens are changed.
    /// - Parameter tokens: [batch, any number of tokens, D].
    /// - Returns: the same shape, in the session's type of activations.
    func encode(_ tokens: Tensor) throws -> Tensor {
        for block in blocks { try block(tokens) }
        return try norm(tokens, as: session.precision.activations)
    }

    /// The embedding of each picture: the CLS row after the final norm.
    /// - Parameter pictures: [batch, height, width, 3].
    /// - Returns: [batch, D].
    public func callAsFunction(_ pictures: Tensor) throws -> Tensor {
        let tokens = try embed(pictures)
        for block in blocks.dropLast() { try block(tokens) }
        // What the last block makes of the patches nobody reads. The CLS rows are copied to where they lie together, as
        // products want them.
        let classTokens = try session.copy(tokens.slice(1, 0..<1))
        try blocks[blocks.count - 1](tokens, tokens: 0..<1, changing: classTokens)
        return try norm(classTokens.select(1, 0))
    }

    /// Whole layers, computed in one pass that stops at the deepest.
    /// - Returns: [batch, 1 + patches, D] for each layer, in the order asked for; the same tensor where one is asked for
    ///   twice.
    /// - Throws: ``ModelError`` for a block the model does not have.
    public func layers(_ names: [Layer], _ pictures: Tensor) throws -> [Tensor] {
        for case .block(let index, _) in names where !blocks.indices.contains(index) {
            throw ModelError(
                .unknownLayer, "there is no block \(index): this model has blocks.0 to blocks.\(blocks.count - 1)")
        }
        guard !names.isEmpty else { return [] }
        // `norm` is another name of the last block's normalised output; a layer asked for twice is computed once.
        let places = names.map { $0 == .norm ? .block(blocks.count - 1, isNormalised: true) : $0 }
        let last = places.compactMap(\.blockIndex).max() ?? 0
        let tokens = try embed(pictures)
        var found: [Layer: Tensor] = [:]
        for (index, block) in blocks.prefix(last + 1).enumerated() {
            try block(tokens)
            for place in Set(places) where place.blockIndex == index {
                found[place] = place.isNormalised ? try norm(tokens) : try session.copy(tokens)
            }
        }
        return places.compactMap { found[$0] }
    }

    /// The normalised outputs of the last `count` blocks, oldest first (`get_intermediate_layers` upstream).
    /// - Returns: [batch, 1 + patches, D] each.
    public func intermediateLayers(last count: Int, _ pictures: Tensor) throws -> [Tensor] {
        try layers((max(0, blocks.count - count)..<blocks.count).map { .block($0, isNormalised: true) }, pictures)
    }

    /// The attention maps of the last block.
    /// - Parameter queries: which tokens' rows are wanted; all of them by default. 0 is the CLS token.
    /// - Returns: [batch, heads, queries, 1 + patches]; each row sums to 1.
    /// - Throws: ``ModelError`` for queries beyond the tokens.
    public func lastAttention(_ pictures: Tensor, queries: Range<Int>? = nil) throws -> Tensor {
        let tokens = try embed(pictures)
        let all = 0..<tokens.shape[1]
        let queries = queries ?? all
        guard queries.lowerBound >= 0, queries.upperBound <= all.upperBound else {
            throw ModelError(.badInput, "attention of the tokens \(queries): there are the tokens \(all)")
        }
        for block in blocks.dropLast() { try block(tokens) }
        return try blocks[blocks.count - 1].attentionMaps(tokens, queries: queries)
    }
}

extension Session {
    fileprivate func copy(_ tensor: Tensor) throws(BackendError) -> Tensor {
        let copy = try makeTensor(tensor.shape, dtype: tensor.dtype)
        try run(CopyArguments(output: copy.view, input: tensor.view))
        return copy
    }
}

extension VisionTransformer.Configuration {
    fileprivate func validate() throws {
        let sizes = [imageSize, patchSize, width, depth, headCount, hiddenWidth]
        guard sizes.allSatisfy({ $0 > 0 && $0 <= 1 << 20 }), imageSize >= patchSize, width % headCount == 0,
            width / headCount <= 512, epsilon >= 0
        else {
            throw ModelError(
                .badConfiguration,
                "no vision transformer has image size \(imageSize), patch size \(patchSize), width \(width), depth \(depth), "
                    + "\(headCount) heads, hidden width \(hiddenWidth), epsilon \(epsilon)")
        }
    }

    /// Rows and columns of patches of a picture.
    /// - Throws: ``ModelError`` for a picture smaller than a patch.
    public func grid(height: Int, width: Int) throws -> (rows: Int, columns: Int) {
        guard height >= patchSize, width >= patchSize else {
            throw ModelError(
                .badInput,
                "a picture of \(width) x \(height) pixels is smaller than one patch of \(patchSize) x \(patchSize)")
        }
        return (height / patchSize, width / patchSize)
    }
}
