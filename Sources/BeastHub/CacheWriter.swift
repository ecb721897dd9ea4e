// SPDX-License-Identifier: MIT
private import Glibc

/// What is written into the cache besides bytes: links, references, folders. Everything appears whole or not at all.
struct CacheWriter {
    let cache: HubCache
    let usesSymbolicLinks: Bool

    /// Makes the folders of a repository. No mark for backup programs (`CACHEDIR.TAG`): Python's older clients warn of one.
    /// - Throws: ``HubError`` (`inputOutput`) that names the folder.
    func prepare(_ file: HubFile) throws(HubError) {
        try make("\(cache.folder(file))/blobs", file)
    }

    /// Whether the cache can hold symbolic links: tried once, in a folder of its own. It lies among the locks, where what a
    /// kill leaves of it is taken for no repository.
    static func canLink(in cache: HubCache) -> Bool {
        guard Folder.make("\(cache.root)/.locks") == 0 else { return true }
        var template = Array("\(cache.root)/.locks/.beasts-probe-XXXXXX".utf8CString)
        guard let folder = mkdtemp(&template).map({ String(cString: $0) }) else { return true }
        let link = "\(folder)/link"
        let isMade = symlink("target", link) == 0
        if isMade { unlink(link) }
        rmdir(folder)
        return isMade
    }

    /// Gives a finished partial file its name: a blob, or the snapshot's own file where there are no links.
    func publish(_ partial: PartialFile, _ remote: RemoteFile) throws(HubError) {
        let blob = cache.blobPath(remote.file, etag: remote.etag)
        let target = usesSymbolicLinks ? blob : cache.snapshotPath(remote.file, commit: remote.commit)
        try make(Self.parent(target), remote.file)
        guard rename(partial.path, target) == 0 else { throw failure("rename \(partial.path) to", target, remote.file) }
        Folder.sync(Self.parent(target))
    }

    /// Makes the snapshot's name of a blob that is there.
    func link(_ remote: RemoteFile) throws(HubError) {
        let path = cache.snapshotPath(remote.file, commit: remote.commit)
        try make(Self.parent(path), remote.file)
        guard usesSymbolicLinks else {
            let blob = cache.blobPath(remote.file, etag: remote.etag)
            // A copy of another length than the content is none, and neither is a link that leads nowhere.
            if let size = Entry.size(path), size == Entry.size(blob) { return }
            return try copy(blob, to: path, remote)
        }
        // Out of the snapshot: two levels, and one for each folder the file lies in.
        let depth = remote.file.file.split(separator: "/").count + 1
        let target = String(repeating: "../", count: depth) + "blobs/\(remote.etag)"
        if symlink(target, path) == 0 { return }
        guard errno == EEXIST else { throw failure("link", path, remote.file) }
        var found = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &found, found.count)
        if count == target.utf8.count, found.prefix(count).elementsEqual(target.utf8.map { CChar(bitPattern: $0) }) {
            return
        }
        // A link that led elsewhere, or a copy: replaced in one step.
        let temporary = temporary(path)
        guard symlink(target, temporary) == 0, rename(temporary, path) == 0 else {
            let error = failure("link", path, remote.file)
            unlink(temporary)
            throw error
        }
    }

    /// Lets a branch or tag stand for the commit. A cache that cannot be written keeps what it has.
    func setReference(_ remote: RemoteFile) {
        guard !HubName.isCommit(remote.file.revision) else { return }
        let path = cache.referencePath(remote.file)
        if HubCache.readReference(path) == remote.commit { return }
        guard Folder.make(Self.parent(path)) == 0 else { return }
        try? replace(path, with: remote.commit, for: remote.file)
    }

    /// Notes that a commit has no such file, as Python's clients do.
    func noteAbsence(_ file: HubFile, commit: String) {
        let path = "\(cache.folder(file))/.no_exist/\(commit)/\(file.file)"
        guard Folder.make(Self.parent(path)) == 0 else { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        if descriptor >= 0 { close(descriptor) }
    }

    // MARK: - Parts

    static func parent(_ path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

    /// Where something small is written before it gets its name: among the locks, so that what a kill leaves is taken for no
    /// reference and no file of a snapshot. Beside its place where that is on another disk, or the locks are somebody else's.
    private func temporary(_ path: String) -> String {
        let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        let folder = "\(cache.root)/.locks"
        let isFit =
            Folder.make(folder) == 0 && access(folder, W_OK) == 0
            && Entry.device(folder) == Entry.device(Self.parent(path))
        return isFit ? "\(folder)/.beasts-\(digits).tmp" : "\(path).beasts-\(digits).tmp"
    }

    private func make(_ folder: String, _ file: HubFile) throws(HubError) {
        let number = Folder.make(folder)
        guard number == 0 else { throw failure("make the folder", folder, file, number) }
    }

    /// Writes a small file beside its place and moves it there.
    private func replace(_ path: String, with text: String, for file: HubFile) throws(HubError) {
        let temporary = temporary(path)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw failure("write", temporary, file) }
        let bytes = Array(text.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let error = failure("write", path, file, isWritten ? errno : number)
            unlink(temporary)
            throw error
        }
    }

    /// Copies content, with the blob's lock held, under the name of a partial file: what a kill leaves is found and removed as
    /// such.
    private func copy(_ source: String, to path: String, _ remote: RemoteFile) throws(HubError) {
        let file = remote.file
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw failure("read", source, file) }
        defer { close(input) }
        let temporary = "\(cache.folder(file))/blobs/\(PartialFile.newName(remote.etag))"
        let output = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard output >= 0 else { throw failure("write", temporary, file) }
        defer { close(output) }
        // Where locks do not work, nobody adopts it either.
        flock(output, LOCK_EX | LOCK_NB)
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(input, &block, block.count)
            if count == 0 { break }
            var done = 0
            while count > 0, done < count {
                let written = block[done..<count].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                if written <= 0 { break }
                done += written
            }
            guard count > 0, done == count else {
                let error = failure("copy \(source) to", path, file)
                unlink(temporary)
                throw error
            }
        }
        guard fsync(output) == 0, rename(temporary, path) == 0 else {
            let error = failure("write", path, file)
            unlink(temporary)
            throw error
        }
    }

    private func failure(_ verb: String, _ path: String, _ file: HubFile, _ number: Int32 = errno) -> HubError {
        HubError(
            number == ENOSPC || number == EDQUOT ? .diskFull : .inputOutput,
            "\(file): cannot \(verb) \(path): \(SystemCall.reason(number))", repository: file.repository,
            file: file.file)
    }
}
