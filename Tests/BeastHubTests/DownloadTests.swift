// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

@testable import BeastHub

/// Real transfers from the fake hub.
@Suite(.enabled(if: FakeHub.isAvailable, FakeHub.absence)) struct DownloadTests {
    private static let size = 3_000_000
    private let bench: HubBench
    private var hub: FakeHub { bench.hub }

    init() throws {
        bench = try HubBench(
            "{\"large.bin\": {\"size\": \(Self.size), \"seed\": 1}, \"folder/small.txt\": {\"size\": 1000, \"seed\": 2}, "
                + "\"empty.txt\": {\"size\": 0}, \"twin.bin\": {\"size\": \(Self.size), \"seed\": 1}}")
    }

    private func digest(_ path: String) throws -> String {
        let digest = try Digest(.sha256, byteCount: 0)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes.withUnsafeBytes { digest.update($0) }
        return try digest.finish()
    }

    /// Fetches the large file and holds it against its digest.
    @discardableResult
    private func fetchLarge(
        policy: HubClient.CachePolicy = .current, _ events: ((TransferEvent) -> Void)? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> HubClient.FetchedFile {
        let fetched = try bench.client.fetch(try bench.file(), policy: policy, report: { events?($0) })
        #expect(fetched.size == Self.size, sourceLocation: sourceLocation)
        #expect(try digest(fetched.path) == fetched.etag, sourceLocation: sourceLocation)
        #expect(bench.blobs == [fetched.etag], "nothing is left over", sourceLocation: sourceLocation)
        return fetched
    }

    @Test func `A large file comes from the storage, a small one from the hub, and the token to the hub alone`() throws
    {
        var settings = bench.settings
        settings.token = try HubToken("hf_secret", origin: "the option --token")
        let client = HubClient(settings: settings)
        let large = try client.fetch(try bench.file())
        #expect(large.receivedByteCount == Self.size && large.isVerified)
        let small = try client.fetch(try bench.file("folder/small.txt"))
        #expect(small.size == 1000 && small.isVerified)
        #expect(try client.fetch(try bench.file("empty.txt")).size == 0)
        let records = try hub.records()
        #expect(records.filter { $0.server == "hub" }.allSatisfy { $0.authorization })
        #expect(records.contains { $0.server == "storage" })
        #expect(records.filter { $0.server == "storage" }.allSatisfy { !$0.authorization })
        #expect(records.allSatisfy { $0.headers["Accept-Encoding"] == "identity" })
    }

    @Test func `What is here is not had again; a second name of the same content is a link and no transfer`() throws {
        let first = try fetchLarge()
        try hub.clear()
        #expect(try bench.client.fetch(try bench.file()).receivedByteCount == 0)
        let twin = try bench.client.fetch(try bench.file("twin.bin"))
        #expect(twin.etag == first.etag && twin.receivedByteCount == 0)
        #expect(try hub.records().allSatisfy { $0.method == "HEAD" })
        try hub.clear()
        let commit = try HubFile(repository: HubBench.repository, file: "large.bin", revision: first.commit)
        #expect(try bench.client.fetch(commit).path == first.path)
        #expect(try bench.client.fetch(try bench.file(), policy: .cacheFirst).path == first.path)
        var settings = bench.settings
        settings.offlineReason = "HF_HUB_OFFLINE"
        #expect(try HubClient(settings: settings).fetch(try bench.file()).path == first.path)
        #expect(try hub.records().isEmpty, "a commit, the cache first, and offline need no request")
        try bench.expectFailure(
            .offline, "HF_HUB_OFFLINE", "not in the cache", file: try bench.file("folder/small.txt"),
            client: HubClient(settings: settings))
        #expect(try fetchLarge(policy: .again).receivedByteCount == Self.size)
    }

    @Test(arguments: [1, 100_000, size / 2, size - 1])
    func `A connection that is cut goes on from the byte it ended at`(cut: Int) throws {
        try hub.faults("[{\"server\": \"storage\", \"cut\": \(cut), \"times\": 1}]")
        var events: [TransferEvent] = []
        let fetched = try fetchLarge { events.append($0) }
        #expect(fetched.receivedByteCount == Self.size, "no byte came twice")
        #expect(events.contains { if case .retrying = $0 { true } else { false } })
        let ranges = try hub.records().filter { $0.server == "storage" }
        #expect(ranges.count == 2)
        #expect(ranges.last?.headers["Range"] == "bytes=\(cut)-")
        #expect(ranges.last?.headers["If-Range"]?.hasPrefix("\"stored-") == true)
        let done = events.compactMap { if case .progress(let done, _) = $0 { done } else { nil } }
        #expect(done == done.sorted() && done.last == Int64(Self.size))
    }

    @Test func `Another run goes on where one ended`() throws {
        try hub.faults("[{\"server\": \"storage\", \"cut\": 1000000}]")
        var settings = bench.settings
        settings.retryCount = 0
        try bench.expectFailure(.unreachable, "what has come is kept", client: HubClient(settings: settings))
        #expect(bench.blobs.count == 1 && bench.blobs[0].hasSuffix(".incomplete"))
        try hub.faults("[]")
        var events: [TransferEvent] = []
        #expect(try fetchLarge { events.append($0) }.receivedByteCount == Int64(Self.size - 1_000_000))
        #expect(events.contains(.started(size: Int64(Self.size), resumedFrom: 1_000_000)))
    }

    @Test func `One odd reply does not cost what has come`() throws {
        try hub.faults("[{\"server\": \"storage\", \"cut\": 1000000}]")
        var settings = bench.settings
        settings.retryCount = 0
        let client = HubClient(settings: settings)
        try bench.expectFailure(.unreachable, "what has come is kept", client: client)
        let kept = bench.blobs
        func keptSize() -> Int? { try? bench.folder.bytes("hub/models--owner--name/blobs/\(kept.first ?? "")").count }
        try #require(kept.count == 1 && keptSize() == 1_000_000)
        // A page of a proxy instead of the file.
        try hub.faults("[{\"server\": \"storage\", \"ignore_range\": true, \"short\": 2999000}]")
        try bench.expectFailure(.changed, "1000 bytes", "3000000", client: client)
        #expect(bench.blobs == kept && keptSize() == 1_000_000)
        // A part that does not fit, and no answer to the request for the whole.
        try hub.faults(
            "[{\"server\": \"storage\", \"status\": 416, \"range\": true}, {\"server\": \"storage\", \"status\": 503, \"range\": false}]"
        )
        try bench.expectFailure(.unreachable, "503", client: client)
        #expect(bench.blobs == kept && keptSize() == 1_000_000)
        try hub.faults("[]")
        #expect(try fetchLarge().receivedByteCount == Int64(Self.size - 1_000_000))
    }

    @Test func `A part of a file that the server names otherwise is not added`() throws {
        // The content changes on the storage alone, and If-Range is not honoured.
        try hub.faults(
            "[{\"server\": \"storage\", \"cut\": 1000000, \"times\": 1}, {\"server\": \"storage\", \"range\": true, \"headers\": {\"ETag\": \"\\\"other\\\"\"}, \"wrong\": 2000000}]"
        )
        var events: [TransferEvent] = []
        try fetchLarge { events.append($0) }
        #expect(events.contains { if case .retrying(let reason, _) = $0 { reason.contains("ETag") } else { false } })
    }

    @Test func `A wrong leftover costs time and is never taken for the file`() throws {
        let etag = try bench.client.metadata(of: try bench.file()).etag
        try bench.folder.write(
            [UInt8](repeating: 7, count: 1_000_000), to: "hub/models--owner--name/blobs/\(etag).incomplete")
        var events: [TransferEvent] = []
        try fetchLarge { events.append($0) }
        #expect(events.contains { if case .restarted = $0 { true } else { false } })
    }

    @Test func `Wrong bytes of the right length are never kept`() throws {
        try hub.faults("[{\"server\": \"storage\", \"wrong\": 5}]")
        try bench.expectFailure(.corrupted, "SHA-256")
        #expect(bench.blobs == [])
        #expect(!bench.folder.exists("hub/models--owner--name/snapshots"))
        try hub.faults("[{\"method\": \"GET\", \"server\": \"hub\", \"wrong\": 5}]")
        try bench.expectFailure(.corrupted, "git's SHA-1", file: try bench.file("folder/small.txt"))
        #expect(bench.blobs == [])
    }

    @Test(arguments: [
        "[{\"server\": \"storage\", \"cut\": 500000, \"times\": 1}, {\"server\": \"storage\", \"ignore_range\": true, \"range\": true}]",
        "[{\"server\": \"storage\", \"status\": 503, \"times\": 2}]",
        "[{\"server\": \"storage\", \"status\": 429, \"headers\": {\"Retry-After\": \"1\"}, \"times\": 1}]",
        "[{\"server\": \"hub\", \"status\": 500, \"times\": 2}]",
        "[{\"server\": \"storage\", \"stall\": 3, \"after\": 100000, \"times\": 1}]",
        "[{\"server\": \"storage\", \"cut\": 900000, \"times\": 1}, {\"server\": \"storage\", \"expire\": true, \"status\": 403, \"range\": true, \"times\": 1}]",
        "[{\"server\": \"storage\", \"chunked\": true}]", "[{\"case\": \"upper\"}]", "[{\"case\": \"lower\"}]",
        "[{\"server\": \"storage\", \"cut\": 900000, \"times\": 1}, {\"server\": \"storage\", \"status\": 416, \"range\": true, \"times\": 1}]",
        "[{\"server\": \"storage\", \"headers\": {\"ETag\": null}}, {\"server\": \"storage\", \"cut\": 10, \"times\": 1}]",
        "[{\"server\": \"storage\", \"short\": 1000, \"chunked\": true, \"times\": 1}]",
    ])
    func `Faults that pass are survived`(faults: String) throws {
        try hub.faults(faults)
        try fetchLarge()
    }

    @Test(
        arguments: [
            (
                "{\"status\": 401, \"code\": \"RepoNotFound\"}", HubError.Code.notFound,
                ["does not exist, or is private", "HF_TOKEN"]
            ),
            ("{\"status\": 401, \"message\": \"Invalid credentials in Authorization header\"}", .refused, ["refuses"]),
            ("{\"status\": 403, \"code\": \"GatedRepo\"}", .refused, ["terms", "/owner/name"]),
            ("{\"status\": 401, \"code\": \"GatedRepo\"}", .refused, ["terms", "401"]),
            ("{\"status\": 403, \"message\": \"not yours\"}", .refused, ["not yours", "403"]),
            ("{\"status\": 404, \"code\": \"EntryNotFound\"}", .notFound, ["no file", "404"]),
            ("{\"status\": 404, \"code\": \"RevisionNotFound\"}", .notFound, ["no branch", "main"]),
            ("{\"status\": 404}", .notFound, ["HF_ENDPOINT"]),
            ("{\"status\": 418}", .unreachable, ["418", "request-1"]),
            ("{\"status\": 503}", .unreachable, ["503", "tried 3 times"]),
            ("{\"status\": 429, \"headers\": {\"Retry-After\": \"3600\"}}", .unreachable, ["429", "3600 seconds"]),
            ("{\"headers\": {\"X-Repo-Commit\": null}}", .badReply, ["X-Repo-Commit", "HF_ENDPOINT"]),
            ("{\"headers\": {\"X-Repo-Commit\": \"../../x\"}}", .badReply, ["commit"]),
            ("{\"headers\": {\"X-Linked-Etag\": \"\\\"../x\\\"\"}}", .badReply, ["ETag", "../x"]),
            ("{\"headers\": {\"X-Linked-Etag\": null, \"ETag\": null}}", .badReply, ["ETag"]),
            ("{\"headers\": {\"X-Linked-Size\": \"-1\"}}", .badReply, ["-1"]),
            ("{\"headers\": {\"X-Linked-Size\": \"99999999999999999999\"}}", .badReply, ["99999999999999999999"]),
            (
                "{\"headers\": {\"X-Linked-Size\": \"1000000000000000\"}}", .diskFull,
                ["1000000000000000", "has room for"]
            ),
            ("{\"redirect\": \"loop\"}", .badReply, ["redirects"]),
            ("{\"redirect\": \"file:///etc/passwd\"}", .badReply, ["neither http nor https"]),
            ("{\"bomb\": 1000}", .badReply, ["header lines"]),
            ("{\"status\": 302}", .badReply, ["302"]),
        ] as [(String, HubError.Code, [String])])
    func `Faults that do not pass are one clear line`(fault: String, code: HubError.Code, parts: [String]) throws {
        try hub.faults("[{\"server\": \"hub\", \(fault.dropFirst())]")
        var settings = bench.settings
        settings.retryCount = 2
        for part in parts { try bench.expectFailure(code, part, client: HubClient(settings: settings)) }
        #expect(bench.folder.files.allSatisfy { $0.hasPrefix("hub/") })
        #expect(bench.blobs == [])
    }

    @Test func `A renamed repository is followed with the token, another origin without`() throws {
        var settings = bench.settings
        settings.token = try HubToken("hf_secret", origin: "the option --token")
        let fetched = try HubClient(settings: settings).fetch(try bench.file(repository: "old/name"))
        #expect(fetched.size == Self.size)
        #expect(try hub.records().filter { $0.server == "hub" }.allSatisfy { $0.authorization })
        try hub.clear()
        try hub.faults("[{\"server\": \"hub\", \"redirect\": \"{storage}{path}\"}]")
        try bench.expectFailure(.badReply, "X-Repo-Commit", client: HubClient(settings: settings), policy: .again)
        #expect(try hub.records().allSatisfy { $0.server == "hub" })
    }

    @Test func `A name that cannot be resolved is asked for again, and told in the end`() throws {
        var settings = bench.settings
        settings.endpoint = "http://hub.invalid"
        settings.retryCount = 2
        try bench.expectFailure(.unreachable, "tried 3 times", client: HubClient(settings: settings))
    }

    @Test func `A token that the hub repeats is not shown`() throws {
        var settings = bench.settings
        settings.token = try HubToken("hf_secret", origin: "the option --token")
        try hub.faults("[{\"server\": \"hub\", \"status\": 403, \"message\": \"bad hf_secret\\u001b[31m\"}]")
        do {
            _ = try HubClient(settings: settings).fetch(try bench.file())
            Issue.record("it did not fail")
        } catch {
            #expect(!"\(error)".contains("hf_secret") && "\(error)".contains("(token)"))
            #expect(!"\(error)".unicodeScalars.contains("\u{1B}"))
        }
    }

    @Test func `A token that what stands in for it holds is replaced once`() throws {
        var settings = bench.settings
        settings.token = try HubToken("token", origin: "the option --token")
        let reading = ReplyReading(file: try bench.file(), settings: settings)
        #expect(reading.shown("a token, a token") == "a (token), a (token)")
    }

    @Test func `When the hub does not answer, the copy that is here is used, and that is said`() throws {
        let first = try fetchLarge()
        try hub.faults("[{\"server\": \"hub\", \"status\": 503}]")
        var events: [TransferEvent] = []
        let again = try bench.client.fetch(try bench.file(), report: { events.append($0) })
        #expect(again.path == first.path)
        #expect(events.contains { if case .warning(let text) = $0 { text.contains("503") } else { false } })
        #expect(try hub.records().filter { $0.status == 503 }.count == 1, "a copy that is here is not waited for")
        try hub.faults("[{\"server\": \"hub\", \"status\": 404, \"code\": \"EntryNotFound\"}]")
        try bench.expectFailure(.notFound, "no file")
    }

    @Test func `A file that changes on the hub is told or had anew, never mixed`() throws {
        try hub.faults(
            "[{\"server\": \"storage\", \"cut\": 1000000, \"times\": 1, \"change\": {\"repository\": \"owner/name\", \"file\": \"large.bin\", \"size\": \(Self.size), \"seed\": 9}}]"
        )
        let fetched = try bench.client.fetch(try bench.file())
        #expect(try digest(fetched.path) == fetched.etag)
        #expect(fetched.etag == (try bench.client.metadata(of: try bench.file()).etag))
    }

    @Test func `Several at once have one transfer`() throws {
        try hub.faults("[{\"server\": \"storage\", \"rate\": 3000000}]")
        let (client, file) = (bench.client, try bench.file())
        let group = DispatchGroup()
        for _ in 0..<3 {
            DispatchQueue.global().async(group: group) { #expect(throws: Never.self) { try client.fetch(file) } }
        }
        group.wait()
        #expect(try hub.records().filter { $0.server == "storage" }.count == 1)
        #expect(bench.blobs.count == 1)
    }

    @Test func `A stop ends a transfer, and what has come stays`() throws {
        try hub.faults("[{\"server\": \"storage\", \"rate\": 2000000}]")
        var done: Int64 = 0
        let stop: (TransferEvent) -> Void = { if case .progress(let count, _) = $0 { done = count } }
        #expect(throws: HubError.self) {
            try bench.client.fetch(try bench.file(), isStopped: { done > 500_000 }, report: stop)
        }
        #expect(bench.blobs.count == 1)
        try hub.faults("[]")
        let rest = try fetchLarge().receivedByteCount
        #expect(rest < Int64(Self.size) - 500_000)
    }

    @Test func `Where the cache can have no links, snapshots hold the files themselves`() throws {
        var settings = bench.settings
        settings.usesSymbolicLinks = false
        let fetched = try HubClient(settings: settings).fetch(try bench.file())
        #expect(try digest(fetched.path) == fetched.etag)
        #expect(bench.blobs == [])
        #expect(try HubClient(settings: settings).fetch(try bench.file()).receivedByteCount == 0)
    }

    // MARK: - Parts

    @Test func `Parts of a file come by ranges, over cut connections and expired addresses`() throws {
        let whole = try bench.folder.bytes(
            String(try fetchLarge().path.dropFirst(bench.folder.path.count + 1)))
        try hub.clear()
        let remote = try bench.client.metadata(of: try bench.file())
        #expect(remote.size == Int64(Self.size) && remote.etag.utf8.count == 64)
        try hub.faults(
            "[{\"server\": \"storage\", \"cut\": 1000, \"times\": 1}, {\"server\": \"storage\", \"skip\": 1, \"expire\": true, \"status\": 403, \"times\": 1}]"
        )
        let reader = bench.client.rangeReader(of: remote)
        let ranges: [RangeReader.ByteRange] = [
            .init(offset: 0, count: 10), .init(offset: 5000, count: 100_000),
            .init(offset: Int64(Self.size) - 22, count: 22),
        ]
        var parts: [Int64: [UInt8]] = [:]
        try reader.read(ranges) { offset, bytes in parts[offset] = Array(bytes) }
        for range in ranges {
            var found: [UInt8] = []
            while found.count < range.count, let next = parts[range.offset + Int64(found.count)] { found += next }
            #expect(found == Array(whole[Int(range.offset)..<Int(range.offset + range.count)]))
        }
        #expect(reader.receivedByteCount == 100_032)
    }

    @Test func `A server without ranges, a changed file and a range beyond the end are told`() throws {
        let remote = try bench.client.metadata(of: try bench.file())
        func read(_ range: RangeReader.ByteRange, twice: Bool = false) -> HubError.Code? {
            let reader = bench.client.rangeReader(of: remote)
            do {
                try reader.read([range]) { _, _ in }
                if twice { try reader.read([range]) { _, _ in } }
                return nil
            } catch { return error.code }
        }
        #expect(read(.init(offset: 0, count: 10)) == nil)
        #expect(read(.init(offset: Int64(Self.size), count: 1)) == .usage)
        #expect(read(.init(offset: -1, count: 1)) == .usage)
        #expect(read(.init(offset: .max, count: .max)) == .usage)
        try hub.faults("[{\"server\": \"storage\", \"ignore_range\": true}]")
        #expect(read(.init(offset: 0, count: 10)) == .noRanges)
        try hub.faults("[]")
        try hub.faults(
            "[{\"server\": \"storage\", \"times\": 1, \"change\": {\"repository\": \"owner/name\", \"file\": \"large.bin\", \"size\": 3000001, \"seed\": 9}}]"
        )
        #expect(read(.init(offset: 0, count: 10), twice: true) == .changed)
    }
}
