// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels
private import Glibc

/// A backend in the memory and on the threads of the processor.
///
/// What conforms gets every op of the contract in float32 from the kernels of ``CPUResources``, and what works row by row
/// in 16-bit types too; a backend writes down only what it does otherwise, as a rule the products.
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
        return ProbeResult(
            score: score, deviceName: "CPU", reason: "\(reason); own kernels for \(instructions)",
            cacheByteCount: UInt64(max(0, sysconf(Int32(_SC_LEVEL2_CACHE_SIZE)))))
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
        resources.memory.noteDownload()
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

    public func supports(_ arguments: any OpArguments) -> Bool { computes(arguments) }

    /// Whether the own kernels do this. Fill, copy and gather_rows take every type, ops that work row by row the 16-bit
    /// types too; products of bfloat16 are there where `bfloat16` says so.
    /// - Parameter bfloat16: what this backend has.
    public func computes(_ arguments: any OpArguments, bfloat16: BFloat16Support = .none) -> Bool {
        let op = type(of: arguments).op
        let views = arguments.outputs + arguments.inputs
        let isFloat32 = views.allSatisfy { $0.dtype == .float32 }
        switch op {
        case .fill, .copy, .gatherRows: return true
        case .add, .multiply, .scale, .activation, .maxPool2d, .softmax, .layerNorm, .residualLayerNorm, .groupNorm,
            .reduce:
            return views.allSatisfy { $0.dtype.isFloatingPoint }
        case .argReduce: return arguments.inputs.allSatisfy { $0.dtype.isFloatingPoint }
        case .patchEmbedding: return isFloat32 && (arguments as? PatchEmbeddingArguments)?.areOfSinglePictures == true
        case .linear, .conv2d:
            return isFloat32 || (bfloat16 != .none && (arguments as? any ProductArguments)?.isOfBFloat16 == true)
        case .attention: return isFloat32 || (bfloat16 != .none && views.allSatisfy { $0.dtype == .bfloat16 })
        default: return isFloat32
        }
    }

    /// Ops call this first: what `supports` denies is refused.
    public func requireSupport(_ arguments: some OpArguments) throws(BackendError) {
        guard supports(arguments) else {
            let types = (arguments.outputs + arguments.inputs).map { "\($0.dtype)" }.joined(separator: ", ")
            throw BackendError(.unsupported, "this backend does not compute this from and to \(types)")
        }
    }
}

extension ProductArguments {
    /// From bfloat16, to it or, the residual too, to float32, with a bias in float32.
    fileprivate var isOfBFloat16: Bool {
        input.dtype == .bfloat16 && (output.dtype == .bfloat16 || output.dtype == .float32)
            && (epilogue.bias?.dtype ?? .float32) == .float32
            && (epilogue.residual?.dtype ?? output.dtype) == output.dtype
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
    /// The first element, of a view whose handle is an address.
    public var address: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: UInt(buffer.rawValue)).unsafelyUnwrapped + offset * dtype.byteCount
    }

    /// The first element, of a float32 view whose handle is an address.
    public var floats: UnsafeMutablePointer<Float> {
        UnsafeMutablePointer(bitPattern: UInt(buffer.rawValue)).unsafelyUnwrapped + offset
    }
}
