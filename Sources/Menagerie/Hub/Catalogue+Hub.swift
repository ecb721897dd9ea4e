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
    /// - Parameter orSlim: whether the tensors alone do, too.
    public static func cachedNames(orSlim: Bool = true) -> Set<String> {
        guard let cache = HubCache.ofThisUser() else { return [] }
        let slim = SlimStore.ofThisUser()
        let names =
            (models + retiredModels).filter { !$0.isBuiltIn }.map(\.name)
            + generators.filter { !$0.isBuiltIn }.map(\.name)
        return Set(
            names.filter { name in
                guard let files = try? hubFiles(of: name) else { return false }
                return files.allSatisfy { file in
                    cache.path(of: file) != nil
                        || (orSlim && slim?.stored(file, commit: cache.commit(of: file)) != nil)
                }
            })
    }
}
