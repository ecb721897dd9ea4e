// SPDX-License-Identifier: MIT

/// The residual network of the DINO ResNeXt-50 (Xie et al. 2017), without its classifier.
///
/// Pictures come in channels-last and normalised, [batch, height, width, 3]. Batch norms use their running statistics and
/// are folded into the convolutions in front of them when the model is built.
public final class ResNeXt {
    /// The sizes that tell one network from another.
    public struct Configuration: Sendable, Equatable {
        /// Bottlenecks in each of the stages.
        public var blockCounts: [Int]
        /// Base width of each stage; what a bottleneck gives out is `expansion` times as wide.
        public var planes: [Int]
        public var groups: Int
        /// Width of a group in the first stage, in channels.
        public var groupWidth: Int
        public var expansion: Int
        /// Channels after the first convolution.
        public var stemWidth: Int
        /// Of the batch norms.
        public var epsilon: Float
        /// Side of the square pictures that it was trained for, in pixels; it takes any size.
        public var imageSize: Int

        /// ResNeXt-50 32x4d, unless said otherwise.
        public init(
            blockCounts: [Int] = [3, 4, 6, 3], planes: [Int] = [64, 128, 256, 512], groups: Int = 32,
            groupWidth: Int = 4, expansion: Int = 4, stemWidth: Int = 64, epsilon: Float = 1e-5, imageSize: Int = 224
        ) {
            self.blockCounts = blockCounts
            self.planes = planes
            self.groups = groups
            self.groupWidth = groupWidth
            self.expansion = expansion
            self.stemWidth = stemWidth
            self.epsilon = epsilon
            self.imageSize = imageSize
        }

        /// Channels of the 3 x 3 convolution of a stage.
        func innerWidth(_ stage: Int) -> Int { planes[stage] * groupWidth / 64 * groups }

        /// Channels that a stage gives out.
        public func width(ofStage stage: Int) -> Int { planes[stage] * expansion }

        /// Channels of the last stage, which is the width of the embedding.
        public var outputWidth: Int { (planes.last ?? 0) * expansion }

        /// Input channels and stride of a bottleneck.
        func entry(ofBlock index: Int, inStage stage: Int) -> (inputWidth: Int, stride: Int) {
            if index > 0 { return (width(ofStage: stage), 1) }
            return stage > 0 ? (width(ofStage: stage - 1), 2) : (stemWidth, 1)
        }
    }

    public let configuration: Configuration
    public let session: Session

    private let conv1: Convolution
    private let stages: [[Bottleneck]]

    /// Builds the network from a checkpoint whose keys are torchvision's, prefixes removed. A key `fc.*` is not read.
    /// - Throws: ``ModelError`` for a missing or wrongly shaped tensor; what the source and the backend throw.
    public init(_ configuration: Configuration, weights: any WeightSource, session: Session) throws {
        try configuration.validate()
        let parameters = Parameters(weights, session: session)
        self.configuration = configuration
        self.session = session
        conv1 = try Convolution(
            parameters, "conv1", "bn1", shape: [configuration.stemWidth, 3, 7, 7], stride: 2, padding: 3,
            epsilon: configuration.epsilon)
        stages = try configuration.planes.indices.map { stage in
            try (0..<configuration.blockCounts[stage]).map { index in
                let (inputWidth, stride) = configuration.entry(ofBlock: index, inStage: stage)
                return try Bottleneck(
                    parameters["layer\(stage + 1).\(index)"], configuration, stage: stage, inputWidth: inputWidth,
                    stride: stride)
            }
        }
    }

    /// The feature maps of some layers, computed in one pass that stops at the deepest.
    /// - Returns: [batch, rows, columns, channels] each, in the order asked for, in the session's type of activations.
    /// - Throws: ``ModelError`` for a layer the network does not have.
    public func maps(_ layers: [Layer], _ pictures: Tensor) throws -> [Tensor] {
        for layer in layers where !configuration.has(layer) {
            throw ModelError(.unknownLayer, "there is no layer '\(layer.name)' in this residual network")
        }
        guard let last = layers.map(configuration.position).max() else { return [] }
        guard pictures.shape.rank == 4, pictures.shape[3] == 3 else {
            throw ModelError(.badInput, "pictures of shape \(pictures.shape), expected [batch, height, width, 3]")
        }
        let pictures = try pictures.cast(to: session.precision.activations)
        var x = try conv1(pictures, then: .relu).maxPooled(kernel: 3, stride: 2, padding: 1)
        // By position, since `layer2` is another name of the last block of that stage.
        var found: [Int: Tensor] = [:]
        let wanted = Set(layers.map(configuration.position))
        for (position, block) in stages.joined().prefix(last).enumerated() {
            if wanted.contains(position) { found[position] = x }
            x = try block(x, isNeededAfter: wanted.contains(position))
        }
        found[last] = x
        return layers.compactMap { found[configuration.position($0)] }
    }

    /// The embedding of each picture: the mean over all positions of the last stage.
    /// - Returns: [batch, channels of the last stage].
    public func callAsFunction(_ pictures: Tensor) throws -> Tensor {
        guard let last = try maps([.stage(stages.count - 1)], pictures).first else {
            throw ModelError(.badConfiguration, "a residual network without a stage has no embedding")
        }
        return try last.meanOverPositions()
    }
}

extension Tensor {
    /// The mean over the positions of a feature map [batch, rows, columns, channels].
    /// - Returns: [batch, channels], float32.
    public func meanOverPositions() throws -> Tensor {
        let (batch, channels) = (shape[0], shape[3])
        let mean = try session.makeTensor([batch, channels])
        try session.run(
            ReduceArguments(
                output: mean.view, input: reshaped([batch, shape[1] * shape[2], channels]).view, reduction: .mean))
        return mean
    }
}

extension ResNeXt.Configuration {
    fileprivate func validate() throws {
        let sizes = blockCounts + planes + [groups, groupWidth, expansion, stemWidth, imageSize]
        guard !planes.isEmpty, planes.count == blockCounts.count, sizes.allSatisfy({ $0 > 0 && $0 <= 1 << 16 }),
            planes.indices.allSatisfy({ innerWidth($0) > 0 }), epsilon >= 0
        else { throw ModelError(.badConfiguration, "no residual network has the sizes \(self)") }
    }
}

/// relu(conv3(relu(conv2(relu(conv1(x))))) + shortcut(x)), a batch norm after each convolution.
private struct Bottleneck {
    let conv1: Convolution
    let conv2: Convolution
    let conv3: Convolution
    /// Where channels or size change; the identity elsewhere.
    let downsample: Convolution?

    init(
        _ parameters: Parameters, _ configuration: ResNeXt.Configuration, stage: Int, inputWidth: Int, stride: Int
    ) throws {
        let (inner, output) = (configuration.innerWidth(stage), configuration.width(ofStage: stage))
        let epsilon = configuration.epsilon
        conv1 = try Convolution(parameters, "conv1", "bn1", shape: [inner, inputWidth, 1, 1], epsilon: epsilon)
        // The stride is in the 3 x 3 convolution, as in torchvision.
        conv2 = try Convolution(
            parameters, "conv2", "bn2", shape: [inner, inner / configuration.groups, 3, 3], stride: stride, padding: 1,
            groups: configuration.groups, epsilon: epsilon)
        conv3 = try Convolution(parameters, "conv3", "bn3", shape: [output, inner, 1, 1], epsilon: epsilon)
        downsample =
            stride != 1 || inputWidth != output
            ? try Convolution(
                parameters, "downsample.0", "downsample.1", shape: [output, inputWidth, 1, 1], stride: stride,
                epsilon: epsilon)
            : nil
    }

    /// - Returns: `x` itself, changed, where it keeps its shape and nobody needs it: that saves a third of the memory that
    ///   the last convolution reads and writes.
    func callAsFunction(_ x: Tensor, isNeededAfter: Bool) throws -> Tensor {
        let inner = try conv2(conv1(x, then: .relu), then: .relu)
        let shortcut = try downsample.map { try $0(x) } ?? x
        let isFree = downsample != nil || !isNeededAfter
        return try conv3(inner, adding: shortcut, into: isFree ? shortcut : nil, then: .relu)
    }
}
