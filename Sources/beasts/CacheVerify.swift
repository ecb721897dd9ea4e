// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

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
