// SPDX-License-Identifier: MIT
public import BeastCore
public import CPUKernels
private import Glibc

/// Buffers in the process's own memory, 64-byte aligned. A handle is the address, which the exporting side gives back only
/// as it was given out. Owns the buffers: what was not destroyed goes with it.
public final class HostMemory {
    private var buffers: Set<BufferHandle> = []
    /// Of packed weights, for libraries that pack too; goes with this.
    public let pool: UnsafeMutablePointer<cpu_pool>
    private var pieces: Set<BufferHandle> = []
    private var passes = 0
    /// Of this pass: products in which few rows met a weight, and in which many did.
    private var products = (ofFewRows: 0, ofManyRows: 0)

    /// So many rows hide how long it takes to find a weight's pages.
    private static let manyRows = 1024

    private static let hugePage = 2 << 20

    /// More than the machine has is refused here, since a system may promise any amount and fail when it is used.
    static let machineByteCount: Int = {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && size > 0 ? pages * size : Int.max / 2
    }()

    public init(threads: CPUThreads) {
        pool = .allocate(capacity: 1)
        pool.initialize(to: cpu_pool(blocks: nil, threads: Int32(threads.count)))
    }

    deinit {
        for buffer in buffers { free(address(buffer)) }
        cpu_pool_clear(pool)
        pool.deallocate()
    }

    /// To be told of each product with a weight: its rows, or those that meet the weight in one walk where the kernel
    /// takes fewer at a time.
    public func noteProduct(rows: Int) {
        if rows < Self.manyRows { products.ofFewRows += 1 } else { products.ofManyRows += 1 }
    }

    /// To be told of each download, with which a pass of a model ends as a rule. Weights that mostly few rows met twice will
    /// be walked over more often: they move to huge pages, which takes as long as ten passes gain by it, and more where the
    /// host of a virtual machine has to find the memory. Large batches gain nothing.
    func noteDownload() {
        defer { products = (0, 0) }
        guard products.ofFewRows > products.ofManyRows else { return }
        passes += 1
        if passes == 2 || passes.isMultiple(of: 64) { cpu_pool_settle(pool) }
    }

    /// - Throws: `outOfMemory`.
    public func allocate(byteCount: Int) throws(BackendError) -> BufferHandle {
        var pointer: UnsafeMutableRawPointer?
        let isLarge = byteCount >= Self.hugePage
        guard byteCount <= Self.machineByteCount,
            posix_memalign(&pointer, isLarge ? Self.hugePage : 64, max(byteCount, 64)) == 0, let pointer
        else { throw BackendError(.outOfMemory, "no memory for \(byteCount) bytes") }
        // Weights are read from end to end for each block of rows: with small pages, half the time would go into finding
        // them. Only whole huge pages are asked for, so that the process grows no larger by it.
        if isLarge { madvise(pointer, byteCount / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
        let handle = BufferHandle(rawValue: UInt64(UInt(bitPattern: pointer)))
        buffers.insert(handle)
        return handle
    }

    /// Memory of a packed weight: such share huge pages.
    /// - Throws: `outOfMemory`.
    func allocatePacked(byteCount: Int) throws(BackendError) -> BufferHandle {
        guard byteCount <= Self.machineByteCount, let pointer = cpu_pool_allocate(pool, byteCount) else {
            throw BackendError(.outOfMemory, "no memory for \(byteCount) bytes")
        }
        let handle = BufferHandle(rawValue: UInt64(UInt(bitPattern: pointer)))
        pieces.insert(handle)
        return handle
    }

    public func release(_ buffer: BufferHandle) {
        if pieces.remove(buffer) != nil { return cpu_pool_release(pool, address(buffer)) }
        buffers.remove(buffer)
        free(address(buffer))
    }

    public func address(_ buffer: BufferHandle) -> UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: UInt(buffer.rawValue))
    }
}
