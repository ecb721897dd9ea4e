// SPDX-License-Identifier: MIT
public import CBeasts

/// The arguments of one op, on their way to a backend.
///
/// Each op has a Swift structure that mirrors its C structure in `beasts_backend.h`; the formula, the shapes and the
/// numeric rules are stated there, once. A structure knows how to check itself, how to become its C form and back, and
/// which method of ``Backend`` it belongs to.
public protocol OpArguments: Sendable {
    associatedtype Contract

    static var op: BackendOp { get }

    /// Reads the C form. Nothing in it is trusted.
    /// - Throws: `invalidArgument` for a rank, dtype or enumeration value outside the contract.
    init(contract: Contract) throws(BackendError)

    /// The C form, its size field filled in.
    var contract: Contract { get }

    /// Checks every shape against the others. Knows nothing of buffers and prepared weights.
    /// - Throws: `invalidArgument`, naming both sides of the mismatch.
    func validate() throws(BackendError)

    /// Views that are written, views that are read.
    var outputs: [TensorView] { get }
    var inputs: [TensorView] { get }

    /// The prepared weight that the op uses, if it uses one.
    var preparedWeight: BufferHandle? { get }

    /// Holds the weight, as it was prepared, against its use here.
    /// - Throws: `invalidArgument`, naming both.
    func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError)

    /// Calls the method of `backend` that does this op.
    func run(on backend: any Backend) throws(BackendError)

    /// Whether a backend may lawfully refuse these arguments, so that it is asked first.
    var mayNeedComposition: Bool { get }

    /// Does with required ops what the backend refused.
    /// - Throws: `unsupported` where that is not possible; what the ops throw.
    func compose(in session: Session) throws(BackendError)

    /// The multiplications and additions of its products and convolutions; 0 for an op without any.
    /// - Parameter weightShape: of the prepared weight, as the checkpoint spells it; nil where there is none.
    func operationCount(weightShape: Shape?) -> Double

    /// Calls the entry of a plugin's table; nil where it is null.
    static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer, _ arguments: UnsafePointer<Contract>,
        _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32?
}

extension OpArguments {
    public var preparedWeight: BufferHandle? { nil }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {}

    public func operationCount(weightShape: Shape?) -> Double { 0 }

    public var mayNeedComposition: Bool { false }

    public func compose(in session: Session) throws(BackendError) { throw .absent(Self.op) }

    /// Reads the C structure at `pointer`, which another build may have made shorter or longer.
    static func read(_ pointer: UnsafeRawPointer) throws(BackendError) -> Self {
        try Self(contract: readSized(pointer.assumingMemoryBound(to: Contract.self)))
    }
}

/// The function done to each element after a product or a norm, or alone.
public enum Activation: Int32, Sendable, CaseIterable {
    case none = 1
    case relu
    /// x/2 (1 + erf(x/√2)), never the tanh form.
    case gelu
    case silu
}

/// Which comes first after the bias.
public enum EpilogueOrder: Int32, Sendable, CaseIterable {
    /// Transformers: `residual + activation(x + bias)`.
    case activationThenResidual = 1
    /// ResNets: `activation(x + bias + residual)`.
    case residualThenActivation
}

public enum Reduction: Int32, Sendable, CaseIterable {
    case sum = 1
    case mean
    case maximum
}

public enum Extremum: Int32, Sendable, CaseIterable {
    case maximum = 1
    case minimum
}

public enum PaddingMode: Int32, Sendable, CaseIterable {
    case zero = 1
    /// The edge elements are repeated outwards.
    case replicate
}

/// What is done to a product before it is stored.
public struct Epilogue: Sendable {
    /// [output channels]
    public var bias: TensorView?
    /// The output's shape; may be the output itself, so that results are accumulated.
    public var residual: TensorView?
    /// Done to each element last.
    public var activation: Activation
    /// Whether the activation or the residual comes first.
    public var order: EpilogueOrder

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        bias: TensorView? = nil, residual: TensorView? = nil, activation: Activation = .none,
        order: EpilogueOrder = .activationThenResidual
    ) {
        self.bias = bias
        self.residual = residual
        self.activation = activation
        self.order = order
    }

    public var isEmpty: Bool { bias == nil && residual == nil && activation == .none }

    var inputs: [TensorView] { [bias, residual].compactMap { $0 } }
}
