// SPDX-License-Identifier: MIT
internal import BeastHub

extension HubAccess {
    /// The paths of files of a model, from the cache where they are there, else their tensors alone where those were
    /// fetched, else downloaded side by side.
    ///
    /// What the cache has is taken without asking the hub: a model that was used once starts without the network and without
    /// the libraries it takes. `beasts pull` asks.
    /// - Parameters:
    ///   - model: whose they are.
    ///   - files: with the option of the command line that takes a file of the user's own instead of each.
    /// - Throws: `HubError`; for files that are not here and may not be downloaded, ``MenagerieError`` (`unavailable`) that says
    ///   where they were looked for.
    func paths(
        _ files: [(name: String, option: String)], of repository: String, for model: String
    ) throws -> [String] {
        let wanted = try files.map { try hubFile($0.name, of: repository) }
        let cache = HubCache.ofThisUser()
        let slim = SlimStore.ofThisUser()
        let found = wanted.map { file in
            cache?.path(of: file) ?? slim?.stored(file, commit: cache?.commit(of: file))
        }
        let missing = zip(wanted, found).filter { $0.1 == nil }.map(\.0)
        guard !missing.isEmpty else { return found.compactMap { $0 } }
        let options = zip(files, found).filter { $0.1 == nil }.map { "\($0.0.option) FILE" }
        guard cache != nil else {
            throw MenagerieError(
                .unavailable,
                "\(model): no home folder is set, so there is no cache; give \(options.joined(separator: " and "))")
        }
        let settings = try settings()
        if let reason = settings.offlineReason {
            throw MenagerieError(
                .unavailable,
                "\(model): its weights are not in the cache \(settings.cache.root); \(reason) forbids to download "
                    + "\(missing.map(\.file).joined(separator: ", ")) of \(repository); give \(options.joined(separator: " and "))"
                    + ", or run beasts pull \(model) where there is a network")
        }
        let downloads = FileDownloads(client: HubClient(settings: settings), policy: .cacheFirst, report: report)
        var fetched = try downloads.fetch(missing).map(\.path)[...]
        return found.compactMap { $0 ?? fetched.popFirst() }
    }

    func hubFile(_ name: String, of repository: String) throws -> HubFile {
        try HubFile(repository: repository, file: name, revision: revision ?? HubFile.standardRevision)
    }
}
