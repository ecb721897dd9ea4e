// SPDX-License-Identifier: MIT

/// A two-dimensional convolution without bias and the batch norm behind it, folded into one.
///
/// norm(conv(x)) = (conv(x) - mean) * s + bias with s = weight / sqrt(variance + epsilon), so the kernel of each output
/// channel is scaled by its s, and bias - mean * s becomes the convolution's bias.
struct Convolution {
    /// Prepared [output channels, input channels / groups, kernel height, kernel width].
    let weight: Weight
    /// [output channels]
    let bias: Tensor
    let stride: Int
    let padding: Int
    let groups: Int

    init(
        _ parameters: Parameters, _ kernel: String, _ norm: String, shape: [Int], stride: Int = 1, padding: Int = 0,
        groups: Int = 1, epsilon: Float
    ) throws {
        let (channels, kernelCount) = (shape[0], shape[1] * shape[2] * shape[3])
        let normParameters = parameters[norm]
        let scales = try normParameters.elements("weight", [channels])
        let biases = try normParameters.elements("bias", [channels])
        let means = try normParameters.elements("running_mean", [channels])
        let variances = try normParameters.elements("running_var", [channels])
        var elements = try parameters[kernel].elements("weight", shape)
        var foldedBiases = biases
        for channel in 0..<channels {
            let scale = Double(scales[channel]) / (Double(variances[channel]) + Double(epsilon)).squareRoot()
            for index in channel * kernelCount..<(channel + 1) * kernelCount {
                elements[index] = Float(Double(elements[index]) * scale)
            }
            foldedBiases[channel] = Float(Double(biases[channel]) - Double(means[channel]) * scale)
        }
        weight = try parameters.session.prepareWeight(
            .conv2d, elements, shape: shape, groups: groups, target: parameters.session.precision.activations)
        bias = try parameters.session.prepareWeight(.vector, foldedBiases, shape: [channels]).tensor
        self.stride = stride
        self.padding = padding
        self.groups = groups
    }

    /// The shape of what it makes of a feature map.
    /// - Throws: ``ModelError`` for one that is smaller than the kernel.
    func outputShape(of input: Shape) throws -> Shape {
        func extent(_ axis: Int, _ kernel: Int) throws -> Int {
            guard
                let count = Checks.windowCount(
                    extent: input[axis], kernel: kernel, stride: stride, before: padding, after: padding)
            else {
                throw ModelError(.badInput, "a feature map of shape \(input) is smaller than a kernel of \(kernel)")
            }
            return count
        }
        return [input[0], try extent(1, weight.shape[2]), try extent(2, weight.shape[3]), weight.shape[0]]
    }

    /// - Parameter x: [batch, height, width, input channels], in the session's type of activations.
    /// - Parameter output: where it goes, which may be the residual; a new tensor where there is none.
    /// - Returns: activation(convolution + bias + residual), [batch, height', width', output channels], of the same type.
    func callAsFunction(
        _ x: Tensor, adding residual: Tensor? = nil, into output: Tensor? = nil, then activation: Activation = .none
    ) throws -> Tensor {
        let output = try output ?? x.session.makeTensor(outputShape(of: x.shape), dtype: x.dtype)
        let epilogue = Epilogue(
            bias: bias.view, residual: residual?.view, activation: activation, order: .residualThenActivation)
        try x.session.run(
            Conv2dArguments(
                output: output.view, input: x.view, weight: weight.handle, strideY: stride, strideX: stride,
                paddingTop: padding, paddingBottom: padding, paddingLeft: padding, paddingRight: padding,
                groups: groups,
                epilogue: epilogue))
        return output
    }
}

extension Tensor {
    /// The largest of each square window of a feature map [batch, height, width, channels], padded with minus infinity.
    func maxPooled(kernel: Int, stride: Int, padding: Int) throws -> Tensor {
        let pooled = try shape.pooled(kernel: kernel, stride: stride, padding: padding)
        let output = try session.makeTensor(pooled, dtype: dtype)
        try session.run(
            MaxPool2dArguments(
                output: output.view, input: view, kernelY: kernel, kernelX: kernel, strideY: stride, strideX: stride,
                paddingTop: padding, paddingBottom: padding, paddingLeft: padding, paddingRight: padding))
        return output
    }
}

extension Shape {
    /// That of a feature map [batch, height, width, channels] after pooling.
    /// - Throws: ``ModelError`` for one that is smaller than the window.
    func pooled(kernel: Int, stride: Int, padding: Int) throws -> Shape {
        guard
            let height = Checks.windowCount(
                extent: self[1], kernel: kernel, stride: stride, before: padding, after: padding),
            let width = Checks.windowCount(
                extent: self[2], kernel: kernel, stride: stride, before: padding, after: padding)
        else { throw ModelError(.badInput, "a feature map of shape \(self) is smaller than a window of \(kernel)") }
        return [self[0], height, width, self[3]]
    }
}

extension Session {
    /// Hands dense float32 elements to the backend as a weight.
    func prepareWeight(
        _ kind: WeightKind, _ elements: [Float], shape: [Int], groups: Int = 1, target: DType = .float32
    ) throws(BackendError) -> Weight {
        let result = elements.withUnsafeBytes { bytes in
            Result { () throws(BackendError) in
                let part = HostTensor(
                    bytes: bytes, dtype: .float32, shape: shape, strides: Array(Shape(shape).denseStrides))
                return try prepareWeight(kind, [part], groups: groups, target: target)
            }
        }
        return try result.get()
    }
}
