// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// Compute shaders on any device of Vulkan 1.2: GPUs, and processors that play one.
final class VulkanBackend: BackendPlugin {
    static let name = "vulkan"
    static let version = BeastCore.version
    static let summary = "GLSL compute shaders on Vulkan 1.2: GPUs of all makers, and Mesa's software device"
    static let preferredAlignment = MemoryPool.alignment
    static let mapsBuffers = true
    static let optionalOps: Set<BackendOp> = [
        .attention, .attentionProbabilities, .residualLayerNorm, .conv3d, .patchEmbedding, .nearestCode, .topK,
    ]

    let device: VulkanDevice
    let stream: CommandStream
    let memory: MemoryPool
    private let uploads: MemoryPool
    private let downloads: MemoryPool
    private var buffers: [BufferHandle: Allocation] = [:]
    private var lastHandle: UInt64 = 0
    var weights: [BufferHandle: VulkanWeight] = [:]
    /// Where gather_rows leaves a number that is outside of its table; made when first needed.
    private var faultBuffer: Allocation?

    /// Transfers go through pieces of this size, so that what waits stays small.
    private static let transferByteCount = 16 << 20

    init(options: ContextOptions) throws(BackendError) {
        let instance = try VulkanInstance.shared()
        device = try instance.device(options.device)
        stream = try CommandStream(device)
        let block = device.description.isSoftware ? 64 << 20 : 512 << 20
        memory = MemoryPool(device, VULKAN_MEMORY_DEVICE, blockByteCount: block)
        uploads = MemoryPool(device, VULKAN_MEMORY_UPLOAD, blockByteCount: 4 * Self.transferByteCount)
        downloads = MemoryPool(device, VULKAN_MEMORY_DOWNLOAD, blockByteCount: 2 * Self.transferByteCount)
        try instance.checkMessages()
    }

    deinit {
        // Blocks go when nothing uses them; a device that is lost uses nothing.
        try? stream.drain()
        device.saveCache()
    }

    static func probe(device: Int) throws(BackendError) -> ProbeResult {
        if device == -2, !GraphicsDevices.mayBeThere {
            return ProbeResult(
                score: 0, deviceName: "", reason: "the kernel shows no GPU: none of \(GraphicsDevices.description)")
        }
        let instance: VulkanInstance
        do throws(BackendError) { instance = try VulkanInstance.shared() } catch {
            return ProbeResult(score: 0, deviceName: "", reason: error.message, deviceCount: 0)
        }
        let index: Int
        do throws(BackendError) { index = try instance.index(device < 0 ? nil : device) } catch {
            return ProbeResult(
                score: 0, deviceName: "", reason: error.message, deviceCount: instance.descriptions.count)
        }
        let description = instance.descriptions[index]
        if device == -2, description.isSoftware {
            return ProbeResult(
                score: 0, deviceName: description.name, reason: "\(description.name) is software",
                deviceCount: instance.descriptions.count)
        }
        return ProbeResult(
            score: description.score, deviceName: description.name, reason: description.sentence,
            deviceCount: instance.descriptions.count, nativeDTypes: description.nativeDTypes,
            memoryByteCount: description.raw.is_unified != 0 ? 0 : description.raw.memory_byte_count)
    }

    // MARK: Buffers

    /// Memory that is given out under a handle.
    func allocate(byteCount: Int) throws(BackendError) -> Allocation {
        do throws(BackendError) { return try memory.allocate(byteCount: byteCount) } catch {
            guard error.code == .outOfMemory else { throw error }
            // What waits to be given back may be enough.
            try stream.drain()
            return try memory.allocate(byteCount: byteCount)
        }
    }

    func register(_ allocation: Allocation) -> BufferHandle {
        lastHandle += 1
        let handle = BufferHandle(rawValue: lastHandle)
        buffers[handle] = allocation
        return handle
    }

    func allocation(_ handle: BufferHandle) throws(BackendError) -> Allocation {
        guard let allocation = buffers[handle] else {
            throw BackendError(.invalidArgument, "no such buffer: \(handle.rawValue)")
        }
        return allocation
    }

    func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle {
        register(try allocate(byteCount: byteCount))
    }

    func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) {
        guard let allocation = buffers.removeValue(forKey: buffer) else { return }
        stream.release(allocation, to: memory)
    }

    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        try upload(bytes, to: try allocation(buffer), byteOffset: byteOffset)
    }

    func upload(_ bytes: UnsafeRawBufferPointer, to target: Allocation, byteOffset: Int) throws(BackendError) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        if device.isUnified, let address = target.address, stream.isIdle(target) {
            return (address + byteOffset).copyMemory(from: source, byteCount: bytes.count)
        }
        var position = 0
        while position < bytes.count {
            let count = min(Self.transferByteCount, bytes.count - position)
            while uploads.usedByteCount > 8 * Self.transferByteCount, try stream.waitForOldest() {}
            let staging = try uploads.allocate(byteCount: count)
            staging.address?.copyMemory(from: source + position, byteCount: count)
            try stream.copy(
                Binding(allocation: staging, range: 0..<count, isWritten: false),
                to: Binding(
                    allocation: target, range: byteOffset + position..<byteOffset + position + count, isWritten: true))
            stream.release(staging, to: uploads)
            // The device copies while the host fills the next piece.
            if count == Self.transferByteCount { try stream.submit() }
            position += count
        }
    }

    func download(_ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int)
        throws(BackendError)
    {
        try synchronize()
        try download(bytes, from: try allocation(buffer), byteOffset: byteOffset)
    }

    /// Everything queued is done.
    private func download(_ bytes: UnsafeMutableRawBufferPointer, from source: Allocation, byteOffset: Int)
        throws(BackendError)
    {
        guard let target = bytes.baseAddress, !bytes.isEmpty else { return }
        if device.isUnified, let address = source.address {
            return target.copyMemory(from: address + byteOffset, byteCount: bytes.count)
        }
        var position = 0
        while position < bytes.count {
            let count = min(Self.transferByteCount, bytes.count - position)
            let staging = try downloads.allocate(byteCount: count)
            try stream.copy(
                Binding(
                    allocation: source, range: byteOffset + position..<byteOffset + position + count, isWritten: false),
                to: Binding(allocation: staging, range: 0..<count, isWritten: true))
            try stream.drain()
            if let address = staging.address { (target + position).copyMemory(from: address, byteCount: count) }
            downloads.release(staging)
            position += count
        }
    }

    func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer? {
        device.isUnified ? try allocation(buffer).address : nil
    }

    func synchronize() throws(BackendError) {
        try stream.drain()
        try device.instance.checkMessages()
        try checkFault()
    }

    // MARK: Faults of queued work

    /// The place for a fault, empty.
    func fault() throws(BackendError) -> Allocation {
        if let faultBuffer { return faultBuffer }
        let made = try allocate(byteCount: 16)
        try clear(made)
        faultBuffer = made
        return made
    }

    private func clear(_ fault: Allocation) throws(BackendError) {
        let result = withUnsafeBytes(of: (0, 0) as (UInt64, UInt64)) { bytes in
            Result { () throws(BackendError) in try upload(bytes, to: fault, byteOffset: 0) }
        }
        try result.get()
    }

    private func checkFault() throws(BackendError) {
        guard let faultBuffer, faultBuffer.lastUse > 0 else { return }
        var found: (isSet: UInt32, number: Int32, position: UInt32, rows: UInt32) = (0, 0, 0, 0)
        let result = withUnsafeMutableBytes(of: &found) { bytes in
            Result { () throws(BackendError) in try download(bytes, from: faultBuffer, byteOffset: 0) }
        }
        try result.get()
        guard found.isSet != 0 else { return }
        try clear(faultBuffer)
        throw BackendError(
            .invalidArgument,
            "gather_rows: index \(found.number) at position \(found.position), the table has \(found.rows) rows")
    }

    // MARK: What is supported

    func supports(_ arguments: any OpArguments) -> Bool {
        switch arguments {
        case let patches as PatchEmbeddingArguments: isValid(patches) && patches.areOfSinglePictures
        case let largest as TopKArguments: isValid(largest) && endsInTime(largest)
        default: hasNative(type(of: arguments).op)
        }
    }

    /// Who asks what is supported need not have checked what he asks for.
    private func isValid(_ arguments: some OpArguments) -> Bool {
        do throws(BackendError) { try arguments.validate() } catch { return false }
        return (arguments.inputs + arguments.outputs).allSatisfy { $0.elementLimit != nil }
    }
}

extension PatchEmbeddingArguments {
    /// Patches of one frame each: windows of pictures.
    var areOfSinglePictures: Bool {
        input.rank == 4 || patch.time == 1
    }
}
