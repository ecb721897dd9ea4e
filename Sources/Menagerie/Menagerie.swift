// SPDX-License-Identifier: MIT
public import BeastCore
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
    ///   - weights: a checkpoint file; without it the built-in weights or those of the hub.
    ///   - threadCount: 0 for the backend's own choice.
    ///   - precision: what is kept in memory between products.
    ///   - hub: how weights are had that are not here.
    /// - Throws: ``MenagerieError`` for an unknown name or weights that are not here; `HubError` when they cannot be
    ///   downloaded; errors of the checkpoint, the model and the backend as they are.
    public static func load(
        _ name: String, backend: ChosenBackend, weights: String? = nil, threadCount: Int = 0,
        precision: ComputePrecision = .f32, hub: HubAccess = HubAccess()
    ) throws -> EmbeddingModel {
        let card = try Catalogue.model(named: name)
        let session = try backend.makeSession(threadCount: threadCount, precision: precision)
        return try load(card, session: session, weights: weights, threadCount: threadCount, hub: hub)
    }

    /// The same on a session that is already open.
    /// - Parameter threadCount: threads that look through the checkpoint's tensors for damage; 0 for one.
    public static func load(
        _ card: ModelCard, session: Session, weights: String? = nil, threadCount: Int = 0, hub: HubAccess = HubAccess()
    ) throws -> EmbeddingModel {
        let source = try self.weights(of: card, file: weights, hub: hub)
        source.threadCount = threadCount
        let network = try card.network.makeEncoder(weights: source, session: session)
        return EmbeddingModel(card: card, network: network, unusedTensors: UnusedTensors(source))
    }

    /// The same with seeded random weights, for measurements: no checkpoint is needed.
    public static func load(_ card: ModelCard, session: Session, randomWeightsSeed seed: UInt64) throws
        -> EmbeddingModel
    {
        let source = RandomWeights(card.network.tensors, seed: seed)
        let network = try card.network.makeEncoder(weights: source, session: session)
        return EmbeddingModel(card: card, network: network, unusedTensors: UnusedTensors(origin: source.origin))
    }

    /// Builds a model that completes pictures, encoder and decoder, and loads its weights.
    /// - Throws: ``MenagerieError`` for a model that is no masked autoencoder; otherwise as
    ///   ``load(_:session:weights:threadCount:hub:)``.
    public static func loadForCompletion(
        _ card: ModelCard, session: Session, weights: String? = nil, hub: HubAccess = HubAccess()
    ) throws -> CompletionModel {
        guard let configuration = card.masked else {
            throw MenagerieError(
                .usage,
                "\(card.name) cannot complete pictures; masked autoencoders can: "
                    + Catalogue.models.filter { $0.masked != nil }.map(\.name).joined(separator: ", "))
        }
        let source = try self.weights(of: card, file: weights, hub: hub)
        let network = try MaskedAutoencoder(configuration, weights: source, session: session)
        return CompletionModel(card: card, network: network, unusedTensors: UnusedTensors(source))
    }

    /// The tensors of a model, none of them read yet.
    /// - Parameter file: a checkpoint; without it the built-in weights or those of the hub.
    static func weights(of card: ModelCard, file: String?, hub: HubAccess) throws -> CheckpointWeights {
        try open(card, weights: file, hub: hub).weights(select: card.checkpointKeys, stripping: card.strippedPrefixes)
    }

    private static func open(_ card: ModelCard, weights: String?, hub: HubAccess) throws -> Checkpoint {
        if let weights { return try Checkpoint.open(path: weights) }
        switch card.weights {
        case .builtIn:
            return try Checkpoint.open(staticBytes: try builtInBytes(card), name: "the built-in \(card.name)")
        case .hub(let repository, let file):
            let paths = try hub.paths([(file, "--weights")], of: repository, for: card.name)
            return try Checkpoint.open(path: paths[0])
        }
    }

    /// Part of the program's read-only data: never freed, never changed.
    private static func builtInBytes(_ card: ModelCard) throws -> UnsafeRawBufferPointer {
        switch card.name {
        case "cub_dino_vitt8":
            UnsafeRawBufferPointer(start: beasts_cub_dino_vitt8_bytes(), count: beasts_cub_dino_vitt8_byte_count())
        case "cub_mae_vitt8":
            UnsafeRawBufferPointer(start: beasts_cub_mae_vitt8_bytes(), count: beasts_cub_mae_vitt8_byte_count())
        default: throw MenagerieError(.internal, "\(card.name): its weights are not in the program")
        }
    }
}
