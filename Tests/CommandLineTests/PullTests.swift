// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

/// `beasts pull`, `cache` and `rm`, from a hub on loopback.
@Suite(.enabled(if: FakeHub.isAvailable, FakeHub.absence)) struct PullTests {
    private static let model = "dino_s_vits16"
    private static let size = 2_000_000
    private let folder: TemporaryFolder
    private let hub: FakeHub

    init() throws {
        folder = try TemporaryFolder()
        func file(_ name: String, _ size: Int, _ seed: Int) -> String {
            "\"\(name)\": {\"size\": \(size), \"seed\": \(seed)}"
        }
        hub = try FakeHub(
            """
            {"repositories": {
                "eminorhan/\(Self.model)": {"files": {\(file("\(Self.model).pth", Self.size, 1))}},
                "eminorhan/gpt_saycam": {"files": {
                    \(file("gpt_pretrained_models/s_gimel.pt", 1_500_000, 2)),
                    \(file("gpt_pretrained_models/a_gimel.pt", 1_500_000, 3)),
                    \(file("gpt_pretrained_models/s+konkleiid_gimel.pt", 1_500_000, 6)),
                    \(file("vqgan_pretrained_models/s_32x32_8192.ckpt", 1_200_000, 4)),
                    \(file("vqgan_pretrained_models/s_32x32_8192.yaml", 300, 5))}}}}
            """)
    }

    private func environment(_ more: [String: String] = [:]) -> [String: String] {
        [
            "HF_ENDPOINT": hub.hub, "HF_HOME": folder.path("home"), "HF_HUB_OFFLINE": "0",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        ].merging(more) { $1 }
    }

    private func run(_ arguments: [String], _ more: [String: String] = [:]) throws -> Outcome {
        try Program.built.run(arguments, in: folder, environment: environment(more))
    }

    private var snapshot: String { "home/hub/models--eminorhan--\(Self.model)/snapshots" }

    @Test func `A model is pulled, is here the second time, is listed, verified, found and removed`() throws {
        let first = try run(["pull", Self.model])
        first.expectSuccess()
        #expect(first.output.hasSuffix("/\(Self.model).pth\n"))
        #expect(first.errors.contains("2.0 MB in"))
        let path = String(first.output.dropLast())
        #expect(FileManager.default.contents(atPath: path)?.count == Self.size)
        try hub.clear()
        let second = try run(["pull", Self.model, "--verify"])
        second.expectSuccess()
        #expect(second.errors.contains("was here, its digest is right"))
        #expect(try hub.records().allSatisfy { $0.method == "HEAD" })

        #expect(try run(["cache", "path", Self.model]).output == first.output)
        #expect(try run(["cache", "path"]).output == folder.path("home/hub") + "\n")
        let list = try run(["list", "--data", "s", "--architecture", "vits16"]).output.split(separator: "\n")
        #expect(list.first { $0.hasPrefix(Self.model) }?.contains("cached") == true)
        #expect(list.first { $0.hasPrefix("mae_s_vits16") }?.contains("  hub  ") == true)
        #expect(try run(["list", "--json", "--data", "s"]).output.contains("\"isCached\" : true"))
        let cache = try run(["cache", "list"])
        #expect(cache.output.contains("eminorhan/\(Self.model)") && cache.output.contains("2.0 MB"))
        #expect(try run(["cache", "verify"]).output.hasPrefix("1 right, 0 damaged"))

        let handle = try #require(FileHandle(forWritingAtPath: path))
        handle.write(Data([0, 1, 2, 3]))
        try handle.close()
        let verified = try run(["cache", "verify", Self.model])
        #expect(verified.exitCode == 65 && verified.errors.contains("damaged"))
        try run(["pull", Self.model, "--verify"]).expectFailure(65, "damaged", "--force")
        try run(["pull", Self.model, "--force"]).expectSuccess()
        #expect(try run(["cache", "verify"]).exitCode == 0)

        let removed = try run(["rm", Self.model])
        removed.expectSuccess()
        #expect(removed.errors.contains("2.0 MB freed"))
        #expect(!folder.exists("home/hub/models--eminorhan--\(Self.model)"))
        try run(["rm", Self.model]).expectFailure(66, "not in the cache", Self.model)
    }

    @Test func `A command pulls what it needs on first use; offline it says what is missing`() throws {
        try folder.write(try Samples.picture(1), to: "p.png")
        let arguments = ["embed", "p.png", "--model", Self.model, "--backend", "reference"]
        try run(arguments + ["--offline"]).expectFailure(
            69, "not in the cache", "--offline forbids", "\(Self.model).pth", "--weights", "beasts pull \(Self.model)")
        try run(arguments, ["HF_HUB_OFFLINE": "yes"]).expectFailure(69, "HF_HUB_OFFLINE forbids")
        #expect(try hub.records().isEmpty)
        // It is no checkpoint: that is found out after it came, whole and verified.
        let first = try run(arguments)
        first.expectFailure(65, snapshot, "neither a PyTorch checkpoint")
        #expect(first.errors.contains("2.0 MB in"))
        try hub.clear()
        try run(arguments).expectFailure(65, "neither a PyTorch checkpoint")
        #expect(try hub.records().isEmpty, "what is here is taken without asking")
    }

    @Test func `A dataset of the same name is another repository`() throws {
        try run(["pull", Self.model]).expectSuccess()
        let name = "eminorhan/\(Self.model)"
        let blob = "home/hub/datasets--eminorhan--\(Self.model)/blobs/x"
        try folder.write("bytes", to: blob)
        #expect(try run(["cache", "verify", name]).output.hasPrefix("1 right, 0 damaged, 0 without"))
        #expect(try run(["cache", "verify", "datasets/\(name)"]).output.hasPrefix("0 right, 0 damaged, 1 without"))
        try run(["cache", "rm", name]).expectSuccess()
        #expect(folder.exists(blob) && !folder.exists(snapshot))
        try run(["cache", "rm", name]).expectFailure(66, "did you mean datasets/\(name)")
        try run(["cache", "rm", "datasets/\(name)"]).expectSuccess()
        #expect(!folder.exists(blob))
    }

    @Test func `What is here by its commit is verified against the hub, too`() throws {
        let path = String(try run(["pull", Self.model]).output.dropLast())
        let commit = try #require(path.split(separator: "/").dropLast().last)
        let verified = try run(["pull", Self.model, "--verify", "--revision", String(commit)])
        verified.expectSuccess()
        #expect(verified.errors.contains("its digest is right"))
        try run(["pull", Self.model, "--verify"], ["HF_HUB_OFFLINE": "1"]).expectFailure(
            69, "HF_HUB_OFFLINE", "cannot be verified")
        try hub.faults("[{\"server\": \"hub\", \"headers\": {\"X-Linked-Etag\": \"\\\"md5-7\\\"\"}}]")
        let unknown = try run(["pull", Self.model, "--verify", "--revision", String(commit)])
        #expect(unknown.exitCode == 0 && unknown.errors.contains("could not be verified"))
    }

    @Test func `Without links the files of snapshots are counted as without a digest`() throws {
        try run(["pull", Self.model], ["HF_HUB_DISABLE_SYMLINKS": "1"]).expectSuccess()
        #expect(try run(["cache", "verify"]).output.hasPrefix("0 right, 0 damaged, 1 without a digest"))
    }

    @Test func `Variables that are wrong are told without secrets, and do not matter where they are not needed`() throws
    {
        for endpoint in ["http://me:secret@hub.example", "me:secret@hub.example"] {
            let outcome = try run(["pull", Self.model], ["HF_ENDPOINT": endpoint])
            outcome.expectFailure(64, "HF_ENDPOINT", "hub.example")
            #expect(!outcome.errors.contains("secret"))
        }
        try run(["pull", Self.model], ["HF_TOKEN": "not a token"]).expectFailure(64, "HF_TOKEN")
        try run(["cache", "list"], ["HF_HUB_CACHE": folder.path("home/hub"), "HOME": "", "HF_HOME": ""]).expectSuccess()
        try run(["pull", Self.model, "--token", "wrong"], ["HF_TOKEN": "not a token"]).expectFailure(
            69, "the option --token", "refuses")
    }

    @Test func `A failing slim download says so as JSON`() throws {
        let failed = try run(
            ["pull", Self.model, "--slim", "--json", "--retries", "0"], ["HF_ENDPOINT": "http://127.0.0.1:9"])
        #expect(failed.exitCode == 69 && failed.output.contains("\"event\":\"failed\""))
        // Parts cannot be had, so the whole file comes.
        try hub.faults("[{\"server\": \"storage\", \"ignore_range\": true}]")
        let whole = try run(["pull", Self.model, "--slim", "--json"])
        let last = try #require(whole.output.split(separator: "\n").last)
        #expect(whole.exitCode == 0 && last.contains("\"event\":\"done\"") && last.contains("\"isVerified\":true"))
    }

    @Test func `The files of a generator come side by side, and removal spares what others share`() throws {
        let first = try run(["pull", "s_gimel", "s+konkleiid_gimel", "--json"])
        #expect(first.exitCode == 0)
        let lines = first.output.split(separator: "\n")
        #expect(lines.allSatisfy { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) != nil })
        #expect(lines.filter { $0.contains("\"event\":\"finished\"") }.count == 4)
        let last = try #require(lines.last)
        #expect(last.contains("\"event\":\"done\"") && last.contains("\"receivedBytes\":1200000"))
        let removed = try run(["rm", "s_gimel"])
        removed.expectSuccess()
        #expect(removed.errors.contains("another cached model needs it"))
        try run(["cache", "path", "s+konkleiid_gimel"]).expectSuccess()
        try run(["cache", "path", "s_gimel"]).expectFailure(66, "s_gimel.pt")
        try run(["cache", "rm", "eminorhan/gpt_saycam"]).expectSuccess()
        #expect(!folder.exists("home/hub/models--eminorhan--gpt_saycam"))
    }

    @Test func `Faults are one line and an exit code`() throws {
        let name = "\(Self.model).pth"
        try run(["pull", "mae_s_vitb16"]).expectFailure(69, "mae_s_vitb16.pth", "does not exist, or is private", "401")
        try run(["pull", "a_gimel", "--retries", "0", "--quiet"]).expectFailure(69, "404 EntryNotFound", "gpt_saycam")
        try run(["pull", Self.model, "--revision", "nope"]).expectFailure(69, "nope", "RevisionNotFound")
        try run(["pull", Self.model, "--revision", "../../x"]).expectFailure(64, "../../x")
        try run(["pull", Self.model, "--token", "wrong"]).expectFailure(69, "the option --token", "refuses")
        try run(["pull", "nothing"]).expectFailure(64, "nothing")
        try run(["pull", Self.model], ["HF_ENDPOINT": "hub.example"]).expectFailure(64, "HF_ENDPOINT", "hub.example")
        try run(["pull", Self.model], ["HF_HUB_OFFLINE": "1"]).expectFailure(69, "HF_HUB_OFFLINE", name)
        try run(["pull", Self.model, "--retries", "0"], ["HF_ENDPOINT": "http://127.0.0.1:9"]).expectFailure(
            69, name, "try again")
        try hub.faults("[{\"server\": \"storage\", \"wrong\": 3}]")
        try run(["pull", Self.model]).expectFailure(65, name, "SHA-256")
        #expect(!folder.exists(snapshot))
        try run(["cache", "rm"]).expectFailure(64, "--unused")
        try run(["pull", Self.model, "--offline"]).expectFailure(64, "--offline", "beasts cache path")
        try run(["rm", "cub_gpt"]).expectFailure(64, "built in")
        try run(["cache", "verify", "o/n"]).expectFailure(66, "o/n")
    }

    @Test func `An interruption leaves what has come, says how to go on, and the next run does`() throws {
        try hub.faults("[{\"server\": \"storage\", \"rate\": 500000}]")
        let program = try Program.built.start(
            ["pull", Self.model].map { Array($0.utf8) }, in: folder, environment: environment())
        let blobs = folder.path("home/hub/models--eminorhan--\(Self.model)/blobs")
        let deadline = ContinuousClock.now + .seconds(60)
        func partialSize() -> Int {
            guard let name = try? FileManager.default.contentsOfDirectory(atPath: blobs).first else { return 0 }
            return (try? FileManager.default.attributesOfItem(atPath: "\(blobs)/\(name)")[.size] as? Int) ?? 0
        }
        while partialSize() < 200_000, ContinuousClock.now < deadline { usleep(5000) }
        program.send(SIGINT)
        try program.end().expectFailure(130, "interrupted", "goes on from there")
        let left = partialSize()
        #expect(left >= 200_000)
        try hub.faults("[]")
        let second = try run(["pull", Self.model])
        second.expectSuccess()
        #expect(second.errors.contains("goes on from"))
        let rest = try hub.records().first { $0.server == "storage" && $0.headers["Range"] == "bytes=\(left)-" }
        #expect(rest?.sent == Self.size - left, "no byte that was here came again")
    }

    @Test func `What interrupted downloads left is told and removed on request`() throws {
        try run(["pull", Self.model]).expectSuccess()
        let blobs = "home/hub/models--eminorhan--\(Self.model)/blobs"
        try folder.write([UInt8](repeating: 1, count: 5000), to: "\(blobs)/abc.beasts-00000001.incomplete")
        #expect(try run(["cache", "list"]).errors.contains("beasts cache rm --unused frees 5.0 kB"))
        let removed = try run(["cache", "rm", "--unused", "--json"])
        #expect(removed.output.contains("\"freedBytes\" : 5000"))
        #expect(!folder.exists("\(blobs)/abc.beasts-00000001.incomplete"))
        try run(["cache", "path", Self.model]).expectSuccess()
    }

    @Test func `Without libcurl what is here is used, and what is not is told with the package's name`() throws {
        try run(["pull", Self.model]).expectSuccess()
        try folder.write("no library", to: "broken/libcurl.so.4")
        let libraries = [folder.path("broken"), ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]].compactMap {
            $0
        }
        let broken = ["LD_LIBRARY_PATH": libraries.joined(separator: ":")]
        try folder.write(try Samples.picture(1), to: "p.png")
        try run(["embed", "p.png", "--model", Self.model, "--backend", "reference"], broken)
            .expectFailure(65, "neither a PyTorch checkpoint")
        try run(["pull", Self.model], broken).expectFailure(69, "libcurl.so.4", "apt-get install libcurl4")
    }

    @Test func `Progress is silent when asked to be`() throws {
        let quiet = try run(["pull", Self.model, "--quiet"])
        #expect(quiet.exitCode == 0 && quiet.errors == "")
        let plain = try run(["pull", Self.model, "--force"], ["HF_HUB_DISABLE_PROGRESS_BARS": "1"])
        #expect(plain.exitCode == 0 && plain.errors == "")
    }
}
