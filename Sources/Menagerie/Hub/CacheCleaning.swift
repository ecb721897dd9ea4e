// SPDX-License-Identifier: MIT
public import BeastHub

/// Looks through the hub cache and takes things out of it, by the names of models and repositories.
public struct CacheCleaning: Sendable {
    public let cache: HubCache
    /// Tensors beside the cache; nil without a home folder, where only the cache itself is named by a variable.
    public let slim: SlimStore?

    public init(cache: HubCache, slim: SlimStore?) {
        self.cache = cache
        self.slim = slim
    }

    /// The cache of this user.
    /// - Throws: ``MenagerieError`` where neither a variable nor a home folder says where it is.
    public static func ofThisUser() throws -> CacheCleaning {
        guard let cache = HubCache.ofThisUser() else {
            throw MenagerieError(.unavailable, "no home folder is set, so there is no cache; set HF_HOME to a folder")
        }
        return CacheCleaning(cache: cache, slim: SlimStore.ofThisUser())
    }

    /// The paths of a model's files.
    /// - Throws: ``MenagerieError`` for an unknown name, a built-in model, or files that are not here.
    public func paths(of model: String, revision: String? = nil) throws -> [String] {
        let files = try Catalogue.hubFiles(of: model, revision: revision)
        guard !files.isEmpty else {
            throw MenagerieError(.usage, "\(model) is built in: no file of the cache is its own")
        }
        return try files.map { file in
            guard let path = cache.path(of: file) ?? slim?.stored(file, commit: cache.commit(of: file)) else {
                throw MenagerieError(
                    .inputMissing,
                    "\(model): \(file) is not in the cache \(cache.root); beasts pull \(model) downloads it")
            }
            return path
        }
    }

    /// Repositories that are here.
    /// - Parameter targets: models or repositories (`owner/name`, `datasets/owner/name`); none for all.
    /// - Throws: ``MenagerieError`` for an unknown name, or one that is not here.
    public func repositories(of targets: [String]) throws -> [CachedRepository] { try repositories(targets) }

    /// Removes models: their files in every revision, but none that another cached model needs.
    /// - Throws: ``MenagerieError`` for an unknown name, a built-in model, or one of which nothing is here; `HubError`.
    public func remove(models: [String]) throws -> CacheRemoval {
        var wanted: Set<HubFile> = []
        let slimEntries = slim?.entries() ?? []
        for model in models {
            let files = try Catalogue.hubFiles(of: model)
            guard !files.isEmpty else {
                throw MenagerieError(.usage, "\(model) is built in: there is nothing to remove")
            }
            let isHere = files.contains { file in
                cache.repository(named: file.repository)?.revisions.contains {
                    $0.files.contains { $0.name == file.file }
                } == true || slimEntries.contains { $0.repository == file.repository && $0.file == file.file }
            }
            guard isHere else {
                throw MenagerieError(
                    .inputMissing, "\(model) is not in the cache \(cache.root): there is nothing to remove")
            }
            wanted.formUnion(files)
        }
        func files(of names: Set<String>) throws -> Set<HubFile> {
            Set(try names.subtracting(models).flatMap { try Catalogue.hubFiles(of: $0) })
        }
        let needed = try files(of: Catalogue.cachedNames(orSlim: false))
        let neededAlone = try files(of: Catalogue.cachedNames()).subtracting(needed)
        var removal = CacheRemoval()
        for name in Set(wanted.map(\.repository)).sorted() {
            guard let repository = cache.repository(named: name) else { continue }
            let files = wanted.subtracting(needed).filter { $0.repository == name }.map(\.file)
            removal.add(try cache.remove(from: repository) { files.contains($0.name) })
        }
        if let slim {
            removal.add(
                try slim.remove { entry in
                    wanted.subtracting(neededAlone).contains {
                        $0.repository == entry.repository && $0.file == entry.file
                    }
                })
        }
        for file in wanted.intersection(needed).sorted(by: { $0.file < $1.file }) {
            removal.kept.append(.init(path: file.description, reason: "another cached model needs it"))
        }
        return removal
    }

    /// Removes models, or whole repositories (`owner/name`, `datasets/owner/name`).
    /// - Throws: ``MenagerieError`` for a name that is not here; `HubError`.
    public func remove(targets: [String]) throws -> CacheRemoval {
        let models = targets.filter { !$0.contains("/") }
        let wanted = targets.filter { $0.contains("/") }
        let slimNames = Set((slim?.entries() ?? []).map(\.repository))
        let repositories = try self.repositories(
            wanted.filter { !slimNames.contains($0) || cache.repository(named: $0) != nil }, orAll: false)
        var removal = CacheRemoval()
        if !models.isEmpty { removal.add(try remove(models: models)) }
        for repository in repositories { removal.add(try cache.remove(from: repository) { _ in true }) }
        if let slim { removal.add(try slim.remove { wanted.contains($0.repository) }) }
        return removal
    }

    /// Removes what nothing needs.
    /// - Parameter targets: models or repositories; none for all.
    public func removeUnused(_ targets: [String]) throws -> CacheRemoval {
        var removal = CacheRemoval()
        for repository in try repositories(targets) { removal.add(try cache.removeUnused(from: repository)) }
        return removal
    }

    private func repositories(_ targets: [String], orAll: Bool = true) throws -> [CachedRepository] {
        if targets.isEmpty { return orAll ? cache.repositories() : [] }
        var seen: Set<String> = []
        let names = try targets.flatMap { target in
            target.contains("/") ? [target] : try Catalogue.hubFiles(of: target).map(\.repository)
        }.filter { seen.insert($0).inserted }
        let here = cache.repositories()
        return try names.map { name in
            // A model and a dataset may have the same name: what was not named is never taken for it.
            let found = here.first { $0.qualifiedName == name }
            guard let found else {
                let namesakes = here.filter { $0.name == name }.map(\.qualifiedName)
                let nearby = namesakes.isEmpty ? nearest(to: name, among: here.map(\.qualifiedName)) : namesakes
                throw MenagerieError(
                    .inputMissing,
                    "the repository \(name) is not in the cache \(cache.root)"
                        + (nearby.isEmpty ? "" : "; did you mean \(nearby.joined(separator: ", "))?"))
            }
            return found
        }
    }
}

extension CacheRemoval {
    mutating func add(_ other: CacheRemoval) {
        removed += other.removed
        freedByteCount += other.freedByteCount
        kept += other.kept
    }
}
