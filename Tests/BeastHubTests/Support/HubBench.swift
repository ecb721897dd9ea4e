// SPDX-License-Identifier: MIT
import Foundation
import Testing

@testable import BeastHub

/// A hub, a cache, and a client between them.
struct HubBench {
    static let repository = "owner/name"

    let folder: TemporaryFolder
    let hub: FakeHub

    /// - Parameter files: JSON, from names to contents.
    init(_ files: String) throws {
        folder = try TemporaryFolder()
        hub = try FakeHub(
            "{\"repositories\": {\"\(Self.repository)\": {\"files\": \(files)}}, \"renamed\": {\"old/name\": \"\(Self.repository)\"}}"
        )
    }

    var settings: HubSettings {
        var settings = HubSettings(cache: HubCache(root: folder.path("hub")), home: folder.path)
        settings.endpoint = hub.hub
        settings.downloadTimeout = 1
        settings.metadataTimeout = 2
        settings.secondLength = 0.01
        return settings
    }

    var client: HubClient { HubClient(settings: settings) }

    func file(_ name: String = "large.bin", repository: String = HubBench.repository) throws -> HubFile {
        try HubFile(repository: repository, file: name)
    }

    /// Names in `blobs`.
    var blobs: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path("hub/models--owner--name/blobs"))) ?? [])
            .sorted()
    }

    func expectFailure(
        _ code: HubError.Code, _ parts: String..., file: HubFile? = nil, client: HubClient? = nil,
        policy: HubClient.CachePolicy = .current, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = try file ?? self.file()
        do {
            _ = try (client ?? self.client).fetch(file, policy: policy)
            Issue.record("it did not fail", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
            let line = "\(error)"
            #expect(!line.contains("\n"), sourceLocation: sourceLocation)
            for part in parts + [file.file, file.repository] {
                #expect(line.contains(part), "'\(part)' is not in: \(line)", sourceLocation: sourceLocation)
            }
        }
    }
}
