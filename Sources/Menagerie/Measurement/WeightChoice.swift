// SPDX-License-Identifier: MIT
public import BeastCore

/// Where the weights of a model that is measured come from.
public enum WeightChoice: Sendable, Equatable {
    /// Built in, or of the hub.
    case published
    case file(String)
    case random(seed: UInt64)

    /// Builds a model with them.
    /// - Throws: as ``Menagerie/load(_:session:weights:threadCount:hub:)``.
    public func load(_ card: ModelCard, session: Session, hub: HubAccess = HubAccess()) throws -> EmbeddingModel {
        switch self {
        case .published: try Menagerie.load(card, session: session, hub: hub)
        case .file(let path): try Menagerie.load(card, session: session, weights: path)
        case .random(let seed): try Menagerie.load(card, session: session, randomWeightsSeed: seed)
        }
    }

    /// Builds a generator with them.
    /// - Throws: as ``Menagerie/loadGenerator(_:session:files:parts:threadCount:hub:)``.
    public func loadGenerator(
        _ card: GeneratorCard, session: Session, parts: GenerativeModel.Parts, threadCount: Int = 0,
        hub: HubAccess = HubAccess()
    ) throws -> GenerativeModel {
        switch self {
        case .published:
            try Menagerie.loadGenerator(card, session: session, parts: parts, threadCount: threadCount, hub: hub)
        case .file(let path):
            try Menagerie.loadGenerator(
                card, session: session, files: GeneratorFiles(transformer: path), parts: parts,
                threadCount: threadCount, hub: hub)
        case .random(let seed):
            try Menagerie.loadGenerator(card, session: session, randomWeightsSeed: seed, parts: parts)
        }
    }
}
