// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// A range of a piece of memory that a kernel sees.
struct Binding {
    let allocation: Allocation
    /// Bytes from the start of the piece.
    let range: Range<Int>
    let isWritten: Bool
}

/// The queue of a context: records kernels, puts barriers where one needs what another wrote, submits in batches.
final class CommandStream {
    private let device: VulkanDevice
    private let handle: OpaquePointer
    private var submitted: UInt64 = 0
    private var recorded = 0
    /// What was touched since the last barrier, as ranges of Vulkan buffers.
    private var reads: [(buffer: UInt64, range: Range<Int>)] = []
    private var writes: [(buffer: UInt64, range: Range<Int>)] = []
    /// Pieces to give back once the work that uses them is done, in the order of their last use.
    private var garbage: [(piece: Allocation, pool: MemoryPool)] = []

    /// A device should have work while more is recorded; a submission costs as much as a few kernels.
    private static let batch = 64

    init(_ device: VulkanDevice) throws(BackendError) {
        self.device = device
        var stream: OpaquePointer?
        let result = vulkan_stream_create(device.handle, &stream)
        guard result == 0, let stream else { throw vulkanFailure("opening a queue", result) }
        handle = stream
    }

    deinit { vulkan_stream_destroy(handle) }

    private func check(_ result: Int32, _ what: @autoclosure () -> String) throws(BackendError) {
        if result != 0 { throw vulkanFailure(what(), result) }
    }

    // MARK: Recording

    /// - Parameter groups: work groups along each axis, none beyond the device's limits.
    func dispatch(
        _ key: PipelineKey, _ bindings: [Binding], texels: [TexelBinding] = [], _ parameters: Parameters,
        groups: (Int, Int, Int)
    ) throws(BackendError) {
        let pipeline = try device.pipeline(key)
        try touch(
            bindings
                + texels.map { Binding(allocation: $0.view.allocation, range: $0.view.range, isWritten: false) })
        let ranges = bindings.map {
            vulkan_range(
                buffer: $0.allocation.buffer, offset: UInt64($0.allocation.offset + $0.range.lowerBound),
                byte_count: UInt64($0.range.count))
        }
        let fetched = texels.map { texel in
            vulkan_texels(
                range: vulkan_range(
                    buffer: texel.view.allocation.buffer,
                    offset: UInt64(texel.view.allocation.offset + texel.view.range.lowerBound),
                    byte_count: UInt64(texel.view.range.count)),
                kind: Int32(texel.view.kind(byFour: texel.byFour).rawValue))
        }
        let counts = [groups.0, groups.1, groups.2].map { UInt32(clamping: $0) }
        let result = parameters.words.withUnsafeBytes {
            vulkan_stream_dispatch(
                handle, pipeline, ranges, UInt32(ranges.count), fetched, UInt32(fetched.count), $0.baseAddress,
                UInt32($0.count), counts)
        }
        try check(result, "kernel \(key.kernel.rawValue)")
        try countRecorded()
    }

    func copy(_ source: Binding, to target: Binding) throws(BackendError) {
        try touch([source, target])
        func range(_ binding: Binding) -> vulkan_range {
            vulkan_range(
                buffer: binding.allocation.buffer,
                offset: UInt64(binding.allocation.offset + binding.range.lowerBound),
                byte_count: UInt64(binding.range.count))
        }
        try check(vulkan_stream_copy(handle, range(source), range(target)), "a transfer")
        try countRecorded()
    }

    private func countRecorded() throws(BackendError) {
        recorded += 1
        if recorded >= Self.batch { try submit() }
    }

    /// Waits, on the device, for what these bindings depend on.
    private func touch(_ bindings: [Binding]) throws(BackendError) {
        func meets(_ binding: Binding, _ others: [(buffer: UInt64, range: Range<Int>)]) -> Bool {
            let start = binding.allocation.offset
            let range = start + binding.range.lowerBound..<start + binding.range.upperBound
            return others.contains { $0.buffer == binding.allocation.buffer && $0.range.overlaps(range) }
        }
        if bindings.contains(where: { meets($0, writes) || ($0.isWritten && meets($0, reads)) }) {
            try check(vulkan_stream_barrier(handle), "a barrier")
            reads.removeAll(keepingCapacity: true)
            writes.removeAll(keepingCapacity: true)
        }
        for binding in bindings {
            let start = binding.allocation.offset
            let range = start + binding.range.lowerBound..<start + binding.range.upperBound
            if binding.isWritten {
                writes.append((binding.allocation.buffer, range))
            } else {
                reads.append((binding.allocation.buffer, range))
            }
            binding.allocation.lastUse = submitted + 1
        }
    }

    // MARK: Waiting

    /// Hands over what was recorded.
    func submit() throws(BackendError) {
        recorded = 0
        try check(vulkan_stream_submit(handle, &submitted), "submitting work")
        collect()
    }

    /// Waits for everything.
    func drain() throws(BackendError) {
        try submit()
        try check(vulkan_stream_wait(handle, submitted), "waiting for the device")
        collect()
    }

    /// Waits for the work that uses a piece.
    func wait(for piece: Allocation) throws(BackendError) {
        if piece.lastUse > submitted { try submit() }
        try check(vulkan_stream_wait(handle, min(piece.lastUse, submitted)), "waiting for the device")
        collect()
    }

    /// Waits for the work that uses the piece which waits longest to be given back.
    /// - Returns: false where none waits.
    func waitForOldest() throws(BackendError) -> Bool {
        guard let oldest = garbage.first else { return false }
        try wait(for: oldest.piece)
        return true
    }

    func isIdle(_ piece: Allocation) -> Bool { piece.lastUse <= vulkan_stream_completed(handle) }

    // MARK: Giving back

    /// Gives a piece back as soon as nothing uses it.
    func release(_ piece: Allocation, to pool: MemoryPool) {
        if piece.lastUse == 0 { pool.release(piece) } else { garbage.append((piece, pool)) }
    }

    private func collect() {
        guard !garbage.isEmpty else { return }
        let completed = vulkan_stream_completed(handle)
        garbage.removeAll { item in
            if item.piece.lastUse > completed { return false }
            item.pool.release(item.piece)
            return true
        }
    }
}

/// The push constants of a kernel, in the order of its parameters.
struct Parameters {
    private(set) var words: [UInt32] = []

    init() { words.reserveCapacity(32) }

    init(_ numbers: Int...) {
        self.init()
        append(numbers)
    }

    /// A number that was checked against the range a kernel sees; what no element uses may be larger.
    mutating func append(_ numbers: Int...) { append(numbers) }

    mutating func append(_ numbers: [Int]) { for number in numbers { words.append(UInt32(clamping: number)) } }

    mutating func append(_ number: Float) { words.append(number.bitPattern) }
}
