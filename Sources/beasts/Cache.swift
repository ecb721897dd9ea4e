// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

/// The hub cache: what is there, whether it is whole, what can go.
struct Cache: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, verify and remove what the hub cache holds.",
        subcommands: [CacheList.self, CacheVerify.self, CacheRemove.self, CachePath.self],
        defaultSubcommand: CacheList.self)
}

struct CacheList: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the repositories in the cache, their sizes, and what nothing needs.",
        discussion: """
            Unused is content that no file of a snapshot has, and what interrupted downloads left; beasts cache rm --unused \
            removes it. A download that is to go on later needs what it left.
            """)

    @OptionGroup var common: CommonOptions

    func run() throws {
        let cleaning = try CacheCleaning.ofThisUser()
        let repositories = cleaning.cache.repositories()
        let slim = cleaning.slim?.entries() ?? []
        if common.json { return try JSONOutput.print(Report(cleaning.cache.root, repositories, slim)) }
        if repositories.isEmpty, slim.isEmpty { return common.note("the cache \(cleaning.cache.root) is empty") }
        let rows = repositories.map { repository in
            [
                repository.name, repository.kind, byteCount(repository.byteCount),
                "\(repository.revisions.reduce(0) { $0 + $1.files.count })",
                repository.revisions.map { revision in
                    (revision.references.isEmpty
                        ? "" : StandardError.visible(revision.references.joined(separator: ",")) + " ")
                        + revision.commit.prefix(8)
                }.joined(separator: "; "),
                repository.unusedByteCount > 0 ? byteCount(repository.unusedByteCount) : "",
            ]
        }
        let slimRows = slim.map { entry in
            [
                entry.repository, "slim", byteCount(Int64(entry.byteCount)), "1", String(entry.commit.prefix(8)), "",
            ]
        }
        StandardOutput.print(table([["repository", "kind", "size", "files", "revisions", "unused"]] + rows + slimRows))
        let total = repositories.reduce(0) { $0 + $1.byteCount }
        let slimTotal = slim.reduce(0) { $0 + Int64($1.byteCount) }
        let unused = repositories.reduce(0) { $0 + $1.unusedByteCount }
        common.note(
            "\(byteCount(total)) in \(cleaning.cache.root)"
                + (slimTotal > 0 ? ", \(byteCount(slimTotal)) of tensors alone in \(cleaning.slim?.root ?? "")" : "")
                + (unused > 0 ? "; beasts cache rm --unused frees \(byteCount(unused))" : ""))
    }

    private struct Report: Encodable {
        struct File: Encodable {
            let name: String
            let path: String
            let etag: String?
            let size: Int64?
        }

        struct Revision: Encodable {
            let commit: String
            let references: [String]
            let files: [File]
        }

        struct Leftover: Encodable {
            let path: String
            let size: Int64
            let isBeingWritten: Bool
        }

        struct Repository: Encodable {
            let name: String
            let kind: String
            let path: String
            let size: Int64
            let unusedSize: Int64
            let revisions: [Revision]
            let unusedContent: [String]
            let partialFiles: [Leftover]
        }

        /// Tensors that were fetched without the rest of their file.
        struct Slim: Encodable {
            let repository: String
            let commit: String
            let file: String
            let path: String
            let size: Int
        }

        let root: String
        let size: Int64
        let unusedSize: Int64
        let repositories: [Repository]
        let slim: [Slim]

        init(_ root: String, _ repositories: [CachedRepository], _ slim: [SlimStore.Entry]) {
            self.root = root
            self.slim = slim.map {
                Slim(
                    repository: $0.repository, commit: $0.commit, file: $0.file, path: $0.path, size: $0.byteCount)
            }
            size = repositories.reduce(0) { $0 + $1.byteCount }
            unusedSize = repositories.reduce(0) { $0 + $1.unusedByteCount }
            self.repositories = repositories.map { repository in
                Repository(
                    name: repository.name, kind: repository.kind, path: repository.path, size: repository.byteCount,
                    unusedSize: repository.unusedByteCount,
                    revisions: repository.revisions.map { revision in
                        Revision(
                            commit: revision.commit, references: revision.references,
                            files: revision.files.map {
                                File(name: $0.name, path: $0.path, etag: $0.etag, size: $0.size)
                            })
                    }, unusedContent: repository.blobs.filter { !$0.isUsed }.map(\.path),
                    partialFiles: repository.partials.map {
                        Leftover(path: $0.path, size: $0.size, isBeingWritten: $0.isBeingWritten)
                    })
            }
        }
    }
}

struct CacheVerify: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Hold the content of the cache against its names, which are digests.",
        discussion: """
            The exit code is 65 when content is damaged. Nothing is removed: beasts pull --force downloads it again. Old Python \
            clients (0.13) name the content of large files by something else than their digest; such content is told as wrong too. \
            Files of a snapshot that are no links (HF_HUB_DISABLE_SYMLINKS) have no such name: they are counted as without a digest.
            """)

    @Argument(help: "Models or repositories (OWNER/NAME, datasets/OWNER/NAME); default: all.")
    var targets: [String] = []

    @OptionGroup var common: CommonOptions

    func run() throws {
        let cleaning = try CacheCleaning.ofThisUser()
        let repositories = try cleaning.repositories(of: targets)
        let blobs = repositories.flatMap { repository in repository.blobs.map { (repository: repository, blob: $0) } }
        var progress = Progress(
            total: Int(blobs.reduce(0) { $0 + $1.blob.size } >> 20), isQuiet: common.quiet, unit: "MiB")
        var entries: [Entry] = []
        var done: Int64 = 0
        for (repository, blob) in blobs {
            let outcome: FileCheck.Outcome
            do {
                outcome = try FileCheck.check(blob.path, etag: blob.etag) { progress.show(Int((done + $0) >> 20)) }
            } catch {
                progress.clear()
                throw error
            }
            done += blob.size
            entries.append(Entry(repository: repository.qualifiedName, path: blob.path, outcome: outcome))
            if case .wrong(let expected, let found) = outcome {
                progress.clear()
                StandardError.print(
                    "beasts: \(repository.qualifiedName): \(blob.path) is damaged: its digest is \(found), its name says \(expected); "
                        + "beasts pull --force downloads it again")
            }
        }
        progress.clear()
        for repository in repositories {
            // Links that lead elsewhere, and files that are no links.
            for file in repository.revisions.flatMap(\.files) where file.etag == nil && file.size != nil {
                entries.append(Entry(repository: repository.qualifiedName, path: file.path, outcome: .unknown))
            }
        }
        let wrong = entries.filter { $0.state == "wrong" }.count
        if common.json {
            try JSONOutput.print(entries)
        } else {
            let unknown = entries.filter { $0.state == "unknown" }.count
            StandardOutput.print(
                "\(entries.count - wrong - unknown) right, \(wrong) damaged, \(unknown) without a digest, "
                    + "\(byteCount(done)) looked at")
        }
        if wrong > 0 { throw ExitCode(65) }
    }

    private struct Entry: Encodable {
        let repository: String
        let path: String
        let state: String
        let expected: String?
        let found: String?

        init(repository: String, path: String, outcome: FileCheck.Outcome) {
            self.repository = repository
            self.path = path
            switch outcome {
            case .right: (state, expected, found) = ("right", nil, nil)
            case .unknown: (state, expected, found) = ("unknown", nil, nil)
            case .wrong(let wanted, let digest): (state, expected, found) = ("wrong", wanted, digest)
            }
        }
    }
}

struct CacheRemove: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove models, whole repositories, or what nothing needs from the cache.")

    @Argument(help: "Models, or repositories (OWNER/NAME, datasets/OWNER/NAME).")
    var targets: [String] = []

    @Flag(name: .long, help: "Remove only content that no file has, and what interrupted downloads left.")
    var unused = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if targets.isEmpty, !unused {
            throw ValidationError("name models or repositories, or give --unused for what nothing needs")
        }
    }

    func run() throws {
        let cleaning = try CacheCleaning.ofThisUser()
        let removal = unused ? try cleaning.removeUnused(targets) : try cleaning.remove(targets: targets)
        try RemovalReport(removal).print(common)
    }
}

struct CachePath: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "path", abstract: "Print the folder of the cache, or the files of a model in it.")

    @Argument(help: "A name that beasts list prints (default: the cache itself).")
    var model: String?

    @Option(name: .long, help: "A branch, tag or commit (default: \(HubFile.standardRevision)).")
    var revision: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let cleaning = try CacheCleaning.ofThisUser()
        let paths = try model.map { try cleaning.paths(of: $0, revision: revision) } ?? [cleaning.cache.root]
        if common.json { return try JSONOutput.print(paths) }
        for path in paths { StandardOutput.print(path) }
    }
}
