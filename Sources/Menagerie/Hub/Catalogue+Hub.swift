// SPDX-License-Identifier: MIT
public import BeastHub

extension Catalogue {
    /// The files of the hub that a model or generator is made of; none for what is built in.
    /// - Throws: ``MenagerieError`` for an unknown name; `HubError` for a revision that cannot be one.
    public static func hubFiles(of name: String, revision: String? = nil) throws -> [HubFile] {
        let revision = revision ?? HubFile.standardRevision
        if isGenerator(name) {
            guard
                case .hub(let repository, let transformer, let tokenizer, let configuration) =
                    try generator(named: name).weights
            else { return [] }
            return try [transformer, tokenizer, configuration].map {
                try HubFile(repository: repository, file: $0, revision: revision)
            }
        }
        guard case .hub(let repository, let file) = try model(named: name).weights else { return [] }
        return [try HubFile(repository: repository, file: file, revision: revision)]
    }

    /// The names of models and generators whose files are all in the cache.
    public static func cachedNames() -> Set<String> {
        guard let cache = HubCache.ofThisUser() else { return [] }
        let names =
            (models + retiredModels).filter { !$0.isBuiltIn }.map(\.name)
            + generators.filter { !$0.isBuiltIn }.map(\.name)
        return Set(
            names.filter { name in
                guard let files = try? hubFiles(of: name) else { return false }
                return files.allSatisfy { cache.path(of: $0) != nil }
            })
    }
}
