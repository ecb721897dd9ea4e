// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// What a user reads when a checkpoint or a picture does not fit.
@Suite struct VisionTransformerErrorTests {
    private typealias Configuration = VisionTransformer.Configuration

    private func failure(
        _ configuration: VisionTransformer.Configuration = TinyTransformer.configuration,
        _ change: (MemoryWeights) -> Void = { _ in }
    ) throws -> ModelError? {
        let weights = TinyTransformer.weights()
        change(weights)
        let session = try Reference.session()
        do {
            _ = try VisionTransformer(configuration, weights: weights, session: session)
            return nil
        } catch { return error as? ModelError }
    }

    @Test func aMissingTensorIsNamed() throws {
        let error = try failure { $0.tensors["blocks.1.attn.qkv.weight"] = nil }
        #expect(error?.code == .missingTensor)
        #expect(error?.description == "memory: tensor 'blocks.1.attn.qkv.weight' [24, 8] is missing")
    }

    @Test func everyTensorIsNeeded() throws {
        for tensor in VisionTransformer.tensors(of: TinyTransformer.configuration) {
            #expect(try failure { $0.tensors[tensor.name] = nil }?.code == .missingTensor, "\(tensor.name)")
        }
    }

    @Test func everyShapeIsChecked() throws {
        for tensor in VisionTransformer.tensors(of: TinyTransformer.configuration) {
            var shape = tensor.shape
            shape[shape.count - 1] += 1
            let error = try failure { $0.tensors[tensor.name] = Grid(shape) }
            #expect(
                error?.description
                    == "memory: tensor '\(tensor.name)' has shape \(shape), this model needs \(tensor.shape)")
        }
        // The same count of elements under another shape is still another tensor.
        #expect(try failure { $0.tensors["norm.bias"] = Grid([1, 8]) }?.code == .wrongShape)
    }

    @Test func impossibleSizesAreRefused() throws {
        var configuration = TinyTransformer.configuration
        configuration.headCount = 3
        let error = try failure(configuration)
        #expect(error?.code == .badConfiguration)
        #expect(
            error?.description
                == "no vision transformer has image size 12, patch size 4, width 8, depth 3, 3 heads, hidden width 20, epsilon 1e-06"
        )
        let impossible: [Configuration] = [
            Configuration(imageSize: 12, patchSize: 0, width: 8, depth: 3, headCount: 2),
            Configuration(imageSize: 12, patchSize: 13, width: 8, depth: 3, headCount: 2),
            Configuration(imageSize: 12, patchSize: 4, width: -8, depth: 3, headCount: 2),
            Configuration(imageSize: 12, patchSize: 4, width: 8, depth: 0, headCount: 2),
            Configuration(imageSize: 12, patchSize: 4, width: 8, depth: 3, headCount: 0),
            Configuration(imageSize: 12, patchSize: 4, width: 8, depth: 3, headCount: 2, hiddenWidth: 0),
            Configuration(imageSize: .max, patchSize: 4, width: 8, depth: 3, headCount: 2),
            Configuration(imageSize: 12, patchSize: 4, width: 1024, depth: 3, headCount: 1),
            Configuration(imageSize: 12, patchSize: 4, width: 8, depth: 3, headCount: 2, epsilon: -1),
            Configuration(imageSize: 12, patchSize: 4, width: 8, depth: 3, headCount: 2, epsilon: .nan),
        ]
        for configuration in impossible {
            #expect(try failure(configuration)?.code == .badConfiguration, "\(configuration)")
        }
    }

    // MARK: Pictures and layers

    private func failure(_ shape: Shape, _ body: (VisionTransformer, Tensor) throws -> Void) throws -> ModelError? {
        let session = try Reference.session()
        let model = try TinyTransformer.model(session)
        do {
            try body(model, try session.makeTensor(shape))
            return nil
        } catch { return error as? ModelError }
    }

    @Test(arguments: [(3, 12), (12, 3), (0, 0)]) func aPictureSmallerThanAPatchIsRefused(height: Int, width: Int) throws
    {
        let text = "a picture of \(width) x \(height) pixels is smaller than one patch of 4 x 4"
        let shape: Shape = [1, height, width, 3]
        #expect(try failure(shape) { _ = try $0($1) }?.description == text)
        #expect(try failure(shape) { _ = try $0.lastAttention($1) }?.description == text)
        #expect(try failure(shape) { _ = try $0.layers([.norm], $1) }?.description == text)
        #expect(
            try failure([1, 12, 12, 3]) { model, _ in _ = try model.positionRows(height: height, width: width) }?.code
                == .badInput)
    }

    @Test(arguments: [[1, 12, 12, 4], [12, 12, 3], [1, 3, 12, 12], [3], []] as [[Int]])
    func picturesOfAnotherShapeAreRefused(_ shape: [Int]) throws {
        let error = try failure(Shape(shape)) { _ = try $0($1) }
        #expect(error?.code == .badInput)
        #expect(error?.description == "pictures of shape \(shape), expected [batch, height, width, 3]")
    }

    @Test func anUnknownBlockIsRefused() throws {
        for index in [3, -1] {
            let error = try failure([1, 12, 12, 3]) {
                _ = try $0.layers([.norm, .block(index, isNormalised: false)], $1)
            }
            #expect(error?.code == .unknownLayer)
            #expect(error?.description == "there is no block \(index): this model has blocks.0 to blocks.2")
        }
    }

    @Test(arguments: [0..<11, 10..<11, -1..<2]) func attentionOfTokensThatAreNotThereIsRefused(_ queries: Range<Int>)
        throws
    {
        let error = try failure([1, 12, 12, 3]) { _ = try $0.lastAttention($1, queries: queries) }
        #expect(error?.code == .badInput)
        #expect(error?.description == "attention of the tokens \(queries): there are the tokens 0..<10")
    }

    @Test func layerNamesAreReadExactly() {
        #expect(VisionTransformer.Layer("norm") == .norm)
        #expect(VisionTransformer.Layer("blocks.11") == .block(11, isNormalised: false))
        #expect(VisionTransformer.Layer("blocks.0.norm") == .block(0, isNormalised: true))
        for name in [
            "", "blocks", "blocks.", "blocks.x", "blocks.01", "blocks.1.", "blocks.1.norm.x", "Norm", "blocks.+1",
            "block.1", "blocks.1.bias", "norm.",
        ] {
            #expect(VisionTransformer.Layer(name) == nil, "'\(name)'")
        }
        for layer in VisionTransformer.layers(of: TinyTransformer.configuration) {
            #expect(VisionTransformer.Layer(layer.name) == layer)
        }
    }
}
