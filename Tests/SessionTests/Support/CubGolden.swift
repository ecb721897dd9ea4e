// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import Foundation
import Testing

/// What PyTorch made of some inputs with a built-in model.
struct CubGolden {
    private let folder: URL
    private let inputs: [String: Any]
    private let outputs: [String: [String: Any]]

    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The weights of a built-in model, as they lie in the repository.
    static func weights(_ cub: String) throws -> CheckpointWeights {
        try Checkpoint.open(path: repository.appending(path: "Sources/CubWeights/\(cub).safetensors").path).weights()
    }

    init(_ cub: String, _ name: String) throws {
        folder = Self.repository.appending(path: "Tests/Goldens/\(cub)")
        let data = try Data(contentsOf: folder.appending(path: "manifest.json"))
        let manifest = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let cubs = try #require(manifest["cubs"] as? [String: [String: Any]])
        let goldens = try #require(cubs[cub]?["goldens"] as? [[String: Any]])
        let golden = try #require(goldens.first { $0["what"] as? String == name })
        inputs = try #require(golden["inputs"] as? [String: Any])
        outputs = try #require(golden["expected"] as? [String: [String: Any]])
    }

    func input(_ name: String) throws -> NumpyArray {
        try NumpyArray.read(path: folder.appending(path: try #require(inputs[name] as? String)).path)
    }

    func number(_ name: String) throws -> Double { try #require(inputs[name] as? Double) }

    func output(_ name: String) throws -> NumpyArray {
        let file = try #require(outputs[name]?["file"] as? String)
        return try NumpyArray.read(path: folder.appending(path: file).path)
    }

    /// [batch, height, width, 3] bytes, normalised as the published models want it.
    func pictures(_ session: Session) throws -> Tensor {
        let array = try input("pictures_u8")
        let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        let values = array.floats().enumerated().map { index, byte in
            Float((Double(byte) / 255 - mean[index % 3]) / deviation[index % 3])
        }
        return try session.makeTensor(values, shape: Shape(array.shape))
    }

    func check(_ found: Tensor, _ name: String) throws {
        let expected = try output(name)
        #expect(found.shape == Shape(expected.shape))
        expectClose(
            try found.session.download(found), Grid(expected.shape, expected.floats()),
            within: try #require(outputs[name]?["absolute_tolerance"] as? Double), "\(name)")
    }
}
