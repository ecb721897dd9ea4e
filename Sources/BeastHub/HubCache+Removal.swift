// SPDX-License-Identifier: MIT
private import Glibc

extension HubCache {
    /// Removes files of a repository from all its snapshots, and their content where no other file has it.
    ///
    /// Nothing outside the repository's own folder is touched: links are removed, never followed. Content that somebody
    /// downloads at this moment stays. When no file is left, what else the folder holds goes too.
    /// - Parameter isWanted: whether a file is to go.
    /// - Throws: ``HubError`` (`inputOutput`) that names what could not be removed.
    public func remove(
        from repository: CachedRepository, where isWanted: (CachedRepository.File) -> Bool
    ) throws(HubError) -> CacheRemoval {
        var removal = CacheRemoval()
        for revision in repository.revisions {
            for file in revision.files where isWanted(file) {
                if Entry(file.path).kind == .file { removal.freedByteCount += file.size ?? 0 }
                try unlink(file.path)
                removal.removed.append(file.path)
                removeEmptyFolders(from: file.path, upTo: "\(repository.path)/snapshots")
            }
        }
        // Looked at anew: somebody may have come or gone meanwhile.
        guard let rest = self.repository(like: repository) else { return removal }
        let before = Set(repository.revisions.flatMap(\.files).filter(isWanted).compactMap(\.etag))
        try removeContent(rest.blobs.filter { !$0.isUsed && before.contains($0.etag) }, of: rest, &removal)
        removeReferences(of: rest)
        if rest.revisions.allSatisfy({ $0.files.isEmpty }) { try removeRemains(of: rest, &removal) }
        return removal
    }

    /// Removes what nothing needs: content of no snapshot, and what downloads left.
    /// - Throws: ``HubError`` (`inputOutput`) that names what could not be removed.
    public func removeUnused(from repository: CachedRepository) throws(HubError) -> CacheRemoval {
        var removal = CacheRemoval()
        try removeContent(repository.blobs.filter { !$0.isUsed }, of: repository, &removal)
        try removePartials(of: repository, &removal)
        return removal
    }

    private func repository(like other: CachedRepository) -> CachedRepository? {
        inventory(String(other.path.dropFirst(root.count + 1)))
    }

    private func removeContent(
        _ blobs: [CachedRepository.Blob], of repository: CachedRepository, _ removal: inout CacheRemoval
    ) throws(HubError) {
        for blob in blobs {
            // Whoever downloads it holds the lock and is about to link it.
            guard let lock = CacheLock.takeIfFree(lockPath(repository, blob.etag), makes: true) else {
                removal.kept.append(.init(path: blob.path, reason: "another process is using it"))
                continue
            }
            try withExtendedLifetime(lock) { () throws(HubError) in
                // Whoever had the lock until now may have linked it since it was looked at.
                if revisions(repository.path).contains(where: { $0.files.contains { $0.etag == blob.etag } }) {
                    removal.kept.append(.init(path: blob.path, reason: "a file has it by now"))
                    return
                }
                // A link leads to content that other repositories may share: only the link goes.
                if Entry(blob.path).kind == .file { removal.freedByteCount += blob.size }
                try unlink(blob.path)
                removal.removed.append(blob.path)
            }
        }
    }

    private func removePartials(of repository: CachedRepository, _ removal: inout CacheRemoval) throws(HubError) {
        for partial in repository.partials {
            // Both are held until it is gone, so that nobody begins to continue it meanwhile: Python's clients hold the
            // blob's lock, ours the file's own too.
            let name = String(partial.path.dropFirst(repository.path.count + "/blobs/".count))
            let lock = CacheLock.takeIfFree(lockPath(repository, PartialFile.etag(ofName: name)), makes: true)
            guard let lock, let own = CacheLock.takeIfFree(partial.path) else {
                removal.kept.append(.init(path: partial.path, reason: "it is being downloaded"))
                continue
            }
            try withExtendedLifetime((lock, own)) { () throws(HubError) in
                guard Entry(partial.path).kind != .other else { return }
                try unlink(partial.path)
                removal.freedByteCount += partial.size
                removal.removed.append(partial.path)
            }
        }
    }

    /// Branches and tags that stand for a commit without files.
    private func removeReferences(of repository: CachedRepository) {
        let full = Set(repository.revisions.filter { !$0.files.isEmpty }.map(\.commit))
        func clean(_ folder: String, _ depth: Int) {
            guard depth < 32, Entry(folder).isFolder else { return }
            for name in Folder.names(folder) {
                let path = "\(folder)/\(name)"
                if Entry(path).isFolder {
                    clean(path, depth + 1)
                    rmdir(path)
                } else if let commit = HubCache.readReference(path), !full.contains(commit) {
                    _ = Glibc.unlink(path)
                }
            }
        }
        clean("\(repository.path)/refs", 0)
    }

    /// The rest of a folder without files: unused content, notes, empty folders.
    private func removeRemains(of repository: CachedRepository, _ removal: inout CacheRemoval) throws(HubError) {
        guard let rest = self.repository(like: repository) else { return }
        try removeContent(rest.blobs, of: rest, &removal)
        try removePartials(of: rest, &removal)
        guard removal.kept.isEmpty else { return }
        for name in [".no_exist", "trees", "refs", "snapshots"] { removeTree("\(repository.path)/\(name)", depth: 0) }
        // Locks of the oldest clients lie beside the content.
        for name in Folder.names("\(repository.path)/blobs") where name.hasSuffix(".lock") {
            _ = Glibc.unlink("\(repository.path)/blobs/\(name)")
        }
        rmdir("\(repository.path)/blobs")
        rmdir(repository.path)
    }

    /// Removes a folder and what is in it; links are removed, not followed.
    private func removeTree(_ path: String, depth: Int) {
        guard Entry(path).isFolder, depth < 64 else {
            if Entry(path).kind == .link || Entry(path).kind == .file { _ = Glibc.unlink(path) }
            return
        }
        for name in Folder.names(path) { removeTree("\(path)/\(name)", depth: depth + 1) }
        rmdir(path)
    }

    private func removeEmptyFolders(from path: String, upTo top: String) {
        var folder = CacheWriter.parent(path)
        while folder.hasPrefix(top + "/"), rmdir(folder) == 0 { folder = CacheWriter.parent(folder) }
    }

    private func lockPath(_ repository: CachedRepository, _ etag: String) -> String {
        let folderName = repository.path.dropFirst(root.count + 1)
        return "\(root)/.locks/\(folderName)/\(etag).lock"
    }

    private func unlink(_ path: String) throws(HubError) {
        guard Glibc.unlink(path) != 0, errno != ENOENT else { return }
        throw HubError(.inputOutput, "cannot remove \(path): \(SystemCall.reason())")
    }
}
