// SPDX-License-Identifier: MIT
public import BeastCore
public import BeastMedia

/// A masked autoencoder that completes pictures of which it sees only some patches.
public final class CompletionModel {
    public let card: ModelCard
    public let network: MaskedAutoencoder
    /// What the checkpoint holds beside the network.
    public let unusedTensors: UnusedTensors
    public var session: Session { network.session }

    init(card: ModelCard, network: MaskedAutoencoder, unusedTensors: UnusedTensors) {
        self.card = card
        self.network = network
        self.unusedTensors = unusedTensors
    }

    /// How pictures are prepared: to the size the model was trained for, which is the only one it completes.
    public var preprocessing: Preprocessing { card.preprocessing }

    /// A random mask.
    /// - Parameters:
    ///   - ratio: the part that is hidden, 0 to 1.
    ///   - seed: of the whole run.
    ///   - sample: which picture of the run; its mask depends on nothing else.
    public func mask(ratio: Double, seed: UInt64, sample: Int) -> PatchMask {
        var generator = CounterGenerator(seed: seed, stream: UInt64(sample))
        return PatchMask(patchCount: network.configuration.patchCount, ratio: ratio, using: &generator)
    }

    /// Completes one batch.
    /// - Parameters:
    ///   - pictures: prepared and normalised, [height, width, 3] each.
    ///   - masks: one for each; all show equally many patches.
    public func complete(_ pictures: [[Float]], masks: [PatchMask]) throws -> [PictureCompletion] {
        guard !pictures.isEmpty else { return [] }
        let configuration = network.configuration.encoder
        let size = configuration.imageSize
        let input = try session.makeTensor([pictures.count, size, size, 3])
        for (index, picture) in pictures.enumerated() {
            try session.upload(picture, to: input.slice(0, index..<index + 1))
        }
        let predicted = try session.download(
            try network.pictures(ofPatches: try network.predict(input, masks: masks)))
        let length = size * size * 3
        return try pictures.indices.map { index in
            try PictureCompletion(
                original: pictures[index], prediction: Array(predicted[index * length..<(index + 1) * length]),
                mask: masks[index], configuration: configuration, preprocessing: preprocessing)
        }
    }
}

/// A picture, what the model saw of it, and what it made of it.
public struct PictureCompletion: Sendable {
    /// The picture as it was prepared.
    public let original: Picture
    /// What was seen; the hidden patches are grey.
    public let visible: Picture
    /// What the model says of every patch; for those it saw it was never trained to say anything.
    public let prediction: Picture
    /// The patches that were seen, and the prediction for the others.
    public let completed: Picture
    /// Over the hidden patches, in the normalised units of the input; 0 when none is hidden.
    public let meanSquaredError: Double

    private static let grey: UInt8 = 128

    init(
        original: [Float], prediction: [Float], mask: PatchMask, configuration: VisionTransformer.Configuration,
        preprocessing: Preprocessing
    ) throws {
        let (size, patch) = (configuration.imageSize, configuration.patchSize)
        let isHidden = mask.isHidden
        let pixels = original.indices.map { preprocessing.byte(original[$0], channel: $0 % 3) }
        let predicted = prediction.indices.map { preprocessing.byte(prediction[$0], channel: $0 % 3) }
        var (visible, completed) = (pixels, pixels)
        var (error, count) = (0.0, 0)
        for row in 0..<size {
            for column in 0..<size where isHidden[row / patch * configuration.gridSize + column / patch] {
                for index in (row * size + column) * 3..<(row * size + column + 1) * 3 {
                    visible[index] = PictureCompletion.grey
                    completed[index] = predicted[index]
                    let difference = Double(prediction[index]) - Double(original[index])
                    error += difference * difference
                    count += 1
                }
            }
        }
        self.original = try Picture(width: size, height: size, pixels: pixels)
        self.visible = try Picture(width: size, height: size, pixels: visible)
        self.prediction = try Picture(width: size, height: size, pixels: predicted)
        self.completed = try Picture(width: size, height: size, pixels: completed)
        meanSquaredError = count > 0 ? error / Double(count) : 0
    }
}

extension Preprocessing {
    /// The pixel value of a normalised number.
    fileprivate func byte(_ value: Float, channel: Int) -> UInt8 {
        let pixel = (value * standardDeviation[channel] + mean[channel]) * 255 + 0.5
        // What is not a number is shown as black.
        return pixel >= 255 ? 255 : pixel > 0 ? UInt8(pixel) : 0
    }
}
