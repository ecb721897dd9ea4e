// SPDX-License-Identifier: MIT
import BeastCore
import BeastMedia
import Foundation
import Menagerie
import Testing

/// The library as the README shows it.
@Suite struct LibraryTests {
    /// The build puts the backends beside the test program.
    private func backend() throws -> ChosenBackend {
        let here = BackendDiscovery.ofThisProcess()
        return try BackendDiscovery(searchPath: nil, executableFolder: here.executableFolder).choose(
            .named("reference", device: nil))
    }

    @Test("A model loaded by name embeds pictures")
    func embeds() throws {
        let model = try Menagerie.load("cub_dino_vitt8", backend: backend())
        let pixels = (0..<90 * 70 * 3).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 270) }
        let picture = try Picture(width: 90, height: 70, pixels: pixels)
        let embeddings = try model.embed([picture, picture])
        #expect(embeddings.count == 2)
        #expect(embeddings[0].count == 192)
        #expect(embeddings[0] == embeddings[1])
        #expect(embeddings[0].allSatisfy { $0.isFinite })
        #expect(embeddings[0].contains { abs($0) > 0.1 })
    }

    @Test("What the library throws reads well")
    func errors() throws {
        let backend = try backend()
        let missing = #expect(throws: (any Error).self) {
            try Menagerie.load("dino_s_vits16", backend: backend, weights: "no/such/file.pth")
        }
        #expect("\(try #require(missing))".hasPrefix("no/such/file.pth: "))
        let discovery = BackendDiscovery(searchPath: "/nowhere", executableFolder: nil)
        let none = #expect(throws: MenagerieError.self) { try discovery.choose(.named("vulkan", device: nil)) }
        #expect(none?.code == .unavailable)
        #expect(none?.description.contains("/nowhere") == true)
    }

    @Test("Pictures read ahead serve one run and give what pictures read by it give")
    func readsAhead() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let examples = URL(filePath: #filePath).appending(path: "../../../Examples/pictures").standardizedFileURL
        let paths = ["citrus_1.png", "ladybird_3.jpg", "aircraft_4.png", "silhouette_2.png", "ladybird_6.jpg"].map {
            examples.appending(path: $0).path
        }
        let model = try Menagerie.load("cub_dino_vitt8", backend: backend())
        func job(_ name: String) throws -> EmbeddingJob {
            let output = folder.appending(path: name).path
            var job = EmbeddingJob(
                paths: paths, outputPath: output, format: try OutputFormat(path: output),
                preprocessing: model.card.preprocessing)
            (job.batchSize, job.threadCount) = (2, 2)
            return job
        }
        #expect(try job("a.npy").run(model).succeeded == 5)
        let ahead = try job("b.npy")
        let pictures = try ahead.readAhead()
        #expect(try ahead.run(model, reading: pictures).succeeded == 5)
        let files = try ["a.npy", "b.npy"].map { try Data(contentsOf: folder.appending(path: $0)) }
        #expect(files[0] == files[1])
        #expect(throws: MenagerieError.self) { try ahead.run(model, reading: pictures) }
        // Dropped unused, it ends its threads.
        _ = try ahead.readAhead()
    }
}
