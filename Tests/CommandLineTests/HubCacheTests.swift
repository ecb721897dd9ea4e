// SPDX-License-Identifier: MIT
import BeastHub
import Foundation
import Glibc
import Testing

@Suite struct HubCacheTests {
    private let folder: TemporaryFolder
    private let commit = "0123456789abcdef0123456789abcdef01234567"
    private let name = "dino_s_vitb14"

    init() throws { folder = try TemporaryFolder() }

    /// Lays a file down as Python's client does: the bytes in a blob, a relative link to it in the snapshot.
    private func fill(_ root: String, reference: String, content: String = "bytes") throws {
        let repository = "\(root)/models--eminorhan--\(name)"
        try folder.write(content, to: "\(repository)/blobs/etag")
        try folder.write(reference, to: "\(repository)/refs/main")
        mkdir(folder.path("\(repository)/snapshots"), 0o755)
        mkdir(folder.path("\(repository)/snapshots/\(commit)"), 0o755)
        if !folder.exists("\(repository)/snapshots/\(commit)/\(name).pth") {
            try folder.link("\(repository)/snapshots/\(commit)/\(name).pth", to: "../../blobs/etag")
        }
    }

    private func path(_ root: String = "cache", repository: String? = nil, file: String? = nil, revision: String = "main") -> String? {
        HubCache(root: folder.path(root)).path(
            repository: repository ?? "eminorhan/\(name)", file: file ?? "\(name).pth", revision: revision)
    }

    @Test func `A file is found through the reference, the snapshot and the link`() throws {
        try fill("cache", reference: commit)
        let expected = folder.path("cache/models--eminorhan--\(name)/snapshots/\(commit)/\(name).pth")
        #expect(path() == expected)
        #expect(path(revision: commit) == expected)
        #expect(path(revision: "other") == nil)
        #expect(path(file: "other.pth") == nil)
        #expect(path(repository: "eminorhan/other") == nil)
        try fill("cache", reference: commit + "\n")
        #expect(path() == expected, "a newline behind the commit is harmless")
    }

    @Test func `A link that leads nowhere is not there`() throws {
        try fill("cache", reference: commit)
        unlink(folder.path("cache/models--eminorhan--\(name)/blobs/etag"))
        #expect(path() == nil)
    }

    @Test(arguments: [
        "", "main", "../../../../../../etc", "0123456789abcdef", "0123456789abcdef0123456789abcdef01234567/../x",
        "0123456789ABCDEF0123456789ABCDEF01234567", "0123456789abcdef0123456789abcdef012345678",
        "../23456789abcdef0123456789abcdef01234567",
    ])
    func `A reference that is no commit is not followed`(reference: String) throws {
        try fill("cache", reference: reference)
        #expect(path() == nil)
    }

    @Test(arguments: ["..", ".", "", "a/b", "../x", "a\\b", "/etc", String(repeating: "x", count: 256)])
    func `Names that could lead elsewhere are not looked up`(hostile: String) throws {
        try fill("cache", reference: commit)
        #expect(path(file: hostile) == nil)
        #expect(path(revision: hostile) == nil)
        #expect(path(repository: "eminorhan/\(hostile)") == nil)
        #expect(path(repository: hostile) == nil)
    }

    @Test func `A zero byte in a name or a reference is not passed on`() throws {
        try fill("cache", reference: commit.dropLast() + "\0")
        #expect(path() == nil)
        #expect(path(file: "\(name).pth\0") == nil)
    }

    @Test func `The cache is looked for where the variables say, in the order of Python's client`() throws {
        _ = try folder.write(try Samples.picture(1), to: "p.png")
        let arguments = ["embed", "p.png", "--model", name, "--quiet"]
        func outcome(_ environment: [String: String]) throws -> Outcome {
            try Program.built.run(arguments, in: folder, environment: environment)
        }
        // Nothing is there yet: the message names the place.
        let everything = [
            "HF_HUB_CACHE": folder.path("a"), "HUGGINGFACE_HUB_CACHE": folder.path("b"), "HF_HOME": folder.path("c"),
            "XDG_CACHE_HOME": folder.path("d"),
        ]
        var environment = everything
        for (variable, place) in [
            ("HF_HUB_CACHE", "a"), ("HUGGINGFACE_HUB_CACHE", "b"), ("HF_HOME", "c/hub"),
            ("XDG_CACHE_HOME", "d/huggingface/hub"), ("HOME", ".cache/huggingface/hub"),
        ] {
            try outcome(environment).expectFailure(69, "not in the cache \(folder.path(place));", "--weights", "\(name).pth")
            // What is found there is used: it is no checkpoint, and that is said of this very file.
            try fill(place, reference: commit, content: "no checkpoint")
            try outcome(environment).expectFailure(65, "\(place)/models--eminorhan--\(name)/snapshots/\(commit)/\(name).pth", "not a checkpoint")
            environment[variable] = nil
        }
        try outcome(["HF_HOME": "~/c"]).expectFailure(65, folder.path("c/hub"))
        try outcome(["HF_HUB_CACHE": "$HOME/a"]).expectFailure(65, folder.path("a/models"))
        try outcome(["HF_HUB_CACHE": "${PLACE}/a", "PLACE": folder.path]).expectFailure(65, folder.path("a/models"))
        try outcome(["HF_HUB_CACHE": "$UNSET/a"]).expectFailure(69, "$UNSET/a")
    }

    @Test func `A hostile reference is the same as none`() throws {
        _ = try folder.write(try Samples.picture(1), to: "p.png")
        try fill("cache", reference: "../../../../../../../../../../../../../etc")
        try Program.built.run(
            ["embed", "p.png", "--model", name, "--quiet"], in: folder, environment: ["HF_HUB_CACHE": folder.path("cache")]
        ).expectFailure(69, "not in the cache")
    }
}
