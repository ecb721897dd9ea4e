// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import Testing

/// The miniatures that are part of the program, against what PyTorch made of the same pictures.
@Suite struct BuiltInModelTests {
    private let session: Session

    init() throws { session = try Reference.session() }

    private func dino() throws -> VisionTransformer {
        try VisionTransformer(
            VisionTransformer.Configuration(imageSize: 64, patchSize: 8, width: 192, depth: 6, headCount: 3),
            weights: try CubGolden.weights("cub_dino_vitt8"), session: session)
    }

    private func mae() throws -> MaskedAutoencoder {
        let encoder = VisionTransformer.Configuration(
            imageSize: 64, patchSize: 8, width: 192, depth: 3, headCount: 3, resamplesPositionsAtLoad: true)
        return try MaskedAutoencoder(
            MaskedAutoencoder.Configuration(encoder: encoder, width: 96, depth: 2, headCount: 3),
            weights: try CubGolden.weights("cub_mae_vitt8"), session: session)
    }

    @Test func squarePictures() throws {
        let golden = try CubGolden("cub_dino_vitt8", "square")
        let (model, pictures) = (try dino(), try golden.pictures(session))
        try golden.check(try model(pictures), "embedding")
        try golden.check(try model.lastAttention(pictures), "attention")
    }

    @Test func picturesOfAnotherSizeWithInterpolatedPositions() throws {
        let golden = try CubGolden("cub_dino_vitt8", "interpolated_positions")
        try golden.check(try dino()(try golden.pictures(session)), "embedding")
    }

    @Test func hiddenPatchesArePredictedAsByPyTorch() throws {
        let golden = try CubGolden("cub_mae_vitt8", "completion")
        let (model, pictures) = (try mae(), try golden.pictures(session))
        let noise = try golden.input("noise")
        let values = noise.floats()
        let masks = try (0..<noise.shape[0]).map { picture in
            PatchMask(
                noise: Array(values[picture * noise.shape[1]..<(picture + 1) * noise.shape[1]]),
                ratio: try golden.number("ratio"))
        }
        let isHidden = try golden.output("mask").floats().map { $0 != 0 }
        #expect(masks.flatMap(\.isHidden) == isHidden)
        try golden.check(try model.predict(pictures, masks: masks), "patches")
        try golden.check(try model.encoder(pictures), "embedding")
    }

    @Test func aPredictionDoesNotDependOnWhatElseIsInTheBatchOrHidden() throws {
        let golden = try CubGolden("cub_mae_vitt8", "completion")
        let (model, pictures) = (try mae(), try golden.pictures(session))
        var generator = CounterGenerator(seed: 3, stream: 0)
        let mask = PatchMask(patchCount: 64, ratio: 0.75, using: &generator)
        let both = try session.download(try model.predict(pictures, masks: [mask, mask]))
        // Other pixels under the hidden patches: nothing may change.
        var pixels = try session.download(pictures)
        for (patch, isHidden) in mask.isHidden.enumerated() where isHidden {
            pixels[((patch / 8 * 8 + 3) * 64 + patch % 8 * 8 + 5) * 3] += 7
        }
        let altered = try session.makeTensor(pixels, shape: pictures.shape).slice(0, 0..<1)
        let alone = try session.download(try model.predict(altered, masks: [mask]))
        #expect(alone == Array(both.prefix(alone.count)))
    }

    @Test func patchesArePutBackWhereTheyWereTaken() throws {
        let model = try mae()
        let patches = try session.makeTensor((0..<64 * 192).map { Float($0) }, shape: [1, 64, 192])
        let pictures = try model.pictures(ofPatches: patches)
        #expect(pictures.shape == [1, 64, 64, 3])
        let pixels = try session.download(pictures)
        for (row, column, channel) in [(0, 0, 0), (7, 7, 2), (8, 0, 1), (63, 63, 2), (20, 41, 0)] {
            let patch = row / 8 * 8 + column / 8
            let within = (row % 8 * 8 + column % 8) * 3 + channel
            #expect(pixels[(row * 64 + column) * 3 + channel] == Float(patch * 192 + within))
        }
    }

    @Test func whatCannotBeCompletedIsRefused() throws {
        let model = try mae()
        let picture = try session.makeTensor([1, 56, 64, 3])
        let mask = PatchMask(noise: Array(repeating: 0, count: 64), ratio: 0.5)
        #expect(throws: ModelError.self) { try model.predict(picture, masks: [mask]) }
        let square = try session.makeTensor([2, 64, 64, 3])
        #expect(throws: ModelError.self) { try model.predict(square, masks: [mask]) }
        let other = PatchMask(noise: Array(repeating: 0, count: 64), ratio: 0.25)
        #expect(throws: ModelError.self) { try model.predict(square, masks: [mask, other]) }
        let small = PatchMask(noise: Array(repeating: 0, count: 9), ratio: 0.5)
        #expect(throws: ModelError.self) { try model.predict(square, masks: [small, small]) }
    }
}
