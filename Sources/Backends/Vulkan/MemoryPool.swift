// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// A piece of a pool's memory.
final class Allocation {
    /// The Vulkan buffer it is a piece of.
    let buffer: UInt64
    let offset: Int
    /// Rounded up from what was asked for.
    let byteCount: Int
    /// Where the host sees it, where it does.
    let address: UnsafeMutableRawPointer?
    /// The submission that uses it last; 0 for none.
    var lastUse: UInt64 = 0

    init(buffer: UInt64, offset: Int, byteCount: Int, address: UnsafeMutableRawPointer?) {
        self.buffer = buffer
        self.offset = offset
        self.byteCount = byteCount
        self.address = address
    }
}

/// Device memory in few large blocks, given out in pieces. Owns the blocks.
final class MemoryPool {
    private final class Block {
        let raw: vulkan_block
        /// Free ranges in rising order, none touching the next.
        var free: [Range<Int>]

        init(_ raw: vulkan_block) {
            self.raw = raw
            free = [0..<Int(raw.byte_count)]
        }

        var isEmpty: Bool { free.first == 0..<Int(raw.byte_count) }
    }

    private let device: VulkanDevice
    private let kind: Int32
    private let blockByteCount: Int
    private var blocks: [Block] = []
    private(set) var usedByteCount = 0

    /// Offsets that suit every device (256 is the most that may be asked for) and a processor's cache lines.
    static let alignment = 256

    init(_ device: VulkanDevice, _ kind: vulkan_memory, blockByteCount: Int) {
        self.device = device
        self.kind = Int32(kind.rawValue)
        self.blockByteCount = blockByteCount
    }

    deinit { for block in blocks { destroy(block) } }

    private func destroy(_ block: Block) {
        withUnsafePointer(to: block.raw) { vulkan_block_destroy(device.handle, $0) }
    }

    /// - Throws: `outOfMemory` with what is in use and what there is.
    func allocate(byteCount: Int) throws(BackendError) -> Allocation {
        let limit = Int(clamping: device.description.raw.allocation_byte_count)
        guard byteCount <= limit - Self.alignment else {
            throw BackendError(
                .outOfMemory,
                "no memory for \(byteCount) bytes: \(device.description.name) allocates at most \(limit) at once")
        }
        let size = max(1, (byteCount + Self.alignment - 1) / Self.alignment) * Self.alignment
        for block in blocks { if let piece = take(size, from: block) { return piece } }
        var failure = Int32(0)
        // The device may have room for what is asked for, though not for a whole block beside those that are empty.
        for (attempt, blockSize) in [max(size, min(blockByteCount, limit)), size].enumerated() {
            if attempt > 0 { releaseEmptyBlocks() }
            var raw = vulkan_block()
            failure = vulkan_block_create(device.handle, kind, UInt64(blockSize), &raw)
            guard failure == 0 else { continue }
            let block = Block(raw)
            blocks.append(block)
            if let piece = take(size, from: block) { return piece }
        }
        let error = vulkanFailure("no memory for \(byteCount) bytes", failure)
        let total = device.description.raw.memory_byte_count >> 20
        throw BackendError(
            error.code, "\(error.message); \(usedByteCount >> 20) of \(total) MiB are in use by this context")
    }

    private func take(_ size: Int, from block: Block) -> Allocation? {
        guard let index = block.free.firstIndex(where: { $0.count >= size }) else { return nil }
        let start = block.free[index].lowerBound
        if block.free[index].count == size {
            block.free.remove(at: index)
        } else {
            block.free[index] = (start + size)..<block.free[index].upperBound
        }
        usedByteCount += size
        return Allocation(
            buffer: block.raw.buffer, offset: start, byteCount: size, address: block.raw.address.map { $0 + start })
    }

    /// Gives a piece back that no submitted work uses any more.
    func release(_ piece: Allocation) {
        guard let place = blocks.firstIndex(where: { $0.raw.buffer == piece.buffer }) else { return }
        let block = blocks[place]
        var range = piece.offset..<piece.offset + piece.byteCount
        usedByteCount -= piece.byteCount
        var index = block.free.firstIndex { $0.lowerBound > range.lowerBound } ?? block.free.count
        if index < block.free.count, block.free[index].lowerBound == range.upperBound {
            range = range.lowerBound..<block.free.remove(at: index).upperBound
        }
        if index > 0, block.free[index - 1].upperBound == range.lowerBound {
            index -= 1
            range = block.free.remove(at: index).lowerBound..<range.upperBound
        }
        block.free.insert(range, at: index)
        // Making a block takes a GPU milliseconds, so a part of the memory is kept for what comes next.
        let kept = Int(clamping: device.description.raw.memory_byte_count / 4)
        if block.isEmpty, totalByteCount > kept {
            destroy(block)
            blocks.remove(at: place)
        }
    }

    private var totalByteCount: Int { blocks.reduce(0) { $0 + Int($1.raw.byte_count) } }

    /// Gives the device back what is not in use.
    private func releaseEmptyBlocks() {
        for block in blocks where block.isEmpty { destroy(block) }
        blocks.removeAll { $0.isEmpty }
    }
}
