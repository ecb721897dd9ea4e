// SPDX-License-Identifier: MIT
public import BeastHub
private import Glibc

/// Tensors that were fetched without the rest of their files: beside the cache that is shared with other programs, never
/// in it, since nothing but this program knows what they are.
///
/// Layout: `HOME/beasts/slim/models--OWNER--NAME/COMMIT/FILE.safetensors`, and `refs/REVISION` with the commit, as in the
/// cache.
public struct SlimStore: Sendable {
    /// The folder that holds the `models--...` folders.
    public let root: String

    /// - Parameter home: the folder that `HF_HOME` names.
    public init(home: String) { root = home + "/beasts/slim" }

    /// Beside the cache of this user; nil where there is no home folder.
    public static func ofThisUser() -> SlimStore? { HubCache.homeOfThisUser().map(SlimStore.init) }

    /// Where the tensors of a file are or would be.
    public func path(of file: HubFile, commit: String) -> String {
        "\(folder(of: file.repository))/\(commit)/\(file.file).safetensors"
    }

    /// The tensors of a file that are here.
    /// - Parameter commit: what the cache knows the revision to be, taken first; nil where it knows nothing.
    public func stored(_ file: HubFile, commit: String?) -> String? {
        let commits = [Self.isCommit(file.revision) ? file.revision : nil, commit, reference(of: file)]
        for case let commit? in commits where access(path(of: file, commit: commit), F_OK) == 0 {
            return path(of: file, commit: commit)
        }
        return nil
    }

    /// The commit that a revision stood for when tensors were last fetched for it.
    private func reference(of file: HubFile) -> String? {
        let descriptor = open(referencePath(of: file), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 41)
        guard read(descriptor, &bytes, bytes.count) == 40 else { return nil }
        let commit = String(decoding: bytes.prefix(40), as: UTF8.self)
        return Self.isCommit(commit) ? commit : nil
    }

    /// Notes which commit a revision stands for.
    func setReference(of file: HubFile, to commit: String, pending: PendingFiles) throws {
        guard !Self.isCommit(file.revision), reference(of: file) != commit else { return }
        let path = referencePath(of: file)
        try Self.makeFolders(for: path)
        let output = try OutputFile(path: path, pending: pending)
        try output.write(commit)
        try output.commit()
    }

    /// One file's tensors, as listed.
    public struct Entry: Sendable {
        /// `owner/name`.
        public let repository: String
        public let commit: String
        /// The name of the file in the repository.
        public let file: String
        public let path: String
        /// Bytes on the disk.
        public let byteCount: Int
    }

    /// Everything that is here, by repository, commit and file. Links are not followed.
    public func entries() -> [Entry] {
        var result: [Entry] = []
        for folder in Self.names(in: root) where folder.hasPrefix("models--") && Self.isFolder("\(root)/\(folder)") {
            let repository = Self.repository(ofFolder: folder)
            for commit in Self.names(in: "\(root)/\(folder)")
            where Self.isCommit(commit) && Self.isFolder("\(root)/\(folder)/\(commit)") {
                collect("\(root)/\(folder)/\(commit)", "", repository, commit, depth: 0, into: &result)
            }
        }
        return result
    }

    private func collect(
        _ folder: String, _ prefix: String, _ repository: String, _ commit: String, depth: Int,
        into result: inout [Entry]
    ) {
        guard depth < 16 else { return }
        for name in Self.names(in: folder) where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            var information = stat()
            guard lstat(path, &information) == 0 else { continue }
            switch information.st_mode & S_IFMT {
            case S_IFDIR: collect(path, "\(prefix)\(name)/", repository, commit, depth: depth + 1, into: &result)
            case S_IFREG where name.hasSuffix(".safetensors"):
                result.append(
                    Entry(
                        repository: repository, commit: commit,
                        file: prefix + name.dropLast(".safetensors".count), path: path,
                        byteCount: Int(information.st_size)))
            default: break
            }
        }
    }

    /// Removes the tensors of files, and what is left of a repository's folder when none remain. Links are never followed.
    /// - Parameter isWanted: whether an entry is to go.
    /// - Throws: ``MenagerieError`` (`inputOutput`) for what cannot be removed.
    public func remove(where isWanted: (Entry) -> Bool) throws -> CacheRemoval {
        var removal = CacheRemoval()
        var emptied: Set<String> = []
        for entry in entries() where isWanted(entry) {
            guard unlink(entry.path) == 0 || errno == ENOENT else {
                throw MenagerieError(
                    .inputOutput, "\(entry.path): cannot remove: \(String(cString: strerror(errno)))")
            }
            removal.removed.append(entry.path)
            emptied.insert(entry.repository)
            removal.freedByteCount += Int64(entry.byteCount)
        }
        // Only where something was: another program may be about to fill the folder of another repository.
        for repository in emptied.subtracting(entries().map(\.repository)) {
            Self.removeTree(folder(of: repository), depth: 0)
        }
        return removal
    }

    /// References, temporary files that a kill left, and the folders around them.
    private static func removeTree(_ path: String, depth: Int) {
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        if information.st_mode & S_IFMT == S_IFDIR, depth < 16 {
            for name in names(in: path) { removeTree("\(path)/\(name)", depth: depth + 1) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private func folder(of repository: String) -> String {
        "\(root)/models--" + repository.split(separator: "/").joined(separator: "--")
    }

    /// `owner/name` of `models--owner--name`; no name holds two dashes in a row.
    private static func repository(ofFolder folder: String) -> String {
        var text = String(folder.dropFirst("models--".count))
        for index in text.indices.dropLast() where text[index] == "-" && text[text.index(after: index)] == "-" {
            text.replaceSubrange(index...text.index(after: index), with: "/")
            break
        }
        return text
    }

    private func referencePath(of file: HubFile) -> String { "\(folder(of: file.repository))/refs/\(file.revision)" }

    /// Removes what killed programs left half written in a file's folder. What is younger than an hour may be at work.
    static func removeLeftovers(beside path: String) {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        for name in names(in: folder) where name.hasPrefix(".") && name.hasSuffix(".partial") {
            var information = stat()
            let leftover = "\(folder)/\(name)"
            if lstat(leftover, &information) == 0, information.st_mtim.tv_sec < time(nil) - 3600 { unlink(leftover) }
        }
    }

    /// Makes the folders that a file lies in.
    static func makeFolders(for path: String) throws {
        var end = path.startIndex
        while let slash = path[path.index(after: end)...].firstIndex(of: "/") {
            let folder = String(path[..<slash])
            guard mkdir(folder, 0o777) == 0 || errno == EEXIST || errno == EISDIR else {
                throw MenagerieError(
                    .outputCannotBeCreated, "\(folder): cannot make this folder: \(String(cString: strerror(errno)))")
            }
            end = slash
        }
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether it is a folder itself: a link could lead anywhere.
    private static func isFolder(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    private static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
