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
    ///   - files: checkpoints; without them the built-in weights or those of the hub.
    ///   - parts: what is needed; nothing else is read.
    ///   - threadCount: threads that look through the checkpoints for damage; 0 for one.
    ///   - hub: how weights are had that are not here.
    /// - Throws: ``MenagerieError`` for weights that are not here or hold tensors of another model; `HubError` when they
    ///   cannot be downloaded; errors of the checkpoint, the model and the backend as they are.
    public static func loadGenerator(
        _ card: GeneratorCard, session: Session, files: GeneratorFiles = GeneratorFiles(),
        parts: GenerativeModel.Parts = .all, threadCount: Int = 0, hub: HubAccess = HubAccess()
    ) throws -> GenerativeModel {
        let configuration = files.configuration ?? card.tokenizer
        // Both before anything is read: what is missing is downloaded side by side, or said at once.
        let files = try located(files, card, parts, hub)
        let transformerFile = try parts.contains(.transformer) ? open(card, files.transformer) : nil
        let tokenizerFile = try parts.isDisjoint(with: .tokenizer) ? nil : open(card, files.tokenizer)
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

    /// The files with those of the hub where none are given; nil stays for what is built in.
    private static func located(
        _ files: GeneratorFiles, _ card: GeneratorCard, _ parts: GenerativeModel.Parts, _ hub: HubAccess
    ) throws -> GeneratorFiles {
        var files = files
        guard case .hub(let repository, let transformer, let tokenizer, _) = card.weights else {
            files.tokenizer = files.tokenizer ?? files.transformer
            return files
        }
        var wanted: [(name: String, option: String)] = []
        if parts.contains(.transformer), files.transformer == nil { wanted.append((transformer, "--weights")) }
        if !parts.isDisjoint(with: .tokenizer), files.tokenizer == nil { wanted.append((tokenizer, "--tokenizer")) }
        for (file, path) in zip(wanted, try hub.paths(wanted, of: repository, for: card.name)) {
            if file.name == transformer { files.transformer = path } else { files.tokenizer = path }
        }
        return files
    }

    private static func open(_ card: GeneratorCard, _ path: String?) throws -> Checkpoint {
        if let path { return try Checkpoint.open(path: path) }
        return try Checkpoint.open(
            staticBytes: UnsafeRawBufferPointer(start: beasts_cub_gpt_bytes(), count: beasts_cub_gpt_byte_count()),
            name: "the built-in \(card.name)")
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
