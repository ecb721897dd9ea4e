// SPDX-License-Identifier: MIT
public import BeastCore
private import Glibc

/// Memory that kernels work in, kept between calls so that a steady forward pass allocates nothing.
public final class Scratch {
    private var base: UnsafeMutableRawPointer?
    private var byteCount = 0

    public init() {}

    deinit { free(base) }

    /// Pieces of at least this many bytes each, 64-byte aligned, their content undefined; good until the next call.
    /// - Throws: `outOfMemory`.
    public func pieces(byteCount: Int, count: Int) throws(BackendError) -> Pieces {
        let stride = (byteCount + 63) & ~63
        let (total, overflow) = stride.multipliedReportingOverflow(by: count)
        if overflow || total > self.byteCount || base == nil {
            free(base)
            base = nil
            self.byteCount = 0
            var pointer: UnsafeMutableRawPointer?
            guard !overflow, total <= HostMemory.machineByteCount, posix_memalign(&pointer, 64, max(total, 64)) == 0,
                let pointer
            else {
                throw BackendError(
                    .outOfMemory, "no memory to work in: \(byteCount) bytes for each of \(count) threads")
            }
            base = pointer
            self.byteCount = total
        }
        return Pieces(base: base.unsafelyUnwrapped, stride: stride)
    }

    /// Pieces of memory by number.
    public struct Pieces {
        fileprivate let base: UnsafeMutableRawPointer
        fileprivate let stride: Int

        public subscript(number: Int) -> UnsafeMutableRawPointer { base + number * stride }
    }
}
