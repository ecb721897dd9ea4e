// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

@testable import BeastHub

@Suite struct CacheTests {
    private let folder: TemporaryFolder
    private let cache: HubCache
    private let commit = String(repeating: "1", count: 40)
    private let other = String(repeating: "2", count: 40)
    /// SHA-256 of `bytes`.
    private let etag = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"

    init() throws {
        folder = try TemporaryFolder()
        cache = HubCache(root: folder.path("hub"))
    }

    private func remote(
        _ name: String = "file", revision: String = "main", size: Int64? = 5, etag: String? = nil
    ) throws -> RemoteFile {
        RemoteFile(
            file: try HubFile(repository: "o/n", file: name, revision: revision), commit: commit,
            etag: etag ?? self.etag, size: size,
            acceptsRanges: true, address: "http://h/", validator: nil)
    }

    private var writer: CacheWriter { CacheWriter(cache: cache, usesSymbolicLinks: true) }

    private func lay(_ name: String, commit: String, etag: String) throws {
        let up = String(repeating: "../", count: name.split(separator: "/").count + 1)
        try folder.link("hub/models--o--n/snapshots/\(commit)/\(name)", to: "\(up)blobs/\(etag)")
    }

    private func append(_ text: String, to partial: PartialFile) throws {
        var text = text
        try text.withUTF8 { try partial.append(UnsafeRawBufferPointer($0)) }
    }

    // MARK: - Layout

    @Test func `A file becomes a blob, a relative link and a reference; a folder deeper, the link climbs higher`()
        throws
    {
        for (name, up) in [("file", "../../"), ("a/file", "../../../"), ("a/b/file", "../../../../")] {
            let remote = try remote(name, revision: "refs/pr/1")
            try writer.prepare(remote.file)
            let partial = try PartialFile.open(remote, in: folder.path("hub/models--o--n/blobs"), mayAdopt: true)
            try append("bytes", to: partial)
            #expect(try partial.verify())
            try partial.sync()
            try writer.publish(partial, remote)
            try writer.link(remote)
            writer.setReference(remote)
            #expect(folder.target("hub/models--o--n/snapshots/\(commit)/\(name)") == "\(up)blobs/\(etag)")
            #expect(try folder.text("hub/models--o--n/refs/refs/pr/1") == commit)
            #expect(cache.path(of: remote.file) == folder.path("hub/models--o--n/snapshots/\(commit)/\(name)"))
        }
        #expect(!folder.exists("hub/CACHEDIR.TAG"), "Python's older clients take it for a broken repository")
        let mask = umask(0)
        umask(mask)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("hub/models--o--n/blobs/\(etag)"))
        #expect(attributes[.posixPermissions] as? Int == Int(0o666 & ~mask))
    }

    @Test func `A link that leads elsewhere is replaced, and a commit has no reference`() throws {
        let remote = try remote(revision: commit)
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try folder.link("hub/models--o--n/snapshots/\(commit)/file", to: "../../blobs/wrong")
        try writer.link(remote)
        #expect(folder.target("hub/models--o--n/snapshots/\(commit)/file") == "../../blobs/\(etag)")
        writer.setReference(remote)
        #expect(!folder.exists("hub/models--o--n/refs"))
    }

    @Test func `Without links the blob itself is moved to the snapshot, and one that is there is copied`() throws {
        let writer = CacheWriter(cache: cache, usesSymbolicLinks: false)
        let remote = try remote("a/file")
        try writer.prepare(remote.file)
        let partial = try PartialFile.open(remote, in: folder.path("hub/models--o--n/blobs"), mayAdopt: true)
        try append("bytes", to: partial)
        try writer.publish(partial, remote)
        #expect(try folder.text("hub/models--o--n/snapshots/\(commit)/a/file") == "")
        try partial.flush()
        #expect(try folder.text("hub/models--o--n/snapshots/\(commit)/a/file") == "bytes")
        #expect(!folder.exists("hub/models--o--n/blobs/\(etag)"))
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try writer.link(try self.remote("b"))
        #expect(try folder.text("hub/models--o--n/snapshots/\(commit)/b") == "bytes")
        #expect(folder.target("hub/models--o--n/snapshots/\(commit)/b") == nil)
        // A copy that was cut short.
        try folder.write("byt", to: "hub/models--o--n/snapshots/\(commit)/b")
        try writer.link(try self.remote("b"))
        #expect(try folder.text("hub/models--o--n/snapshots/\(commit)/b") == "bytes")
        #expect(!folder.files.contains { $0.hasSuffix(".tmp") || $0.hasSuffix(".incomplete") })
    }

    @Test func `What a commit lacks is noted`() throws {
        writer.noteAbsence(try HubFile(repository: "o/n", file: "a/b"), commit: commit)
        #expect(try folder.text("hub/models--o--n/.no_exist/\(commit)/a/b") == "")
    }

    // MARK: - Partial files

    @Test func `Digests are those of everybody else`() throws {
        let digest = try Digest(.sha256, byteCount: 0)
        Array("bytes".utf8).withUnsafeBytes { digest.update($0) }
        #expect(try digest.finish() == etag)
        // As git hash-object says.
        let blob = try Digest(.gitBlob, byteCount: 6)
        Array("hello\n".utf8).withUnsafeBytes { blob.update($0) }
        #expect(try blob.finish() == "ce013625030ba8dba906f756967f9e9ca394464a")
    }

    @Test func `A partial file without an owner is continued, the longest one; one with an owner is left alone`() throws
    {
        let blobs = "hub/models--o--n/blobs"
        try folder.write("by", to: "\(blobs)/\(etag).beasts-00000001.incomplete")
        try folder.write("byt", to: "\(blobs)/\(etag).beasts-00000002.incomplete")
        try folder.write("byte", to: "\(blobs)/\(etag).beasts-00000003.incomplete")
        try folder.write("bytesbytes", to: "\(blobs)/\(etag).beasts-00000004.incomplete")
        try folder.write("b", to: "\(blobs)/\(etag).0123abcd.incomplete")
        let owner = open(folder.path("\(blobs)/\(etag).beasts-00000003.incomplete"), O_RDWR | O_CLOEXEC)
        defer { close(owner) }
        try #require(flock(owner, LOCK_EX | LOCK_NB) == 0)
        let partial = try PartialFile.open(try remote(), in: folder.path(blobs), mayAdopt: true)
        #expect(partial.count == 3)
        #expect(partial.path.hasSuffix("00000002.incomplete"))
        try append("es", to: partial)
        #expect(try partial.verify())
        // What is too long is nobody's; what Python's newest client writes belongs to that.
        #expect(
            folder.files.filter { $0.hasSuffix("incomplete") }.map { String($0.suffix(19)) }
                == [
                    "0123abcd.incomplete", "00000002.incomplete", "00000003.incomplete",
                ])
    }

    @Test func `Where the etag is no digest, nothing tells what is left over: it is not continued`() throws {
        let blobs = "hub/models--o--n/blobs"
        try folder.write("by", to: "\(blobs)/md5-7.beasts-00000001.incomplete")
        let partial = try PartialFile.open(try remote(etag: "md5-7"), in: folder.path(blobs), mayAdopt: true)
        #expect(partial.count == 0)
        #expect(!folder.exists("\(blobs)/md5-7.beasts-00000001.incomplete"))
    }

    @Test func `The leftover of an older Python client is continued under a name of our own`() throws {
        try folder.write("by", to: "hub/models--o--n/blobs/\(etag).incomplete")
        let partial = try PartialFile.open(try remote(), in: folder.path("hub/models--o--n/blobs"), mayAdopt: true)
        #expect(partial.count == 2)
        #expect(partial.path.contains("\(etag).beasts-"))
        #expect(!folder.exists("hub/models--o--n/blobs/\(etag).incomplete"))
    }

    @Test func `A second name of a finished blob is never written to, and a link never followed`() throws {
        let blobs = "hub/models--o--n/blobs"
        try folder.write("byt", to: "\(blobs)/finished")
        let name = "\(blobs)/\(etag).beasts-00000001.incomplete"
        try #require(Glibc.link(folder.path("\(blobs)/finished"), folder.path(name)) == 0)
        try folder.write("by", to: "outside")
        try folder.link("\(blobs)/\(etag).beasts-00000002.incomplete", to: "../../../outside")
        let partial = try PartialFile.open(try remote(), in: folder.path(blobs), mayAdopt: true)
        #expect(partial.count == 0)
        try append("xxxxx", to: partial)
        try partial.flush()
        #expect(try folder.text("\(blobs)/finished") == "byt")
        #expect(try folder.text("outside") == "by")
    }

    @Test func `Wrong bytes, too few and too many are told, with both digests`() throws {
        let blobs = folder.path("hub/models--o--n/blobs")
        try writer.prepare(try remote().file)
        let partial = try PartialFile.open(try remote(), in: blobs, mayAdopt: false)
        try append("bytex", to: partial)
        do {
            _ = try partial.verify()
            Issue.record("wrong bytes were taken")
        } catch {
            #expect(error.code == .corrupted)
            #expect("\(error)".contains(etag) && "\(error)".contains("SHA-256 is"))
        }
        try partial.restart()
        try append("byte", to: partial)
        #expect(throws: HubError.self) { try partial.verify() }
        #expect(throws: HubError.self) { try append("xy", to: partial) }
        try append("s", to: partial)
        #expect(try partial.verify())
    }

    @Test func `The server's name of the bytes stays with them`() throws {
        try writer.prepare(try remote().file)
        let partial = try PartialFile.open(try remote(), in: folder.path("hub/models--o--n/blobs"), mayAdopt: true)
        partial.validator = "\"stored\""
        // A file system without attributes is told by a nil.
        if let kept = partial.validator { #expect(kept == "\"stored\"") }
        try partial.restart()
        #expect(partial.validator == nil)
    }

    // MARK: - Locks

    @Test func `A lock that somebody has is waited for, and that is said once`() throws {
        let file = try remote().file
        let first = try CacheLock.take(cache, file, etag: etag, isStopped: { false }, report: { _ in })
        #expect(first.isExclusive)
        var events: [TransferEvent] = []
        let start = ContinuousClock.now
        // Another description of the same file: as another process would have.
        #expect(throws: HubError.self) {
            try CacheLock.take(
                cache, file, etag: etag, isStopped: { ContinuousClock.now - start > .milliseconds(1500) },
                report: { events.append($0) })
        }
        #expect(events == [.waitingForLock])
        #expect(CacheLock.takeIfFree(folder.path("hub/.locks/models--o--n/\(etag).lock")) == nil)
        withExtendedLifetime(first) {}
    }

    @Test func `The lock of the oldest Python client counts where it is there`() throws {
        try folder.write("", to: "hub/models--o--n/blobs/\(etag).lock")
        let old = open(folder.path("hub/models--o--n/blobs/\(etag).lock"), O_RDWR | O_CLOEXEC)
        defer { close(old) }
        try #require(flock(old, LOCK_EX | LOCK_NB) == 0)
        let start = ContinuousClock.now
        #expect(throws: HubError.self) {
            try CacheLock.take(
                cache, try remote().file, etag: etag, isStopped: { ContinuousClock.now - start > .milliseconds(100) },
                report: { _ in })
        }
    }

    @Test func `Where no lock can be made, the download goes on without`() throws {
        try folder.write("", to: "hub/.locks")
        var events: [TransferEvent] = []
        let lock = try CacheLock.take(
            cache, try remote().file, etag: etag, isStopped: { false }, report: { events.append($0) })
        #expect(!lock.isExclusive)
        #expect(events.count == 1)
    }

    // MARK: - Inventory and removal

    @Test func `What is there is told with sizes, references and what nothing needs`() throws {
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try folder.write("orphan", to: "hub/models--o--n/blobs/orphan")
        try folder.write("left", to: "hub/models--o--n/blobs/x.beasts-00000000.incomplete")
        try lay("a/file", commit: commit, etag: etag)
        try lay("again", commit: commit, etag: etag)
        try folder.write(commit, to: "hub/models--o--n/refs/main")
        try folder.write("x", to: "hub/blobs/aa/shared")
        try folder.write("x", to: "hub/datasets--o--d/blobs/z")
        try folder.link("hub/models--o--linked", to: "models--o--n")
        let repositories = cache.repositories()
        #expect(repositories.map { "\($0.kind) \($0.name)" } == ["dataset o/d", "model o/n"])
        let repository = try #require(cache.repository(named: "o/n"))
        #expect(repository.revisions.map(\.commit) == [commit])
        #expect(repository.revisions[0].references == ["main"])
        #expect(repository.revisions[0].files.map(\.name) == ["a/file", "again"])
        #expect(repository.revisions[0].files.allSatisfy { $0.etag == etag && $0.size == 5 })
        #expect(repository.byteCount == 15)
        #expect(repository.unusedByteCount == 10)
    }

    @Test func `Removal spares what another file needs, and takes the rest of an empty repository along`() throws {
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try folder.write("own", to: "hub/models--o--n/blobs/own")
        try lay("first", commit: commit, etag: etag)
        try lay("second", commit: other, etag: etag)
        try lay("only", commit: commit, etag: "own")
        try folder.write(commit, to: "hub/models--o--n/refs/main")
        try folder.write(other, to: "hub/models--o--n/refs/pr/2")
        try folder.write("", to: "hub/models--o--n/.no_exist/\(commit)/x")
        var repository = try #require(cache.repository(named: "o/n"))
        let removal = try cache.remove(from: repository) { ["first", "only"].contains($0.name) }
        #expect(removal.freedByteCount == 3)
        #expect(removal.removed.count == 3)
        #expect(folder.exists("hub/models--o--n/blobs/\(etag)"))
        #expect(!folder.exists("hub/models--o--n/blobs/own"))
        #expect(!folder.exists("hub/models--o--n/snapshots/\(commit)"))
        #expect(!folder.exists("hub/models--o--n/refs/main") && folder.exists("hub/models--o--n/refs/pr/2"))
        repository = try #require(cache.repository(named: "o/n"))
        #expect(try cache.remove(from: repository) { _ in true }.freedByteCount == 5)
        #expect(!folder.exists("hub/models--o--n"))
    }

    @Test func `Removal never follows a link out of the cache, and spares what is being downloaded`() throws {
        try folder.write("precious", to: "outside/file")
        try folder.write("precious", to: "outside/deep/file")
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try folder.link("hub/models--o--n/snapshots/\(commit)/file", to: "../../../../outside/file")
        try folder.link("hub/models--o--n/snapshots/\(commit)/deep", to: "../../../../outside/deep")
        try folder.link("hub/models--o--n/refs", to: "../../outside")
        try folder.link("hub/models--o--n/blobs/shared", to: "../../../outside/file")
        let lock = try CacheLock.take(
            cache, try remote().file, etag: etag, isStopped: { false }, report: { _ in })
        let repository = try #require(cache.repository(named: "o/n"))
        let removal = try cache.remove(from: repository) { _ in true }
        #expect(removal.kept.map(\.path) == [folder.path("hub/models--o--n/blobs/\(etag)")])
        #expect(folder.exists("hub/models--o--n/blobs/\(etag)"))
        #expect(!folder.exists("hub/models--o--n/snapshots/\(commit)"))
        #expect(!folder.exists("hub/models--o--n/blobs/shared"))
        #expect(try folder.text("outside/file") == "precious" && folder.text("outside/deep/file") == "precious")
        withExtendedLifetime(lock) {}
    }

    @Test func `What was linked since it was looked at stays, and so does a partial file whose blob is locked`() throws
    {
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try folder.write("left", to: "hub/models--o--n/blobs/x.y.beasts-00000000.incomplete")
        let before = try #require(cache.repository(named: "o/n"))
        #expect(before.blobs.map(\.isUsed) == [false] && before.partials.map(\.isBeingWritten) == [false])
        try lay("file", commit: commit, etag: etag)
        let lock = try CacheLock.take(
            cache, try remote().file, etag: "x.y", isStopped: { false }, report: { _ in })
        #expect(try cache.removeUnused(from: before).kept.count == 2)
        #expect(try folder.text("hub/models--o--n/snapshots/\(commit)/file") == "bytes")
        #expect(folder.exists("hub/models--o--n/blobs/x.y.beasts-00000000.incomplete"))
        withExtendedLifetime(lock) {}
    }

    @Test func `Snapshots that a link replaced are none`() throws {
        try folder.write("precious", to: "outside/\(commit)/file")
        try folder.write("bytes", to: "hub/models--o--n/blobs/\(etag)")
        try folder.link("hub/models--o--n/snapshots", to: "../../outside")
        let repository = try #require(cache.repository(named: "o/n"))
        #expect(repository.revisions.isEmpty)
        _ = try cache.remove(from: repository) { _ in true }
        #expect(try folder.text("outside/\(commit)/file") == "precious")
    }

    @Test func `A reference is written where a kill leaves no other one`() throws {
        let remote = try remote()
        try writer.prepare(remote.file)
        writer.setReference(remote)
        #expect(folder.files == ["hub/models--o--n/refs/main"])
    }

    @Test func `Content is held against its name`() throws {
        let path = try folder.write("bytes", to: "x")
        #expect(try FileCheck.check(path, etag: etag) == .right)
        let wrong = String(repeating: "0", count: 64)
        #expect(try FileCheck.check(path, etag: wrong) == .wrong(expected: wrong, found: etag))
        #expect(try FileCheck.check(path, etag: "md5-7") == .unknown)
        #expect(throws: HubError.self) { try FileCheck.check(folder.path("absent"), etag: etag) }
    }
}
