// SPDX-License-Identifier: MIT
public import BeastCore
public import CPUKernels

/// What every CPU backend holds: memory, weights, threads, the kernels of this processor, and memory to work in.
public final class CPUResources {
    public let memory: HostMemory
    public let weights: CPUWeights
    public let threads: CPUThreads
    public let kernels: cpu_kernels
    /// A piece for each thread.
    public let scratch = Scratch()
    /// The right operand of a product, packed for all threads.
    let packed = Scratch()

    /// - Throws: `unsupported` where the processor lacks AVX2; `invalidArgument` for more threads than 1024.
    public init(threadCount: Int) throws(BackendError) {
        guard let kernels = cpu_kernels_best() else { throw BackendError(.unsupported, Self.missingInstructions) }
        self.kernels = kernels.pointee
        threads = try CPUThreads(count: threadCount)
        memory = HostMemory(threads: threads)
        weights = CPUWeights(memory: memory)
    }

    static let missingInstructions =
        "this processor has no AVX2 and FMA instructions (or ONEDNN_MAX_CPU_ISA forbids them); use --backend reference"
}
