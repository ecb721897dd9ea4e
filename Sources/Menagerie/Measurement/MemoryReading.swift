// SPDX-License-Identifier: MIT
private import Dispatch
private import Glibc

/// The rate at which threads read memory with plain loads: what steps of a transformer, which read every weight once for
/// a few products, are a fraction of.
///
/// Memory is shared with whatever else runs, so readings are taken between the runs that they are compared with, and the
/// median counts.
public struct MemoryReading: Sendable {
    public let threads: Int
    /// Bytes a second, a reading each.
    public private(set) var rates: [Double] = []

    /// Bytes a second; 0 before the first reading.
    public var median: Double { rates.isEmpty ? 0 : rates.sorted()[rates.count / 2] }

    /// Larger than the caches of any processor that is at hand.
    private static let byteCount = 256 << 20

    init(threads: Int) { self.threads = threads }

    /// Takes a reading, of memory that is gone again afterwards: it is no part of what a run needs. None where there is no
    /// memory for it.
    mutating func take() {
        guard let block = Block(byteCount: Self.byteCount) else { return }
        let start = ContinuousClock.now
        let count = threads
        DispatchQueue.concurrentPerform(iterations: count) { part in block.read(part, of: count) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        rates.append(Double(Self.byteCount) / max(seconds, 1e-9))
    }
}

/// Memory in huge pages, all of it written once.
private final class Block: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let byteCount: Int

    private static let hugePage = 2 << 20

    init?(byteCount: Int) {
        guard let base = aligned_alloc(Self.hugePage, byteCount) else { return nil }
        madvise(base, byteCount, MADV_HUGEPAGE)
        memset(base, 1, byteCount)
        self.base = base
        self.byteCount = byteCount
    }

    deinit { free(base) }

    func read(_ part: Int, of parts: Int) {
        typealias Words = SIMD8<UInt64>
        let count = byteCount / MemoryLayout<Words>.stride
        let words = base.assumingMemoryBound(to: Words.self)
        var sums = (Words(), Words(), Words(), Words())
        var index = count * part / parts
        let end = count * (part + 1) / parts
        while index + 4 <= end {
            sums.0 &+= words[index]
            sums.1 &+= words[index + 1]
            sums.2 &+= words[index + 2]
            sums.3 &+= words[index + 3]
            index += 4
        }
        // What nobody looks at is not read.
        withExtendedLifetime(consume(sums.0 &+ sums.1 &+ sums.2 &+ sums.3)) {}
    }

    @inline(never)
    private func consume(_ sum: SIMD8<UInt64>) -> UInt64 { sum.wrappedSum() }
}
