// SPDX-License-Identifier: MIT
import Testing

@testable import BeastHub

@Suite struct HubNameTests {
    @Test(arguments: ["a", "owner/name", "a.b_c-d/e.f", "gpt2", "eminorhan/dino_s_vitb14"])
    func `Names of repositories are taken`(name: String) throws {
        #expect(try HubFile(repository: name, file: "f").repository == name)
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a/b/c", "a b", "a--b", "a..b", "..", "../a", "-a", "a-", ".a", "a.", "a/.b", "a/b.git",
        "ä",
        "a\u{0}", "a\\b", "a?b", "a/b#c", String(repeating: "a", count: 97),
    ])
    func `What is no name of a repository is refused before any request`(name: String) {
        #expect(throws: HubError.self) { try HubFile(repository: name, file: "f") }
    }

    @Test(arguments: [
        "", "/etc/passwd", "../x", "a/../b", "a/..", "a\\..\\b", "..\\x", "\\\\server\\x", "C:x", "c:\\x", "a\u{0}b",
        "a//b",
        "./a", "a/.", "a\nb", "\u{7F}", String(repeating: "x", count: 256), String(repeating: "a/", count: 600) + "a",
    ])
    func `What could lead out of the snapshot is refused, as a file and as a revision`(hostile: String) {
        for make in [
            { try HubFile(repository: "o/n", file: hostile) },
            { try HubFile(repository: "o/n", file: "f", revision: hostile) },
        ] as [() throws -> HubFile] {
            do {
                _ = try make()
                Issue.record("'\(hostile)' was taken")
            } catch {
                #expect((error as? HubError)?.code == .usage)
                #expect(!"\(error)".contains("\n"))
            }
        }
    }

    @Test func `Addresses are percent-encoded: a revision as one part, slashes of files kept`() throws {
        let file = try HubFile(repository: "o/n", file: "a b/c#d+é.pt", revision: "refs/pr/1")
        #expect(file.addressPath == "/o/n/resolve/refs%2Fpr%2F1/a%20b/c%23d%2B%C3%A9.pt")
        #expect(file.folderName == "models--o--n")
        #expect(HubCache(root: "/c").referencePath(file) == "/c/models--o--n/refs/refs/pr/1")
    }

    @Test func `Etags that could be something else than a name in a folder are refused`() {
        for etag in ["a", "0f-B_.x", String(repeating: "a", count: 128)] { #expect(HubName.isEtag(etag)) }
        for etag in [
            "", ".", "..", ".a", "a/b", "../x", "a\\b", "a b", "a\u{0}", String(repeating: "a", count: 129), "é",
        ] {
            #expect(!HubName.isEtag(etag), "\(etag)")
        }
    }

    @Test func `Digests are told by their length and digits`() {
        #expect(DigestKind(etag: String(repeating: "a", count: 64)) == .sha256)
        #expect(DigestKind(etag: String(repeating: "0", count: 40)) == .gitBlob)
        #expect(DigestKind(etag: String(repeating: "A", count: 64)) == nil)
        #expect(DigestKind(etag: String(repeating: "a", count: 32)) == nil)
        #expect(DigestKind(etag: String(repeating: "a", count: 32) + "-7") == nil)
    }

    @Test func `The etag of a partial file is its name without what clients add`() {
        for etag in ["abc", "a.b", "277089d9-7"] {
            for ending in [".incomplete", ".0123abcd.incomplete", ".beasts-0123abcd.incomplete"] {
                #expect(PartialFile.etag(ofName: etag + ending) == etag)
            }
        }
    }

    @Test func `An address is shown without user and password`() {
        for (address, shown) in [
            ("https://u:secret@h/x", "https://(user and password)@h/x"), ("u:secret@h", "(user and password)@h"),
            ("http://u:se/cr@et@h", "http://(user and password)@h"), ("https://h/x", "https://h/x"),
        ] {
            #expect(HubSettings.withoutSecrets(address) == shown)
        }
    }

    @Test func `Tokens that would end a header are refused, and none is ever shown`() throws {
        for value in ["", "a b", "a\nX: y", "a\r\n", "é", String(repeating: "a", count: 4097)] {
            #expect(throws: HubError.self) { try HubToken(value, origin: "the option --token") }
        }
        #expect("\(try HubToken("hf_secret", origin: "the variable HF_TOKEN"))" == "the token of the variable HF_TOKEN")
    }
}
