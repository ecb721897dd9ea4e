// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import Testing

/// Picture tokenisers: what PyTorch made of the same pictures, sizes, halves, and what is refused.
@Suite struct VQGANTests {
    private let session: Session

    init() throws { session = try Reference.session() }

    static let cub = VQGANConfiguration(
        codeCount: 512, codeWidth: 32, latentChannels: 32, resolution: 64, baseChannels: 64,
        channelMultipliers: [1, 1, 1], blocksPerLevel: 1, attentionResolutions: [16])
    private static let tiny = VQGANConfiguration(
        codeCount: 20, codeWidth: 6, latentChannels: 5, resolution: 16, baseChannels: 32, channelMultipliers: [1, 2],
        blocksPerLevel: 1, attentionResolutions: [8])

    private func tiny(_ abilities: VQGAN.Abilities = .all, _ configuration: VQGANConfiguration = tiny) throws -> VQGAN {
        try VQGAN(
            configuration, weights: RandomWeights(configuration.tensors, seed: 2), session: session,
            abilities: abilities)
    }

    @Test func featuresCodesAndPicturesAreThoseOfPyTorch() throws {
        let golden = try CubGolden("cub_gpt", "vqgan")
        let model = try VQGAN(Self.cub, weights: try CubGolden.weights("cub_gpt"), session: session)
        let bytes = try golden.input("pictures_u8")
        let pictures = try session.makeTensor(bytes.floats().map { $0 / 127.5 - 1 }, shape: Shape(bytes.shape))
        let features = try model.features(of: pictures)
        try golden.check(features.permuted(0, 3, 1, 2), "features")
        let codes = try model.codes(of: features)
        #expect(try session.downloadIntegers(codes).map { Int($0) } == (try golden.output("codes").integers()))
        try golden.check(try model.decode(codes).permuted(0, 3, 1, 2), "picture")
    }

    @Test func aPictureDoesNotDependOnTheOthersOfItsBatch() throws {
        let model = try tiny()
        let noise = Grid.random([3, 16, 24, 3], seed: 4)
        let all = try model.encode(try session.tensor(noise))
        #expect(all.shape == [3, 8, 12])
        let decoded = try session.download(try model.decode(all))
        let codes = try session.downloadIntegers(all)
        for index in 0..<3 {
            let part = Array(noise.floats[index * 1152..<(index + 1) * 1152])
            let alone = try model.encode(try session.makeTensor(part, shape: [1, 16, 24, 3]))
            #expect(try session.downloadIntegers(alone) == Array(codes[index * 96..<(index + 1) * 96]))
            #expect(try session.download(try model.decode(alone)) == Array(decoded[index * 1152..<(index + 1) * 1152]))
        }
    }

    @Test func codesAreTheNearestOfTheCodebook() throws {
        let model = try tiny()
        let features = Grid.random([1, 3, 4, 6], seed: 5)
        let found = try session.downloadIntegers(try model.codes(of: try session.tensor(features)))
        let every = try session.makeTensor((0..<20).map { Int32($0) }, shape: [20])
        let vectors = try session.download(try model.vectors(of: every))
        for position in 0..<12 {
            let distances = (0..<20).map { code in
                (0..<6).reduce(0.0) { sum, axis in
                    let difference = features.elements[position * 6 + axis] - Double(vectors[code * 6 + axis])
                    return sum + difference * difference
                }
            }
            #expect(distances[Int(found[position])] <= (distances.min() ?? 0) + 1e-6)
        }
    }

    @Test func theQuantizerOfLogitsTakesTheLargest() throws {
        var configuration = Self.tiny
        configuration.quantizer = .gumbel
        let model = try tiny(.all, configuration)
        let codes = try model.encode(try session.tensor(.random([1, 16, 16, 3], seed: 6)))
        let found = try session.downloadIntegers(codes)
        #expect(Set(found).count > 1 && found.allSatisfy { (0..<20).contains($0) })
        #expect(try model.decode(codes).shape == [1, 16, 16, 3])
    }

    @Test func onlyWhatIsNeededIsRead() throws {
        let decoder = try tiny(.decoding)
        let codes = try session.makeTensor([Int32](repeating: 3, count: 4), shape: [1, 2, 2])
        let both = try tiny()
        #expect(try session.download(decoder.decode(codes)) == session.download(both.decode(codes)))
        let picture = try session.tensor(.random([1, 16, 16, 3], seed: 7))
        #expect(throws: ModelError.self) { try decoder.encode(picture) }
        #expect(throws: ModelError.self) { try tiny(.encoding).decode(codes) }
        // A source without the other half will do.
        let half = Self.tiny.tensors.filter { !$0.name.hasPrefix("encoder.") && !$0.name.hasPrefix("quant_conv.") }
        let weights = RandomWeights(half, seed: 2)
        let model = try VQGAN(Self.tiny, weights: weights, session: session, abilities: .decoding)
        #expect(try session.download(model.decode(codes)) == session.download(both.decode(codes)))
        #expect(throws: ModelError.self) { try VQGAN(Self.tiny, weights: weights, session: session) }
    }

    @Test func picturesThatAreNoWholeNumberOfCodesAreRefused() throws {
        let model = try tiny()
        for shape in [[1, 15, 16, 3], [1, 16, 17, 3], [1, 0, 16, 3], [1, 16, 16, 1], [16, 16, 3]] {
            let picture = try session.makeTensor(Shape(shape))
            #expect(throws: ModelError.self, "\(shape)") { try model.encode(picture) }
        }
        let wrong = try session.makeTensor([Int32(20)], shape: [1, 1, 1])
        #expect(throws: BackendError.self) { try session.download(try model.decode(wrong)) }
    }

    @Test func aTensorThatIsMissingOrOfAnotherShapeIsNamed() throws {
        for tensor in Self.tiny.tensors {
            var tensors = Self.tiny.tensors
            tensors.removeAll { $0.name == tensor.name }
            let error = #expect(throws: ModelError.self) {
                try VQGAN(Self.tiny, weights: RandomWeights(tensors, seed: 1), session: session)
            }
            #expect(error?.message.contains(tensor.name) == true)
            tensors.append((tensor.name, tensor.shape.dropLast() + [tensor.shape.last! + 1]))
            let other = #expect(throws: ModelError.self) {
                try VQGAN(Self.tiny, weights: RandomWeights(tensors, seed: 1), session: session)
            }
            #expect(other?.message.contains(tensor.name) == true && other?.message.contains("\(tensor.shape)") == true)
        }
    }

    @Test func theTensorsAreThoseOfThePublishedFiles() {
        let say = VQGANConfiguration()
        #expect(say.parameterCount == 66_890_627 && say.tensors.count == 299 && say.gridSize == 32)
        let imagenet = VQGANConfiguration(
            codeCount: 16384, channelMultipliers: [1, 1, 2, 2, 4], attentionResolutions: [16])
        #expect(imagenet.parameterCount == 76_073_859 && imagenet.tensors.count == 343 && imagenet.gridSize == 16)
        #expect(VQGANConfiguration(quantizer: .gumbel).parameterCount == 68_995_971)
        #expect(Self.cub.parameterCount == 2_211_299 - GPTTests.cub.parameterCount)
    }
}
