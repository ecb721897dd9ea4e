// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import Foundation
import Testing

/// The miniature that is part of the program, against what PyTorch made of the same pictures.
@Suite struct BuiltInModelTests {
    private struct Golden {
        let inputs: [String: String]
        let expected: [String: (file: String, shape: [Int], tolerance: Double)]
    }

    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let folder = repository.appending(path: "Tests/Goldens/cub_dino_vitt8")

    private static func golden(_ name: String) throws -> Golden {
        let data = try Data(contentsOf: folder.appending(path: "manifest.json"))
        let manifest = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let cubs = try #require(manifest["cubs"] as? [String: [String: Any]])
        let goldens = try #require(cubs["cub_dino_vitt8"]?["goldens"] as? [[String: Any]])
        let golden = try #require(goldens.first { $0["what"] as? String == name })
        let expected = try #require(golden["expected"] as? [String: [String: Any]])
        return Golden(
            inputs: try #require(golden["inputs"] as? [String: String]),
            expected: try expected.mapValues { output in
                (
                    try #require(output["file"] as? String), try #require(output["shape"] as? [Int]),
                    try #require(output["absolute_tolerance"] as? Double)
                )
            })
    }

    private let session: Session
    private let model: VisionTransformer

    init() throws {
        session = try Reference.session()
        let file = Self.repository.appending(path: "Sources/CubWeights/cub_dino_vitt8.safetensors")
        model = try VisionTransformer(
            VisionTransformer.Configuration(imageSize: 64, patchSize: 8, width: 192, depth: 6, headCount: 3),
            weights: try Checkpoint.open(path: file.path).weights(), session: session)
    }

    /// [batch, height, width, 3] bytes, normalised as the published models want it.
    private func pictures(_ golden: Golden) throws -> Tensor {
        let name = try #require(golden.inputs["pictures_u8"])
        let array = try NumpyArray.read(path: Self.folder.appending(path: name).path)
        let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        let values = array.floats().enumerated().map { index, byte in
            Float((Double(byte) / 255 - mean[index % 3]) / deviation[index % 3])
        }
        return try session.makeTensor(values, shape: Shape(array.shape))
    }

    private func check(_ found: Tensor, _ golden: Golden, _ name: String) throws {
        let output = try #require(golden.expected[name])
        #expect(found.shape == Shape(output.shape))
        let expected = try NumpyArray.read(path: Self.folder.appending(path: output.file).path)
        expectClose(
            try session.download(found), Grid(output.shape, expected.floats()), within: output.tolerance, "\(name)")
    }

    @Test func squarePictures() throws {
        let golden = try Self.golden("square")
        let pictures = try pictures(golden)
        try check(try model(pictures), golden, "embedding")
        try check(try model.lastAttention(pictures), golden, "attention")
    }

    @Test func picturesOfAnotherSizeWithInterpolatedPositions() throws {
        let golden = try Self.golden("interpolated_positions")
        try check(try model(try pictures(golden)), golden, "embedding")
    }
}
