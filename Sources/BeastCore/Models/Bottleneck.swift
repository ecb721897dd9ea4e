// SPDX-License-Identifier: MIT

/// relu(conv3(relu(conv2(relu(conv1(x))))) + shortcut(x)), a batch norm after each convolution.
struct Bottleneck {
    private let conv1: Convolution
    private let conv2: Convolution
    private let conv3: Convolution
    /// Where channels or size change; the identity elsewhere.
    private let downsample: Convolution?

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

    /// What the backend holds for it.
    var weightByteCount: Int {
        [conv1, conv2, conv3].reduce(downsample?.weight.byteCount ?? 0) { $0 + $1.weight.byteCount }
    }

    func outputShape(of input: Shape) throws -> Shape {
        try conv3.outputShape(of: conv2.outputShape(of: conv1.outputShape(of: input)))
    }

    /// - Parameters:
    ///   - isNeededAfter: whether `x` is to keep its elements.
    ///   - output: where the result goes; a place of the block's own choice where there is none.
    /// - Returns: without an `output`, `x` itself, changed, where it keeps its shape and nobody needs it: that saves a third
    ///   of the memory that the last convolution reads and writes.
    func callAsFunction(_ x: Tensor, isNeededAfter: Bool, into output: Tensor? = nil) throws -> Tensor {
        let inner = try conv2(conv1(x, then: .relu), then: .relu)
        let shortcut = try downsample.map { try $0(x) } ?? x
        let isFree = downsample != nil || !isNeededAfter
        return try conv3(inner, adding: shortcut, into: output ?? (isFree ? shortcut : nil), then: .relu)
    }
}
