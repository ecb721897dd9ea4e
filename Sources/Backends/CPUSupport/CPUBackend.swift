// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

/// A backend in the memory and on the threads of the processor.
///
/// What conforms gets every op of the contract in float32 from the kernels of ``CPUResources``; a backend writes down only
/// what it does otherwise, as a rule the products.
public protocol CPUBackend: BackendPlugin {
    var resources: CPUResources { get }
}

extension CPUBackend {
    public static var version: String { BeastCore.version }
    public static var mapsBuffers: Bool { true }
    public static var optionalOps: Set<BackendOp> { [.attention, .residualLayerNorm, .patchEmbedding] }

    /// Memory, threads and kernels for a context.
    /// - Throws: `invalidArgument` for a device or a thread count out of range; `unsupported` where the processor lacks
    ///   AVX2.
    public static func makeResources(_ options: ContextOptions) throws(BackendError) -> CPUResources {
        if let device = options.device, device != 0 {
            throw BackendError(.invalidArgument, "device \(device): this backend has the one device 0")
        }
        return try CPUResources(threadCount: options.threadCount)
    }

    /// The answer of a probe for a backend that could run here but for what the processor lacks.
    public static func probeProcessor(device: Int, score: Int, reason: String) -> ProbeResult {
        guard device <= 0 else {
            return ProbeResult(score: 0, deviceName: "", reason: "device \(device): there is only device 0")
        }
        guard let kernels = cpu_kernels_best() else {
            return ProbeResult(score: 0, deviceName: "CPU", reason: CPUResources.missingInstructions)
        }
        let instructions = String(cString: kernels.pointee.name).uppercased()
        return ProbeResult(score: score, deviceName: "CPU", reason: "\(reason); own kernels for \(instructions)")
    }

    // MARK: Buffers

    public func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle {
        try resources.memory.allocate(byteCount: byteCount)
    }

    public func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) { resources.memory.release(buffer) }

    public func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        guard let source = bytes.baseAddress else { return }
        resources.memory.address(buffer)?.advanced(by: byteOffset).copyMemory(from: source, byteCount: bytes.count)
    }

    public func download(_ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int)
        throws(BackendError)
    {
        guard let source = resources.memory.address(buffer) else { return }
        bytes.baseAddress?.copyMemory(from: source.advanced(by: byteOffset), byteCount: bytes.count)
    }

    public func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer? {
        resources.memory.address(buffer)
    }

    /// Nothing is ever queued: an op is done when its call returns.
    public func synchronize() throws(BackendError) {}

    // MARK: Weights

    public func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        try resources.weights.prepare(description, packing: resources.kernels, on: resources.threads)
    }

    public func releaseWeight(_ weight: BufferHandle) throws(BackendError) { resources.weights.release(weight) }

    // MARK: What is supported

    public func supports(_ arguments: any OpArguments) -> Bool { computesInFloat32(arguments) }

    /// All ops of the contract in float32; fill, copy and gather_rows in every type.
    public func computesInFloat32(_ arguments: any OpArguments) -> Bool {
        if let patches = arguments as? PatchEmbeddingArguments, !patches.areOfSinglePictures { return false }
        let op = type(of: arguments).op
        if op == .fill || op == .copy || op == .gatherRows { return true }
        let floats = arguments.outputs + arguments.inputs
        return floats.allSatisfy { $0.dtype == .float32 || (op == .argReduce && $0.dtype == .int32) }
    }

    /// Ops call this first: what `supports` denies is refused.
    public func requireSupport(_ arguments: some OpArguments) throws(BackendError) {
        guard supports(arguments) else {
            throw BackendError(.unsupported, "this backend computes with float32 only, and not these arguments")
        }
    }
}

extension PatchEmbeddingArguments {
    /// Patches of one frame each, whose pictures are equally far apart: windows of pictures.
    var areOfSinglePictures: Bool {
        input.rank == 4
            || (patch.time == 1 && (input.shape[0] <= 1 || input.strides[0] == input.strides[1] * input.shape[1]))
    }
}

extension TensorView {
    /// The first element, of a float32 view whose handle is an address.
    public var floats: UnsafeMutablePointer<Float> {
        UnsafeMutablePointer(bitPattern: UInt(buffer.rawValue)).unsafelyUnwrapped + offset
    }
}
