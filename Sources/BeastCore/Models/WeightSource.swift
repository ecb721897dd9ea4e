// SPDX-License-Identifier: MIT

/// A tensor in host memory, borrowed for the length of a call.
public struct HostTensor {
    /// The bytes; element `[i, j, ...]` starts at byte `(i * strides[0] + j * strides[1] + ...) * dtype.byteCount`.
    public let bytes: UnsafeRawBufferPointer
    /// float32, float16 or bfloat16.
    public let dtype: DType
    public let shape: [Int]
    /// In elements, never negative; 0 repeats one element along an axis.
    public let strides: [Int]

    public init(bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int], strides: [Int]) {
        self.bytes = bytes
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
    }
}

/// Where a model gets its weights from. A source reads only the tensors that are asked for.
public protocol WeightSource: AnyObject {
    /// What messages name: usually the path of the checkpoint.
    var origin: String { get }

    /// Every tensor name, sorted.
    var tensorNames: [String] { get }

    /// The shape of a tensor, nil where there is none of that name. Reads no tensor data.
    func shape(of name: String) -> [Int]?

    /// What lies under a name instead of a tensor, in words ("a list"); nil where there is nothing.
    func otherKind(of name: String) -> String?

    /// Lends the tensor; the memory is valid only during `body`.
    /// - Throws: an error that names tensor and file when there is none of that name or it cannot be read.
    func withTensor<Result>(_ name: String, _ body: (HostTensor) throws -> Result) throws -> Result
}

extension WeightSource {
    public func otherKind(of name: String) -> String? { nil }
}
