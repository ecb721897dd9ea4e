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
        let wanted = Set(layers.map(configuration.position))
        let blocks = Array(stages.joined().prefix(last))
        var position = wanted.min() ?? last
        var x = try begin(pictures, Array(blocks.prefix(position)))
        // By position, since `layer2` is another name of the last block of that stage.
        var found: [Int: Tensor] = [:]
        for block in blocks.dropFirst(position) {
            if wanted.contains(position) { found[position] = x }
            x = try block(x, isNeededAfter: wanted.contains(position))
            position += 1
        }
        found[last] = x
        return layers.compactMap { found[configuration.position($0)] }
    }

    /// The stem and these bottlenecks, the first of them for some pictures at a time.
    private func begin(_ pictures: Tensor, _ blocks: [Bottleneck]) throws -> Tensor {
        let (batch, plan) = (pictures.shape[0], try batchPlan(pictures.shape, blocks))
        func stem(_ pictures: Tensor) throws -> Tensor {
            let pictures = try pictures.cast(to: session.precision.activations)
            return try conv1(pictures, then: .relu).maxPooled(kernel: 3, stride: 2, padding: 1)
        }
        guard plan.blockCount > 0, plan.pictureCount < batch else {
            return try blocks.reduce(stem(pictures)) { try $1($0, isNeededAfter: false) }
        }
        var shape = plan.shape
        shape[0] = batch
        let output = try session.makeTensor(shape, dtype: session.precision.activations)
        for first in stride(from: 0, to: batch, by: plan.pictureCount) {
            let range = first..<min(first + plan.pictureCount, batch)
            var x = try stem(pictures.slice(0, range))
            for block in blocks.prefix(plan.blockCount - 1) { x = try block(x, isNeededAfter: false) }
            _ = try blocks[plan.blockCount - 1](x, isNeededAfter: false, into: output.slice(0, range))
        }
        return try blocks.dropFirst(plan.blockCount).reduce(output) { try $1($0, isNeededAfter: false) }
    }

    /// How many of the bottlenecks are best run for so many pictures at a time, and the shape after them for one.
    ///
    /// While an activation of one picture takes more memory than the weights of a bottleneck, it is the activation that is
    /// to stay in the processors' cache from one op to the next; later, weights are to meet a whole batch.
    private func batchPlan(_ pictures: Shape, _ blocks: [Bottleneck]) throws -> (
        blockCount: Int, pictureCount: Int, shape: Shape
    ) {
        let size = session.precision.activations.byteCount
        var shape = pictures
        shape[0] = 1
        shape = try conv1.outputShape(of: shape)
        // The stem's activation stands for those of the first bottlenecks: in ResNeXt-50 none is larger.
        let pictureCount = max(1, session.cacheByteCount / max(1, shape.elementCount * size))
        shape = try shape.pooled(kernel: 3, stride: 2, padding: 1)
        var blockCount = 0
        for block in blocks where session.cacheByteCount > 0 {
            let next = try block.outputShape(of: shape)
            if next.elementCount * size <= block.weightByteCount { break }
            (shape, blockCount) = (next, blockCount + 1)
        }
        return (blockCount, pictureCount, shape)
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
