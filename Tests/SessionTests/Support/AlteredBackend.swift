// SPDX-License-Identifier: MIT
import BeastCore

/// A backend that passes everything on to another, counts what it is asked for, and can deny, refuse and fail.
final class AlteredBackend: Backend {
    private let base: any Backend

    /// Products with an epilogue are denied, so that it has to be composed.
    var deniesEpilogues = false
    /// `makeBuffer` fails beyond this many bytes.
    var memoryLimit = Int.max
    /// The op that fails the next time it is called.
    var failingOp: BackendOp?
    /// A conv3d of its own, written in the test; weights of that kind stay in `kernels`.
    var conv3dKernel: ((Conv3dArguments, AlteredBackend) throws(BackendError) -> Void)?

    private(set) var buffersMade = 0
    private(set) var liveBuffers: [BufferHandle: Int] = [:]
    private(set) var liveWeights: Set<BufferHandle> = []
    private(set) var kernels: [BufferHandle: Grid] = [:]
    private(set) var calls: [BackendOp: Int] = [:]

    init(_ base: any Backend) { self.base = base }

    var liveByteCount: Int { liveBuffers.values.reduce(0, +) }

    // MARK: Buffers and weights

    func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle {
        guard liveByteCount + byteCount <= memoryLimit else {
            throw BackendError(.outOfMemory, "no memory for \(byteCount) bytes")
        }
        let handle = try base.makeBuffer(byteCount: byteCount)
        buffersMade += 1
        liveBuffers[handle] = byteCount
        return handle
    }

    func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) {
        liveBuffers[buffer] = nil
        try base.destroyBuffer(buffer)
    }

    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        try base.upload(bytes, to: buffer, byteOffset: byteOffset)
    }

    func download(_ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int)
        throws(BackendError)
    {
        try base.download(bytes, from: buffer, byteOffset: byteOffset)
    }

    func synchronize() throws(BackendError) { try base.synchronize() }

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        if description.kind == .conv3d {
            let handle = BufferHandle(rawValue: UInt64(1 + kernels.count))
            kernels[handle] = Grid(Array(description.shape), description.parts.flatMap { $0.elements() })
            return PreparedWeight(handle: handle, byteCount: 0)
        }
        let prepared = try base.prepareWeight(description)
        liveWeights.insert(prepared.handle)
        return prepared
    }

    func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        if kernels.removeValue(forKey: weight) != nil { return }
        liveWeights.remove(weight)
        try base.releaseWeight(weight)
    }

    // MARK: What is supported

    func hasNative(_ op: BackendOp) -> Bool { op == .conv3d ? conv3dKernel != nil : base.hasNative(op) }

    func supports(_ arguments: any OpArguments) -> Bool {
        if deniesEpilogues, !isBare(arguments) { return false }
        if arguments is Conv3dArguments, conv3dKernel != nil { return true }
        return base.supports(arguments)
    }

    private func isBare(_ arguments: any OpArguments) -> Bool {
        switch arguments {
        case let linear as LinearArguments: linear.epilogue.isEmpty
        case let convolution as Conv2dArguments: convolution.epilogue.isEmpty
        case let convolution as Conv3dArguments: convolution.epilogue.isEmpty
        default: true
        }
    }

    // MARK: Ops

    private func pass(_ arguments: some OpArguments) throws(BackendError) {
        let op = type(of: arguments).op
        calls[op, default: 0] += 1
        if failingOp == op {
            failingOp = nil
            throw BackendError(.internal, "\(op.name): failed on purpose")
        }
        guard supports(arguments) else { throw BackendError(.unsupported, "\(op.name): denied on purpose") }
        try arguments.run(on: base)
    }

    func fill(_ arguments: FillArguments) throws(BackendError) { try pass(arguments) }
    func copy(_ arguments: CopyArguments) throws(BackendError) { try pass(arguments) }
    func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) { try pass(arguments) }
    func add(_ arguments: AddArguments) throws(BackendError) { try pass(arguments) }
    func multiply(_ arguments: MultiplyArguments) throws(BackendError) { try pass(arguments) }
    func scale(_ arguments: ScaleArguments) throws(BackendError) { try pass(arguments) }
    func activation(_ arguments: ActivationArguments) throws(BackendError) { try pass(arguments) }
    func matmul(_ arguments: MatmulArguments) throws(BackendError) { try pass(arguments) }
    func linear(_ arguments: LinearArguments) throws(BackendError) { try pass(arguments) }
    func conv2d(_ arguments: Conv2dArguments) throws(BackendError) { try pass(arguments) }
    func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) { try pass(arguments) }
    func softmax(_ arguments: SoftmaxArguments) throws(BackendError) { try pass(arguments) }
    func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) { try pass(arguments) }
    func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) { try pass(arguments) }
    func reduce(_ arguments: ReduceArguments) throws(BackendError) { try pass(arguments) }
    func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) { try pass(arguments) }

    func conv3d(_ arguments: Conv3dArguments) throws(BackendError) {
        calls[.conv3d, default: 0] += 1
        guard let conv3dKernel, supports(arguments) else {
            throw BackendError(.unsupported, "conv3d: denied on purpose")
        }
        try conv3dKernel(arguments, self)
    }
}
