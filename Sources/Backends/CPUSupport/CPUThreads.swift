// SPDX-License-Identifier: MIT
public import CPUKernels

/// Splits work over the threads of the OpenMP runtime, which other libraries of the process compute on too.
public struct CPUThreads: Sendable {
    public let count: Int

    /// Below this many innermost steps a second thread costs more than it gives.
    private static let worthwhileWork = 1 << 15

    /// - Parameter count: 0 for as many as the process may use: its affinity, bounded by its control group's quota.
    public init(count: Int) {
        let count = min(count > 0 ? count : Int(cpu_threads_available()), 1024)
        self.count = count
        _ = cpu_threads_open(Int32(count))
    }

    /// Calls `body` with the numbers of `parts` parts, each on a thread of its own.
    public func run(_ parts: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            var body = body
            withUnsafeMutablePointer(to: &body) { body in
                cpu_parallel(
                    Int32(parts),
                    { context, part in
                        context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(part))
                    }, body)
            }
        }
    }

    /// Calls `body` with consecutive ranges that cover `0..<items`, each on a thread of its own.
    /// - Parameter work: innermost steps for each item, roughly.
    public func split(_ items: Int, work: Int, _ body: (Range<Int>) -> Void) {
        let parts = min(count, items)
        if parts <= 1 || items.multipliedReportingOverflow(by: max(1, work)).partialValue < Self.worthwhileWork {
            if items > 0 { body(0..<items) }
            return
        }
        run(parts) { part in body(items * part / parts..<items * (part + 1) / parts) }
    }
}
