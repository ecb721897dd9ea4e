// SPDX-License-Identifier: MIT
private import Glibc

/// The download cache that is shared with Python's `huggingface_hub`.
///
/// Layout: `models--OWNER--NAME/refs/REVISION` holds a commit, `models--OWNER--NAME/snapshots/COMMIT/FILE` is the file or a
/// symbolic link to it. Blobs are never guessed from digests.
public struct HubCache: Sendable {
    /// The folder that holds the `models--...` folders.
    public let root: String

    public init(root: String) { self.root = root }

    /// The cache of this user: `HF_HUB_CACHE`, the older `HUGGINGFACE_HUB_CACHE`, `HF_HOME/hub`,
    /// `XDG_CACHE_HOME/huggingface/hub`, `~/.cache/huggingface/hub`, in this order. nil where there is no home folder.
    public static func ofThisUser() -> HubCache? {
        for name in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"] {
            if let path = variable(name) { return HubCache(root: expanded(path)) }
        }
        return homeOfThisUser().map { HubCache(root: $0 + "/hub") }
    }

    /// What `HF_HOME` stands for: the folder of the cache and of what is kept beside it.
    public static func homeOfThisUser() -> String? {
        if let home = variable("HF_HOME") { return expanded(home) }
        if let cache = variable("XDG_CACHE_HOME") { return expanded(cache) + "/huggingface" }
        return variable("HOME").map { $0 + "/.cache/huggingface" }
    }

    static func variable(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    /// Replaces `~` at the start, and `$NAME` and `${NAME}` anywhere, as Python's client does. What is not set stays.
    static func expanded(_ path: String) -> String {
        var rest = path[...]
        var result = ""
        if path == "~" || path.hasPrefix("~/"), let home = variable("HOME") {
            result = home
            rest = rest.dropFirst()
        }
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            let isBraced = after.first == "{"
            let start = isBraced ? after.dropFirst() : after
            let name = start.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            var end = name.endIndex
            let isClosed = !isBraced || (end < rest.endIndex && rest[end] == "}")
            if isBraced, isClosed { end = rest.index(after: end) }
            if isClosed, let value = variable(String(name)) { result += value } else { result += rest[dollar..<end] }
            rest = rest[end...]
        }
        return result + rest
    }

    /// The path of a file of a model repository that is already here.
    /// - Parameters:
    ///   - repository: `owner/name`.
    ///   - file: plain names with `/` between them, from the top of the repository.
    ///   - revision: a branch or tag, or a commit of 40 hexadecimal digits.
    /// - Returns: nil when the cache does not have it, or a name could lead out of the cache.
    public func path(repository: String, file: String, revision: String = HubFile.standardRevision) -> String? {
        guard let file = try? HubFile(repository: repository, file: file, revision: revision) else { return nil }
        return path(of: file)
    }

    /// The path of a file that is already here; nil when the cache does not have it.
    public func path(of file: HubFile) -> String? {
        guard let commit = commit(of: file) else { return nil }
        let path = snapshotPath(file, commit: commit)
        // A file that is there and may not be read is for the reader to report.
        return access(path, F_OK) == 0 ? path : nil
    }

    /// The commit that the cache knows a file's revision by; nil when it knows none.
    public func commit(of file: HubFile) -> String? {
        HubName.isCommit(file.revision) ? file.revision : Self.readReference(referencePath(file))
    }

    /// The folder of a file's repository.
    func folder(_ file: HubFile) -> String { "\(root)/\(file.folderName)" }

    func blobPath(_ file: HubFile, etag: String) -> String { "\(folder(file))/blobs/\(etag)" }

    func snapshotPath(_ file: HubFile, commit: String) -> String { "\(folder(file))/snapshots/\(commit)/\(file.file)" }

    func referencePath(_ file: HubFile) -> String { "\(folder(file))/refs/\(file.revision)" }

    /// The commit that a reference holds; nil for a file that is none.
    static func readReference(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 40 else { return nil }
        let commit = String(decoding: bytes.prefix(40), as: UTF8.self)
        let isFollowedBySpaceOnly = bytes[40..<count].allSatisfy { $0 == 10 || $0 == 13 || $0 == 32 }
        return HubName.isCommit(commit) && isFollowedBySpaceOnly ? commit : nil
    }
}
