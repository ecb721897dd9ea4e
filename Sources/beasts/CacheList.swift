// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

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
