// SPDX-License-Identifier: MIT

/// What a model keeps in memory between its products. Products accumulate in float32 whatever this is; the residual
/// stream, the embedding of patches, the statistics of norms and softmax, biases and what a model gives out are float32
/// always.
public enum Precision: Sendable, CaseIterable {
    case float32
    /// Matrices, convolution kernels and the activations that enter products as bfloat16.
    case bfloat16
    /// The same as float16.
    case float16
    /// The matrices of linear layers as int8 with a scale for each output, everything else as with ``bfloat16``.
    case int8

    /// The element type of what enters a product, and of convolution kernels.
    public var activations: DType {
        switch self {
        case .float32: .float32
        case .bfloat16, .int8: .bfloat16
        case .float16: .float16
        }
    }

    /// The element type of the matrices of linear layers.
    public var matrices: DType { self == .int8 ? .int8 : activations }
}
