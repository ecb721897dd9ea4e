// SPDX-License-Identifier: MIT

/// A masked autoencoder (He et al. 2022): an encoder that sees some patches of a picture, and a decoder that tells the
/// others.
///
/// Pictures come in channels-last and normalised, [batch, height, width, 3], of the size it was trained for. Parameters are
/// found under the published names `decoder_embed`, `mask_token`, `decoder_pos_embed`, `decoder_blocks.N`, `decoder_norm`
/// and `decoder_pred`, beside those of the encoder.
public final class MaskedAutoencoder {
    /// The sizes of the decoder.
    public struct Configuration: Sendable, Equatable {
        public var encoder: VisionTransformer.Configuration
        /// Width of the decoder's residual stream.
        public var width: Int
        public var depth: Int
        public var headCount: Int

        public init(encoder: VisionTransformer.Configuration, width: Int = 512, depth: Int = 8, headCount: Int = 16) {
            self.encoder = encoder
            self.width = width
            self.depth = depth
            self.headCount = headCount
        }

        /// Patches of a picture.
        public var patchCount: Int { encoder.gridSize * encoder.gridSize }

        /// Numbers of a patch: rows, columns, 3 channels, in this order.
        public var patchLength: Int { encoder.patchSize * encoder.patchSize * 3 }
    }

    public let configuration: Configuration
    public let encoder: VisionTransformer
    public var session: Session { encoder.session }

    private let embedding: Linear
    private let maskToken: Tensor
    private let positions: Tensor
    private let blocks: [TransformerBlock]
    private let norm: LayerNorm
    private let prediction: Linear

    /// Builds encoder and decoder from a checkpoint.
    /// - Throws: ``ModelError`` for a missing or wrongly shaped tensor (a file that holds the encoder only has no
    ///   decoder) or impossible sizes; what the source and the backend throw.
    public init(_ configuration: Configuration, weights: any WeightSource, session: Session) throws {
        try configuration.validate()
        self.configuration = configuration
        encoder = try VisionTransformer(configuration.encoder, weights: weights, session: session)
        let parameters = Parameters(weights, session: session)
        let width = configuration.width
        embedding = try parameters.linear("decoder_embed", configuration.encoder.width, width)
        maskToken = try parameters.weight("mask_token", [1, 1, width], as: .vector).tensor
        positions = try parameters.weight(
            "decoder_pos_embed", [1, 1 + configuration.patchCount, width], as: .vector
        ).tensor
        blocks = try (0..<configuration.depth).map { index in
            try TransformerBlock(
                parameters["decoder_blocks.\(index)"], width: width, headCount: configuration.headCount,
                hiddenWidth: 4 * width, epsilon: configuration.encoder.epsilon)
        }
        norm = try parameters.layerNorm("decoder_norm", width, epsilon: configuration.encoder.epsilon)
        prediction = try parameters.linear("decoder_pred", width, configuration.patchLength)
    }

    /// The content of every patch, told from the visible ones.
    /// - Parameters:
    ///   - pictures: [batch, height, width, 3].
    ///   - masks: which patches are seen, one mask a picture; all must see equally many.
    /// - Returns: [batch, patches, p * p * 3] in the units of the input; a patch's numbers by row, column, channel. What
    ///   it says of a visible patch was never trained.
    /// - Throws: ``ModelError`` for pictures of another size than the trained one, or masks that do not fit.
    public func predict(_ pictures: Tensor, masks: [PatchMask]) throws -> Tensor {
        let size = configuration.encoder.imageSize
        guard pictures.shape.rank == 4, pictures.shape[1] == size, pictures.shape[2] == size else {
            throw ModelError(
                .badInput, "pictures of shape \(pictures.shape), a masked autoencoder completes \(size) x \(size) only")
        }
        let batch = pictures.shape[0]
        guard masks.count == batch, let seen = masks.first?.visible.count,
            masks.allSatisfy({ $0.patchCount == configuration.patchCount && $0.visible.count == seen })
        else {
            throw ModelError(
                .badInput,
                "\(masks.count) masks for \(batch) pictures of \(configuration.patchCount) patches; "
                    + "each needs one, and all must show equally many")
        }
        let tokens = try encoder.embed(pictures)
        let visible = try gather(
            tokens.flattened(), indices: masks.enumerated().flatMap { $1.tokenIndices(ofPicture: $0) },
            shape: [batch, 1 + seen, configuration.encoder.width])
        return try decode(try encoder.encode(visible), masks: masks)
    }

    /// - Parameter encoded: [batch, 1 + visible patches, encoder's width].
    private func decode(_ encoded: Tensor, masks: [PatchMask]) throws -> Tensor {
        let (batch, width) = (encoded.shape[0], configuration.width)
        let tokenCount = 1 + configuration.patchCount
        // A table of all visible tokens with the mask token behind them; every place of every picture takes its row.
        let visibleCount = batch * encoded.shape[1]
        let table = try session.makeTensor([visibleCount + 1, width])
        let visible = try embedding(encoded.flattened(), as: .float32)
        try session.run(CopyArguments(output: table.slice(0, 0..<visibleCount).view, input: visible.view))
        try session.run(
            CopyArguments(
                output: table.slice(0, visibleCount..<visibleCount + 1).view,
                input: maskToken.reshaped([1, width]).view))
        let x = try gather(
            table,
            indices: masks.enumerated().flatMap { $1.tableIndices(ofPicture: $0, maskRow: visibleCount) },
            shape: [batch, tokenCount, width])
        try session.run(
            AddArguments(
                output: x.view, left: x.view,
                right: positions.reshaped([1, tokenCount, width]).broadcast(to: x.shape).view))
        for block in blocks { try block(x) }
        let normalised = try norm(x, as: session.precision.activations)
        return try prediction(normalised, as: .float32).slice(1, 1..<tokenCount)
    }

    private func gather(_ table: Tensor, indices: [Int32], shape: Shape) throws -> Tensor {
        let output = try session.makeTensor(shape)
        let indices = try session.makeTensor(indices, shape: [indices.count])
        try session.run(
            GatherRowsArguments(output: output.flattened().view, table: table.view, indices: indices.view))
        return output
    }

    /// Puts patches together.
    /// - Parameter patches: [batch, patches, p * p * 3].
    /// - Returns: [batch, height, width, 3].
    public func pictures(ofPatches patches: Tensor) throws -> Tensor {
        let (batch, grid, patch) = (
            patches.shape[0], configuration.encoder.gridSize, configuration.encoder.patchSize
        )
        let pictures = try session.makeTensor([batch, grid * patch, grid * patch, 3])
        // [batch, grid row, grid column, row, column, channel] on both sides.
        let input = try patches.dense().reshaped([batch, grid, grid, patch, patch, 3])
        try session.run(
            CopyArguments(
                output: pictures.reshaped([batch, grid, patch, grid, patch, 3]).permuted(0, 1, 3, 2, 4, 5).view,
                input: input.view))
        return pictures
    }
}

extension Tensor {
    /// The same rows [.., D] as a matrix [rows, D].
    fileprivate func flattened() throws -> Tensor {
        let width = shape[shape.rank - 1]
        return try reshaped([width == 0 ? 0 : shape.elementCount / width, width])
    }

    /// The tensor itself where it is dense, a copy otherwise.
    fileprivate func dense() throws -> Tensor {
        if view.isDense { return self }
        let copy = try session.makeTensor(shape, dtype: dtype)
        try session.run(CopyArguments(output: copy.view, input: view))
        return copy
    }
}

extension MaskedAutoencoder.Configuration {
    fileprivate func validate() throws {
        guard [width, depth, headCount].allSatisfy({ $0 > 0 && $0 <= 1 << 16 }), width % headCount == 0 else {
            throw ModelError(
                .badConfiguration, "no decoder has width \(width), depth \(depth), \(headCount) heads")
        }
    }
}
