// SPDX-License-Identifier: MIT

/// A map enlarged twofold by repeating its elements, and a 3 x 3 convolution with a bias behind it, as one.
///
/// Of the nine elements under the kernel many are the same one repeated, so their weights can be added beforehand: each
/// of the four elements of a square of the output is a 2 x 2 convolution of the small map, with a kernel of its own. That
/// is 4/9 of the multiplications, and nothing of the enlarged map is stored.
struct EnlargingConvolution {
    /// Where an element of the output stands in its square, along one axis.
    private enum Half: Int, CaseIterable {
        case first, second

        /// Zeros around the small map.
        var padding: (before: Int, after: Int) { self == .first ? (1, 0) : (0, 1) }

        /// Which of the two rows of the small kernel a row of the 3 x 3 kernel meets the map with.
        func row(of kernelRow: Int) -> Int { self == .first ? min(kernelRow, 1) : kernelRow / 2 }
    }

    /// [row of the square][column of the square]: [outputs, inputs, 2, 2]
    private let weights: [[Weight]]
    private let bias: Tensor

    /// - Parameter parameters: those of the convolution, `NAME.weight` [outputs, inputs, 3, 3] and `NAME.bias`.
    init(_ parameters: Parameters, _ name: String, _ inputs: Int, _ outputs: Int) throws {
        let inner = parameters[name]
        let kernels = try inner.elements("weight", [outputs, inputs, 3, 3])
        weights = try Half.allCases.map { vertical in
            try Half.allCases.map { horizontal in
                var sums = [Float](repeating: 0, count: outputs * inputs * 4)
                for kernel in 0..<outputs * inputs {
                    for (tap, weight) in kernels[9 * kernel..<9 * kernel + 9].enumerated() {
                        sums[4 * kernel + 2 * vertical.row(of: tap / 3) + horizontal.row(of: tap % 3)] += weight
                    }
                }
                return try parameters.session.prepareWeight(
                    .conv2d, sums, shape: [outputs, inputs, 2, 2], target: parameters.session.precision.activations)
            }
        }
        bias = try inner.weight("bias", [outputs], as: .vector).tensor
    }

    /// - Parameter x: [batch, height, width, inputs]
    /// - Returns: [batch, 2 height, 2 width, outputs], float32.
    func callAsFunction(_ x: Tensor) throws(BackendError) -> Tensor {
        let (batch, height, width, outputs) = (x.shape[0], x.shape[1], x.shape[2], weights[0][0].shape[0])
        let input = try x.cast(to: x.session.precision.activations)
        let output = try x.session.makeTensor([batch, 2 * height, 2 * width, outputs])
        // [row of the square, column of the square, batch, height, width, outputs]
        let parts = try x.session.makeTensor([2, 2, batch, height, width, outputs])
        for vertical in Half.allCases {
            for horizontal in Half.allCases {
                try x.session.run(
                    Conv2dArguments(
                        output: parts.select(0, vertical.rawValue).select(0, horizontal.rawValue).view,
                        input: input.view, weight: weights[vertical.rawValue][horizontal.rawValue].handle,
                        paddingTop: vertical.padding.before, paddingBottom: vertical.padding.after,
                        paddingLeft: horizontal.padding.before, paddingRight: horizontal.padding.after,
                        epilogue: Epilogue(bias: bias.view)))
            }
        }
        try x.session.run(
            CopyArguments(
                output: output.reshaped([batch, height, 2, width, 2, outputs]).view,
                input: parts.permuted(2, 3, 0, 4, 1, 5).view))
        return output
    }
}
