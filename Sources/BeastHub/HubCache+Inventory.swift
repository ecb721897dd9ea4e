// SPDX-License-Identifier: MIT
private import Glibc

extension HubCache {
    private static let kinds = ["models": "model", "datasets": "dataset", "spaces": "space"]
    /// Folders within a snapshot; deeper ones are nobody's.
    private static let largestDepth = 32

    /// All repositories that are here, by name. Links to folders are not followed.
    public func repositories() -> [CachedRepository] {
        Folder.names(root, followsLink: true).compactMap(inventory).sorted { ($0.name, $0.kind) < ($1.name, $1.kind) }
    }

    /// A model repository that is here; nil when it is not.
    public func repository(named name: String) -> CachedRepository? {
        guard HubName.refusal(ofRepository: name) == nil else { return nil }
        return inventory(HubName.folder(ofRepository: name))
    }

    func inventory(_ folderName: String) -> CachedRepository? {
        var parts = folderName.components(separatedBy: "--")
        guard parts.count >= 2, let kind = Self.kinds[parts.removeFirst()] else { return nil }
        let name = parts.joined(separator: "/")
        let path = "\(root)/\(folderName)"
        guard HubName.refusal(ofRepository: name) == nil, Entry(path).isFolder else { return nil }
        let revisions = revisions(path)
        let used = Set(revisions.flatMap(\.files).compactMap(\.etag))
        var blobs: [CachedRepository.Blob] = []
        var partials: [CachedRepository.Partial] = []
        for name in Entry("\(path)/blobs").isFolder ? Folder.names("\(path)/blobs") : [] {
            let file = "\(path)/blobs/\(name)"
            guard let size = Entry.size(file) else { continue }
            if name.hasSuffix(".incomplete") {
                let etag = PartialFile.etag(ofName: name)
                partials.append(
                    .init(path: file, size: size, isBeingWritten: isBeingWritten(file, folderName, etag: etag)))
            } else if !name.hasSuffix(".lock") {
                blobs.append(.init(etag: name, path: file, size: size, isUsed: used.contains(name)))
            }
        }
        return CachedRepository(
            kind: kind, name: name, path: path, revisions: revisions, blobs: blobs, partials: partials)
    }

    /// The snapshots of a repository's folder. One that was replaced by a link leads out of the cache, and is none.
    func revisions(_ path: String) -> [CachedRepository.Revision] {
        let allReferences = references("\(path)/refs", prefix: "", depth: 0)
        guard Entry("\(path)/snapshots").isFolder else { return [] }
        return Folder.names("\(path)/snapshots").compactMap { commit -> CachedRepository.Revision? in
            guard HubName.isCommit(commit), Entry("\(path)/snapshots/\(commit)").isFolder else { return nil }
            return CachedRepository.Revision(
                commit: commit, references: allReferences.filter { $0.commit == commit }.map(\.name).sorted(),
                files: files("\(path)/snapshots/\(commit)", prefix: "", depth: 1))
        }
    }

    /// Ours hold a lock on the partial file itself, Python's clients on the blob's lock file.
    private func isBeingWritten(_ path: String, _ folderName: String, etag: String) -> Bool {
        CacheLock.takeIfFree(path) == nil || CacheLock.takeIfFree("\(root)/.locks/\(folderName)/\(etag).lock") == nil
    }

    private func references(_ folder: String, prefix: String, depth: Int) -> [(name: String, commit: String)] {
        guard depth < Self.largestDepth, Entry(folder).isFolder else { return [] }
        return Folder.names(folder).flatMap { name -> [(name: String, commit: String)] in
            let path = "\(folder)/\(name)"
            if Entry(path).isFolder { return references(path, prefix: "\(prefix)\(name)/", depth: depth + 1) }
            return HubCache.readReference(path).map { [(prefix + name, $0)] } ?? []
        }
    }

    /// - Parameter depth: folders between the repository and the files, `snapshots` not counted.
    private func files(_ folder: String, prefix: String, depth: Int) -> [CachedRepository.File] {
        guard depth < Self.largestDepth else { return [] }
        return Folder.names(folder).flatMap { name -> [CachedRepository.File] in
            let path = "\(folder)/\(name)"
            let entry = Entry(path)
            switch entry.kind {
            case .folder: return files(path, prefix: "\(prefix)\(name)/", depth: depth + 1)
            case .link:
                let start = String(repeating: "../", count: depth + 1) + "blobs/"
                let target = Entry.target(path) ?? ""
                let etag = target.hasPrefix(start) ? String(target.dropFirst(start.count)) : nil
                return [
                    .init(
                        name: prefix + name, path: path, etag: etag.flatMap { HubName.isEtag($0) ? $0 : nil },
                        size: Entry.size(path))
                ]
            case .file: return [.init(name: prefix + name, path: path, etag: nil, size: Entry.size(path))]
            case .other: return []
            }
        }
    }
}

extension String {
    /// The parts between a separator of several characters, empty ones included.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
