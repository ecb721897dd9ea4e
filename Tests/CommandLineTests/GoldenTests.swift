// SPDX-License-Identifier: MIT
import BeastMedia
import BeastWeights
import Foundation
import Testing

/// The built-in model through the command line against embeddings that PyTorch computed.
@Suite struct GoldenTests {
    private struct Manifest: Decodable {
        struct Cub: Decodable { let goldens: [Golden] }
        struct Golden: Decodable {
            let what: String
            let inputs: [String: String]
            let expected: [String: Expected]
        }
        struct Expected: Decodable {
            let file: String
            let absolute_tolerance: Float
        }

        let cubs: [String: Cub]
    }

    @Test func `Embeddings of the built-in model are those of PyTorch`() throws {
        let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Goldens/cub_dino_vitt8").path
        let manifest = try JSONDecoder().decode(
            Manifest.self, from: Data(contentsOf: URL(fileURLWithPath: goldens + "/manifest.json")))
        let golden = try #require(manifest.cubs["cub_dino_vitt8"]?.goldens.first { $0.what == "square" })
        let expectation = try #require(golden.expected["embedding"])
        let pictures = try NumpyArray.read(path: goldens + "/" + (try #require(golden.inputs["pictures_u8"])))
        let expected = try NumpyArray.read(path: goldens + "/" + expectation.file)
        let (count, height, width) = (pictures.shape[0], pictures.shape[1], pictures.shape[2])
        let byteCount = height * width * 3

        let folder = try TemporaryFolder()
        for index in 0..<count {
            let pixels = Array(pictures.bytes[index * byteCount..<(index + 1) * byteCount])
            try folder.write(try Picture(width: width, height: height, pixels: pixels).pngBytes(), to: "p\(index).png")
        }
        try Program.built.run(["embed", ".", "-o", "out.npy"], in: folder).expectSuccess()
        let embedded = try NumpyArray.read(path: folder.path("out.npy"))
        #expect(embedded.shape == expected.shape)
        let worst = zip(embedded.floats(), expected.floats()).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst <= expectation.absolute_tolerance, "differs by \(worst), tolerance \(expectation.absolute_tolerance)")
    }
}
