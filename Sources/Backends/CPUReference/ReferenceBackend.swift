// SPDX-License-Identifier: MIT
internal import BeastCore
private import Glibc

/// The backend that says what is right: float storage, double accumulation, one obvious loop nest for each op.
///
/// Every other backend is compared with the same oracle as this one; when two disagree, this is the code to read. Rows
/// are split over threads; each output element is computed by one thread in one fixed order, so results do not depend
/// on the thread count.
final class ReferenceBackend: BackendPlugin {
    static let name = "reference"
    static let version = BeastCore.version
    static let summary = "Pure Swift on the CPU, written to be right rather than fast"
    static let mapsBuffers = true

    /// A weight rearranged for the inner loops, dense float32.
    struct Weight {
        let elements: UnsafeMutablePointer<Float>
        /// linear: [N, K]. conv2d: [output channels, kernel height, kernel width, input channels / groups].
        let shape: Shape
    }

    let threads: RowThreads
    private var weights: [BufferHandle: Weight] = [:]
    private var buffers: Set<BufferHandle> = []

    init(options: ContextOptions) throws(BackendError) {
        if let device = options.device, device != 0 {
            throw BackendError(.invalidArgument, "device \(device): this backend has the one device 0")
        }
        threads = RowThreads(
            count: options.threadCount > 0 ? options.threadCount : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    deinit { for buffer in buffers { free(address(buffer)) } }

    static func probe(device: Int) throws(BackendError) -> ProbeResult {
        guard device <= 0 else {
            return ProbeResult(score: 0, deviceName: "", reason: "device \(device): there is only device 0")
        }
        return ProbeResult(
            score: 50, deviceName: "CPU", reason: "runs on every processor; the slowest of the CPU backends")
    }

    // MARK: Buffers: a handle is an address, and the exporting side gives back only handles that were given out.

    func address(_ buffer: BufferHandle) -> UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: UInt(buffer.rawValue))
    }

    private func allocate(byteCount: Int) throws(BackendError) -> BufferHandle {
        var pointer: UnsafeMutableRawPointer?
        // A system may promise any amount of memory and fail when it is used.
        guard byteCount / max(1, sysconf(Int32(_SC_PAGESIZE))) <= sysconf(Int32(_SC_PHYS_PAGES)),
            posix_memalign(&pointer, 64, max(byteCount, 64)) == 0, let pointer
        else {
            throw BackendError(.outOfMemory, "no memory for \(byteCount) bytes")
        }
        let handle = BufferHandle(rawValue: UInt64(UInt(bitPattern: pointer)))
        buffers.insert(handle)
        return handle
    }

    func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle { try allocate(byteCount: byteCount) }

    func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) {
        buffers.remove(buffer)
        free(address(buffer))
    }

    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        guard let source = bytes.baseAddress else { return }
        address(buffer)?.advanced(by: byteOffset).copyMemory(from: source, byteCount: bytes.count)
    }

    func download(_ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int)
        throws(BackendError)
    {
        guard let source = address(buffer) else { return }
        bytes.baseAddress?.copyMemory(from: source.advanced(by: byteOffset), byteCount: bytes.count)
    }

    func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer? { address(buffer) }

    /// Nothing is ever queued: an op is done when its call returns.
    func synchronize() throws(BackendError) {}

    // MARK: Weights

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        guard description.target == .float32 else {
            throw BackendError(.unsupported, "weights of type \(description.target): this backend keeps float32 only")
        }
        if description.kind == .conv3d || description.kind == .convTranspose3d {
            throw BackendError(.unsupported, "\(description.kind) weights: this backend leaves that op to be composed")
        }
        let byteCount = description.shape.elementCount.multipliedReportingOverflow(by: 4)
        guard !byteCount.overflow else { throw BackendError(.outOfMemory, "a weight of shape \(description.shape)") }
        let handle = try allocate(byteCount: byteCount.partialValue)
        guard let elements = address(handle)?.assumingMemoryBound(to: Float.self) else {
            return PreparedWeight(handle: handle, byteCount: 0)
        }
        var position = 0
        for part in description.parts {
            // Channels last, as pictures have them.
            let part = description.kind == .conv2d ? part.permuted([0, 2, 3, 1]) : part
            position += part.copyElements(to: elements + position)
        }
        var shape = description.shape
        if description.kind == .conv2d { shape = [shape[0], shape[2], shape[3], shape[1]] }
        weights[handle] = Weight(elements: elements, shape: shape)
        return PreparedWeight(handle: handle, byteCount: byteCount.partialValue)
    }

    func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        weights[weight] = nil
        try destroyBuffer(weight)
    }

    func weight(_ handle: BufferHandle) throws(BackendError) -> Weight {
        guard let weight = weights[handle] else { throw BackendError(.invalidArgument, "no such weight") }
        return weight
    }

    // MARK: What is supported

    /// All ops of the contract in float32; fill, copy and gather_rows in every type.
    func supports(_ arguments: any OpArguments) -> Bool {
        let op = type(of: arguments).op
        if op == .fill || op == .copy || op == .gatherRows { return true }
        let floats = arguments.outputs + arguments.inputs
        return floats.allSatisfy { $0.dtype == .float32 || (op == .argReduce && $0.dtype == .int32) }
    }

    /// Ops call this first: what `supports` denies is refused.
    func requireFloat32(_ arguments: some OpArguments) throws(BackendError) {
        guard supports(arguments) else {
            throw BackendError(.unsupported, "this backend computes with float32 only")
        }
    }
}
