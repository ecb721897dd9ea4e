// SPDX-License-Identifier: MIT
public import BeastCore
public import CPUKernels
private import Glibc

/// What every CPU backend holds: memory, threads, the kernels of this processor, and scratch memory for each thread.
public final class CPUResources {
    public let memory = HostMemory()
    public let threads: CPUThreads
    public let kernels: cpu_kernels

    /// A piece for each thread, as long as the longest that was asked for.
    private var scratch: UnsafeMutableRawPointer?
    private var scratchByteCount = 0

    /// - Throws: `unsupported` where the processor lacks AVX2.
    public init(threadCount: Int) throws(BackendError) {
        guard let kernels = cpu_kernels_best() else { throw BackendError(.unsupported, Self.missingInstructions) }
        self.kernels = kernels.pointee
        threads = CPUThreads(count: threadCount)
    }

    deinit { free(scratch) }

    static let missingInstructions =
        "this processor has no AVX2 and FMA instructions (or ONEDNN_MAX_CPU_ISA forbids them); use --backend reference"

    /// Scratch memory of at least this many bytes for each of the threads, 64-byte aligned; good until the next call.
    /// - Throws: `outOfMemory`.
    public func withScratch(byteCount: Int) throws(BackendError) -> (Int) -> UnsafeMutableRawPointer {
        let piece = (byteCount + 63) & ~63
        if piece > scratchByteCount {
            free(scratch)
            scratch = nil
            scratchByteCount = 0
            var pointer: UnsafeMutableRawPointer?
            let (total, overflow) = piece.multipliedReportingOverflow(by: threads.count)
            guard !overflow, posix_memalign(&pointer, 64, max(total, 64)) == 0, let pointer else {
                throw BackendError(
                    .outOfMemory, "no memory for \(piece) bytes of scratch on each of \(threads.count) threads")
            }
            scratch = pointer
            scratchByteCount = piece
        }
        let (base, stride) = (scratch.unsafelyUnwrapped, scratchByteCount)
        return { base + $0 * stride }
    }
}
