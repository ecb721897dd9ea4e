// SPDX-License-Identifier: MIT
public import BeastCore
internal import BeastHub
internal import BeastWeights
internal import CubWeights

extension Menagerie {
    /// Builds a model that generates pictures, and loads its weights.
    ///
    ///     let session = try BackendDiscovery.ofThisProcess().choose(.auto).makeSession()
    ///     let generator = try Menagerie.loadGenerator(try Catalogue.generator(named: "cub_gpt"), session: session)
    ///     let codes = try generator.generate(samples: 0..<4, seed: 1).codes
    ///     let pictures = try generator.decode(codes)
    ///
    /// - Parameters:
    ///   - card: of the catalogue.
    ///   - session: what it computes with.
    ///   - files: checkpoints; without them the built-in weights or the hub cache.
    ///   - parts: what is needed; nothing else is read.
    ///   - threadCount: threads that look through the checkpoints for damage; 0 for one.
    /// - Throws: ``MenagerieError`` for weights that are not here or hold tensors of another model; errors of the checkpoint,
    ///   the model and the backend as they are.
    public static func loadGenerator(
        _ card: GeneratorCard, session: Session, files: GeneratorFiles = GeneratorFiles(),
        parts: GenerativeModel.Parts = .all, threadCount: Int = 0
    ) throws -> GenerativeModel {
        let configuration = files.configuration ?? card.tokenizer
        // Both before anything is read: what is missing is said at once.
        let transformerFile = try parts.contains(.transformer) ? openTransformer(card, files) : nil
        let tokenizerFile = try parts.isDisjoint(with: .tokenizer) ? nil : openTokenizer(card, files)
        let transformer = try transformerFile.map { checkpoint in
            let source = try checkpoint.weights(select: ["model_state_dict"])
            source.threadCount = threadCount
            try source.refuseOthers(
                than: card.transformer.tensors + (card.isBuiltIn ? configuration.tensors : []),
                masks: card.transformer.maskNames, model: card.name)
            return try GPT(card.transformer, weights: source, session: session)
        }
        let tokenizer = try tokenizerFile.map { checkpoint in
            let source = try checkpoint.weights(select: ["state_dict"])
            source.threadCount = threadCount
            try source.refuseOthers(
                than: configuration.tensors + (card.isBuiltIn ? card.transformer.tensors : []), prefix: "loss.",
                model: card.name)
            return try VQGAN(configuration, weights: source, session: session, abilities: parts.abilities)
        }
        return GenerativeModel(card: card, session: session, transformer: transformer, tokenizer: tokenizer)
    }

    /// The same with seeded random weights, for measurements: no checkpoint is needed.
    public static func loadGenerator(
        _ card: GeneratorCard, session: Session, randomWeightsSeed seed: UInt64, parts: GenerativeModel.Parts = .all
    ) throws -> GenerativeModel {
        let transformer =
            try parts.contains(.transformer)
            ? GPT(
                card.transformer, weights: RandomWeights(card.transformer.tensors, seed: seed), session: session) : nil
        let tokenizer =
            try parts.isDisjoint(with: .tokenizer)
            ? nil
            : VQGAN(
                card.tokenizer, weights: RandomWeights(card.tokenizer.tensors, seed: seed), session: session,
                abilities: parts.abilities)
        return GenerativeModel(card: card, session: session, transformer: transformer, tokenizer: tokenizer)
    }

    /// The configuration file of a generator's tokeniser where it is in the hub cache.
    public static func cachedTokenizerConfiguration(_ card: GeneratorCard) -> String? {
        guard case .hub(let repository, _, _, let file) = card.weights else { return nil }
        return HubCache.ofThisUser()?.path(repository: repository, file: file)
    }

    private static func openTransformer(_ card: GeneratorCard, _ files: GeneratorFiles) throws -> Checkpoint {
        if let path = files.transformer { return try Checkpoint.open(path: path) }
        return try open(card) { _, transformer, _ in transformer }
    }

    private static func openTokenizer(_ card: GeneratorCard, _ files: GeneratorFiles) throws -> Checkpoint {
        if let path = files.tokenizer ?? (card.isBuiltIn ? files.transformer : nil) {
            return try Checkpoint.open(path: path)
        }
        return try open(card) { _, _, tokenizer in tokenizer }
    }

    private static func open(
        _ card: GeneratorCard, _ choose: (_ repository: String, _ transformer: String, _ tokenizer: String) -> String
    ) throws -> Checkpoint {
        switch card.weights {
        case .builtIn:
            return try Checkpoint.open(
                staticBytes: UnsafeRawBufferPointer(
                    start: beasts_cub_gpt_bytes(), count: beasts_cub_gpt_byte_count()),
                name: "the built-in \(card.name)")
        case .hub(let repository, let transformer, let tokenizer, _):
            let file = choose(repository, transformer, tokenizer)
            return try Checkpoint.cached(
                file, of: repository, for: card.name, option: file == tokenizer ? "--tokenizer" : "--weights")
        }
    }
}

extension CheckpointWeights {
    /// The published loader of transformers refuses a file with a tensor too many; so does this one, for both halves.
    /// A tensor of another shape is said first, since it tells more.
    fileprivate func refuseOthers(
        than tensors: [(name: String, shape: [Int])], masks: [String] = [], prefix: String? = nil, model: String
    ) throws {
        for tensor in tensors {
            guard let found = shape(of: tensor.name), found != tensor.shape else { continue }
            throw ModelError(
                .wrongShape,
                "\(origin): tensor '\(tensor.name)' has shape \(found), \(model) needs \(tensor.shape)")
        }
        let known = Set(tensors.map(\.name) + masks)
        let others = tensorNames.filter { name in
            !known.contains(name) && !(prefix.map { name.hasPrefix($0) } ?? false)
        }
        guard !others.isEmpty else { return }
        let shown = others.prefix(3).joined(separator: ", ") + (others.count > 3 ? ", ..." : "")
        throw MenagerieError(
            .badData,
            "\(origin): \(others.count) tensor\(others.count == 1 ? " is" : "s are") not part of \(model) (\(shown)); this is "
                + "the checkpoint of another model")
    }
}
