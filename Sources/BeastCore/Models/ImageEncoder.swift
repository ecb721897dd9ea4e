// SPDX-License-Identifier: MIT

/// A network that turns pictures into embeddings, whose inner layers can be asked for by name.
///
/// Pictures come in channels-last and normalised, [batch, height, width, 3].
public protocol ImageEncoder: AnyObject {
    /// What the network computes with.
    var session: Session { get }

    /// The sizes of the network.
    var description: ImageEncoderDescription { get }

    /// The embedding of each picture.
    /// - Returns: [batch, D].
    func callAsFunction(_ pictures: Tensor) throws -> Tensor

    /// What named layers give out, computed in one pass that stops at the deepest.
    /// - Parameter layers: names of ``ImageEncoderDescription/layers``; the same name twice is computed once.
    /// - Returns: one for each name, in the order asked for.
    /// - Throws: ``ModelError`` for a name the network does not have.
    func features(_ layers: [String], of pictures: Tensor) throws -> [ImageFeatures]
}

/// What a layer of an ``ImageEncoder`` gives out.
public enum ImageFeatures {
    /// [batch, 1 + patches, D]: the CLS token, then the patches row by row.
    case tokens(Tensor)
    /// [batch, rows, columns, channels].
    case map(Tensor)
}

/// The architecture and sizes of an ``ImageEncoder``: what can be known of it without weights.
public enum ImageEncoderDescription: Sendable, Equatable {
    case visionTransformer(VisionTransformer.Configuration)
    case resNeXt(ResNeXt.Configuration)

    /// A layer that can be asked for.
    public struct Layer: Sendable, Equatable {
        /// What the command line calls it: `norm`, `blocks.3`, `layer2.0`, ...
        public let name: String
        /// For one picture of the trained size: [1 + patches, D] of tokens, [rows, columns, channels] of a feature map.
        public let shape: [Int]
    }

    /// Builds the network and loads its weights.
    /// - Throws: ``ModelError`` for a missing or wrongly shaped tensor or impossible sizes; what the source and the
    ///   backend throw.
    public func makeEncoder(weights: any WeightSource, session: Session) throws -> any ImageEncoder {
        switch self {
        case .visionTransformer(let configuration):
            try VisionTransformer(configuration, weights: weights, session: session)
        case .resNeXt(let configuration): try ResNeXt(configuration, weights: weights, session: session)
        }
    }

    /// Side of the square pictures it was trained for, in pixels.
    public var imageSize: Int {
        switch self {
        case .visionTransformer(let configuration): configuration.imageSize
        case .resNeXt(let configuration): configuration.imageSize
        }
    }

    /// Side of the smallest picture it takes, in pixels.
    public var smallestImageSize: Int {
        switch self {
        case .visionTransformer(let configuration): configuration.patchSize
        case .resNeXt: 1
        }
    }

    /// Width D of the embedding.
    public var width: Int {
        switch self {
        case .visionTransformer(let configuration): configuration.width
        case .resNeXt(let configuration): configuration.outputWidth
        }
    }

    /// Whether layers are rows of tokens with a CLS token in front, and not feature maps.
    public var hasClassToken: Bool {
        switch self {
        case .visionTransformer: true
        case .resNeXt: false
        }
    }

    /// Every layer, in network order; the last is the one that the embedding is taken from.
    public var layers: [Layer] {
        switch self {
        case .visionTransformer(let configuration):
            VisionTransformer.layers(of: configuration).map { layer in
                Layer(
                    name: layer.name,
                    shape: [configuration.gridSize * configuration.gridSize + 1, configuration.width])
            }
        case .resNeXt(let configuration): ResNeXt.layers(of: configuration)
        }
    }

    /// Every tensor that is read from a checkpoint, by its key, prefixes removed.
    public var tensors: [(name: String, shape: [Int])] {
        switch self {
        case .visionTransformer(let configuration): VisionTransformer.tensors(of: configuration)
        case .resNeXt(let configuration): ResNeXt.tensors(of: configuration)
        }
    }

    /// Learned numbers in all tensors; the running statistics of batch norms are not counted.
    public var parameterCount: Int {
        tensors.filter { !$0.name.hasSuffix(".running_mean") && !$0.name.hasSuffix(".running_var") }
            .reduce(0) { $0 + $1.shape.reduce(1, *) }
    }
}
