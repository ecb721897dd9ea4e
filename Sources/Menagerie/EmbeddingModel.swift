// SPDX-License-Identifier: MIT
public import BeastCore
internal import BeastHub
public import BeastMedia
internal import BeastWeights
internal import CubWeights

/// The facade: models by name.
public enum Menagerie {
    /// Builds a model and loads its weights.
    ///
    ///     let backend = try BackendDiscovery.ofThisProcess().choose(.auto)
    ///     let model = try Menagerie.load("dino_s_vitb14", backend: backend)
    ///
    /// - Parameters:
    ///   - name: a name of the ``Catalogue``.
    ///   - backend: where it runs.
    ///   - weights: a checkpoint file; without it the built-in weights or the hub cache.
    ///   - threadCount: 0 for the backend's own choice.
    /// - Throws: ``MenagerieError`` for an unknown name or weights that are not here; errors of the checkpoint, the model
    ///   and the backend as they are.
    public static func load(
        _ name: String, backend: ChosenBackend, weights: String? = nil, threadCount: Int = 0
    ) throws -> EmbeddingModel {
        let card = try Catalogue.model(named: name)
        return try load(card, session: try backend.makeSession(threadCount: threadCount), weights: weights)
    }

    /// The same on a session that is already open.
    public static func load(_ card: ModelCard, session: Session, weights: String? = nil) throws -> EmbeddingModel {
        let checkpoint = try open(card, weights: weights)
        let source = try checkpoint.weights(select: card.checkpointKeys, stripping: card.strippedPrefixes)
        return EmbeddingModel(
            card: card, network: try VisionTransformer(card.configuration, weights: source, session: session))
    }

    private static func open(_ card: ModelCard, weights: String?) throws -> Checkpoint {
        if let weights { return try Checkpoint.open(path: weights) }
        switch card.weights {
        case .builtIn:
            // Part of the program's read-only data: never freed, never changed.
            let bytes = UnsafeRawBufferPointer(
                start: beasts_cub_dino_vitt8_bytes(), count: beasts_cub_dino_vitt8_byte_count())
            return try Checkpoint.open(staticBytes: bytes, name: "the built-in \(card.name)")
        case .hub(let repository, let file):
            guard let cache = HubCache.ofThisUser() else {
                throw MenagerieError(
                    .unavailable, "\(card.name): no home folder is set, so there is no cache; give --weights FILE")
            }
            guard let path = cache.path(repository: repository, file: file) else {
                throw MenagerieError(
                    .unavailable,
                    "\(card.name): its weights are not in the cache \(cache.root); give --weights FILE, or download "
                        + "\(file) of \(repository) with any hub client")
            }
            return try Checkpoint.open(path: path)
        }
    }
}

/// A model that turns pictures into embeddings.
public final class EmbeddingModel {
    public let card: ModelCard
    public let network: VisionTransformer
    public var session: Session { network.session }

    init(card: ModelCard, network: VisionTransformer) {
        self.card = card
        self.network = network
    }

    /// What of a layer becomes the embedding.
    public enum Token: String, Sendable, CaseIterable {
        /// The CLS token: one row a picture.
        case cls
        /// The mean over the patch tokens, CLS left out: one row a picture.
        case mean
        /// Every patch token: a matrix a picture.
        case patch
    }

    /// Embeds one batch.
    /// - Parameter pictures: channels-last and normalised, [batch, height, width, 3].
    /// - Returns: [batch, D] for `cls` and `mean`, [batch, patches, D] for `patch`.
    public func embed(_ pictures: Tensor, layer: VisionTransformer.Layer = .norm, token: Token = .cls) throws -> Tensor
    {
        if layer == .norm, token == .cls { return try network(pictures) }
        guard let tokens = try network.layers([layer], pictures).first else {
            throw MenagerieError(.internal, "layer \(layer.name) was not computed")
        }
        let patches = tokens.slice(1, 1..<tokens.shape[1])
        switch token {
        case .cls: return tokens.select(1, 0)
        case .patch: return patches
        case .mean:
            let mean = try session.makeTensor([tokens.shape[0], tokens.shape[2]])
            try session.run(ReduceArguments(output: mean.view, input: patches.view, reduction: .mean))
            return mean
        }
    }

    /// Embeds pictures from memory, all at once.
    /// - Returns: one row a picture, [width of the embedding] each.
    public func embed(_ pictures: [Picture], preprocessing: Preprocessing? = nil) throws -> [[Float]] {
        let preprocessing = preprocessing ?? card.preprocessing
        return try pictures.map { picture in
            let size = try preprocessing.outputSize(for: picture)
            let input = try session.makeTensor([1, size.height, size.width, 3])
            try session.upload(try preprocessing.values(of: picture), to: input)
            return try session.download(try embed(input))
        }
    }
}
