// SPDX-License-Identifier: MIT

/// A context of a backend: an in-order queue of work on buffers it owns.
///
/// This is the Swift side of the contract of `beasts_backend.h`; formulas, shapes, aliasing and numeric rules are stated
/// there. The conformance suite (`beasts conformance --backend FILE`) checks each of these sentences:
///
/// 1. One thread at a time uses a context. Ops run in the order of the calls; they may return before they are done.
/// 2. ``download(_:from:byteOffset:)`` and ``synchronize()`` wait for all queued work and report its first failure.
/// 3. Arguments arrive checked: shapes fit each other, views lie within their buffers, weights were prepared here for
///    this use. An implementation need not repeat that.
/// 4. An implementation that cannot do legal arguments throws ``BackendError/Code/unsupported``, and answers false from
///    ``supports(_:)``. It never computes in a lower precision than asked for.
public protocol Backend: AnyObject {
    /// Makes a buffer, its content undefined; 0 bytes are legal.
    /// - Throws: `outOfMemory`.
    func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle
    /// Frees a buffer once the work queued before has used it.
    func destroyBuffer(_ buffer: BufferHandle) throws(BackendError)
    /// Copies host memory into a buffer, in queue order; `bytes` may be reused at once.
    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError)
    /// Waits for the queue, then copies from a buffer.
    /// - Throws: the first failure of queued work.
    func download(_ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int)
        throws(BackendError)
    /// The host address of a host-visible buffer, nil where buffers are not. Synchronize before use.
    func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer?
    /// Waits for the queue.
    /// - Throws: the first failure of queued work.
    func synchronize() throws(BackendError)

    /// Takes a weight over: converts, packs and keeps it.
    /// - Throws: `unsupported` for a target element type or kind that is not kept here, `outOfMemory`.
    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight
    /// Frees a weight once the work queued before has used it.
    func releaseWeight(_ weight: BufferHandle) throws(BackendError)

    /// Whether it has an op at all, for some arguments.
    func hasNative(_ op: BackendOp) -> Bool

    /// Whether these arguments would be accepted. Buffers in it may be any handles.
    func supports(_ arguments: any OpArguments) -> Bool

    // Required ops. Each is described at its arguments and, formula by formula, in `beasts_backend.h`.

    /// Every element becomes one value.
    func fill(_ arguments: FillArguments) throws(BackendError)
    /// output = input, in any two layouts and element types.
    func copy(_ arguments: CopyArguments) throws(BackendError)
    /// Rows of a table by number. Throws `invalidArgument` for a number outside of it.
    func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError)
    /// output = left + right
    func add(_ arguments: AddArguments) throws(BackendError)
    /// output = left * right
    func multiply(_ arguments: MultiplyArguments) throws(BackendError)
    /// output = alpha * input + beta
    func scale(_ arguments: ScaleArguments) throws(BackendError)
    /// ReLU, GELU or SiLU.
    func activation(_ arguments: ActivationArguments) throws(BackendError)
    /// output = alpha * left × right
    func matmul(_ arguments: MatmulArguments) throws(BackendError)
    /// output = epilogue(alpha * input × weightᵀ)
    func linear(_ arguments: LinearArguments) throws(BackendError)
    /// Two-dimensional convolution.
    func conv2d(_ arguments: Conv2dArguments) throws(BackendError)
    /// The largest of each window.
    func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError)
    /// Softmax over the last axis, masked.
    func softmax(_ arguments: SoftmaxArguments) throws(BackendError)
    /// Normalisation over the last axis.
    func layerNorm(_ arguments: LayerNormArguments) throws(BackendError)
    /// Normalisation over positions and groups of channels.
    func groupNorm(_ arguments: GroupNormArguments) throws(BackendError)
    /// Sum, mean or maximum over the middle axis.
    func reduce(_ arguments: ReduceArguments) throws(BackendError)
    /// Where a row is largest or smallest.
    func argReduce(_ arguments: ArgReduceArguments) throws(BackendError)

    // Optional ops: composed from the required ones where they are not overridden.

    /// softmax(scale * query × keyᵀ) × value
    func attention(_ arguments: AttentionArguments) throws(BackendError)
    /// softmax(scale * query × keyᵀ)
    func attentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError)
    /// residual += input; output = layer norm of it
    func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError)
    /// Three-dimensional convolution.
    func conv3d(_ arguments: Conv3dArguments) throws(BackendError)
    /// Three-dimensional transposed convolution.
    func convTranspose3d(_ arguments: ConvTranspose3dArguments) throws(BackendError)
    /// Cuts into patches and projects each.
    func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError)
    /// The nearest row of a codebook.
    func nearestCode(_ arguments: NearestCodeArguments) throws(BackendError)
    /// The k largest of each row.
    func topK(_ arguments: TopKArguments) throws(BackendError)
}

extension Backend {
    public func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer? { nil }

    public func hasNative(_ op: BackendOp) -> Bool { op.isRequired }

    public func supports(_ arguments: any OpArguments) -> Bool { hasNative(type(of: arguments).op) }

    public func attention(_ arguments: AttentionArguments) throws(BackendError) { throw .absent(.attention) }
    public func attentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError) {
        throw .absent(.attentionProbabilities)
    }
    public func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) {
        throw .absent(.residualLayerNorm)
    }
    public func conv3d(_ arguments: Conv3dArguments) throws(BackendError) { throw .absent(.conv3d) }
    public func convTranspose3d(_ arguments: ConvTranspose3dArguments) throws(BackendError) {
        throw .absent(.convTranspose3d)
    }
    public func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) {
        throw .absent(.patchEmbedding)
    }
    public func nearestCode(_ arguments: NearestCodeArguments) throws(BackendError) { throw .absent(.nearestCode) }
    public func topK(_ arguments: TopKArguments) throws(BackendError) { throw .absent(.topK) }
}

extension BackendError {
    static func absent(_ op: BackendOp) -> BackendError {
        BackendError(.unsupported, "\(op.name): not in this backend")
    }
}

/// A backend as the author of a library writes it: one class, which ``BackendExport`` turns into the contract's table.
///
/// The library then needs one exported function, and nothing more:
///
///     @c(beasts_backend_query) public func query(
///         _ host: UnsafePointer<beasts_host_info>?,
///         _ table: UnsafeMutablePointer<UnsafePointer<beasts_backend_table>?>?,
///         _ status: UnsafeMutablePointer<beasts_status>?
///     ) -> Int32 { BackendExport.query(MyBackend.self, host, table, status) }
public protocol BackendPlugin: Backend {
    /// The short name used on the command line: lower-case letters, digits, hyphens.
    static var name: String { get }
    /// Of the backend, not of the contract.
    static var version: String { get }
    /// One sentence for people.
    static var summary: String { get }
    /// Bytes, a power of two.
    static var preferredAlignment: Int { get }
    /// The optional ops it has; the others are null in the table.
    static var optionalOps: Set<BackendOp> { get }
    /// Whether `map` gives host addresses.
    static var mapsBuffers: Bool { get }

    /// Says whether a device can run; cheap, without side effects. -1 is the best device, -2 the best that is no software
    /// device.
    static func probe(device: Int) throws(BackendError) -> ProbeResult

    /// Opens a context.
    /// - Throws: `invalidArgument` for a device that is not there, `outOfMemory`.
    init(options: ContextOptions) throws(BackendError)
}

extension BackendPlugin {
    public func hasNative(_ op: BackendOp) -> Bool { op.isRequired || Self.optionalOps.contains(op) }

    public static var preferredAlignment: Int { 64 }
    public static var optionalOps: Set<BackendOp> { [] }
    public static var mapsBuffers: Bool { false }
}

/// What a probe found.
public struct ProbeResult: Sendable {
    /// 0 cannot run here; 1-49 software device; 50-99 CPU; 100-199 integrated GPU; 200 and up GPU.
    public var score: Int
    /// What the device calls itself.
    public var deviceName: String
    /// Why the score is what it is: one sentence.
    public var reason: String
    /// How many devices the backend sees; they are numbered from 0.
    public var deviceCount: Int
    /// The element types of activations that the device computes with natively.
    public var nativeDTypes: [DType]
    /// 0 when the device uses the host's memory.
    public var memoryByteCount: UInt64
    /// Of the cache in which each computing thread finds what the op before wrote; 0 where whole batches are as good or
    /// better.
    public var cacheByteCount: UInt64

    public init(
        score: Int, deviceName: String, reason: String, deviceCount: Int = 1, nativeDTypes: [DType] = [.float32],
        memoryByteCount: UInt64 = 0, cacheByteCount: UInt64 = 0
    ) {
        self.score = score
        self.deviceName = deviceName
        self.reason = reason
        self.deviceCount = deviceCount
        self.nativeDTypes = nativeDTypes
        self.memoryByteCount = memoryByteCount
        self.cacheByteCount = cacheByteCount
    }
}

/// How a context is to work.
public struct ContextOptions: Sendable {
    /// nil for the backend's own choice.
    public var device: Int?
    /// 0 for the backend's own choice. The same count gives the same results.
    public var threadCount: Int

    public init(device: Int? = nil, threadCount: Int = 0) {
        self.device = device
        self.threadCount = threadCount
    }
}

/// What a prepared weight is for, and its logical shape.
public enum WeightKind: Int32, Sendable, CaseIterable {
    case linear = 1
    case conv2d
    case conv3d
    case convTranspose3d
    case embedding
    case vector
}

/// A weight on its way to a backend: parts in host memory, joined along their first axis.
public struct WeightDescription {
    /// What it is for.
    public var kind: WeightKind
    /// How the backend is to keep it.
    public var target: DType
    /// For conv2d; 1 otherwise.
    public var groups: Int
    /// Alive during the call only; shapes equal but for the first axis.
    public var parts: [HostTensor]

    public init(kind: WeightKind, target: DType = .float32, groups: Int = 1, parts: [HostTensor]) {
        self.kind = kind
        self.target = target
        self.groups = groups
        self.parts = parts
    }

    /// The shape of the whole: the parts' first extents added up; a sum beyond `Int` becomes `Int.max`.
    public var shape: Shape {
        guard var shape = parts.first.map({ Shape($0.shape) }) else { return [0] }
        if shape.rank > 0 { shape[0] = parts.reduce(0) { sum, part in saturatingSum(sum, part.shape.first ?? 0) } }
        return shape
    }
}

private func saturatingSum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? Int.max : sum
}

/// A weight that a backend has taken over.
public struct PreparedWeight: Sendable {
    /// Names it in the arguments of ops; of a vector or an embedding also a buffer.
    public var handle: BufferHandle
    /// What it occupies on the device.
    public var byteCount: Int

    public init(handle: BufferHandle, byteCount: Int) {
        self.handle = handle
        self.byteCount = byteCount
    }
}
