// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

/// Splits work over the threads of the OpenMP runtime, which other libraries of the process compute on too.
public struct CPUThreads: Sendable {
    public let count: Int

    /// Below this many innermost steps a second thread costs more than it gives.
    private static let worthwhileWork = 1 << 15

    /// - Parameter count: 0 for as many as the process may use: its affinity, bounded by its control group's quota.
    /// - Throws: `invalidArgument` for a negative count or one above 1024.
    public init(count: Int) throws(BackendError) {
        guard (0...1024).contains(count) else {
            throw BackendError(.invalidArgument, "\(count) threads: expected 1 to 1024, or 0 for all processors")
        }
        self.count = min(count > 0 ? count : Int(cpu_threads_available()), 1024)
        enter()
    }

    /// Makes the calling thread's regions as wide as this, those of other libraries too.
    public func enter() { _ = cpu_threads_open(Int32(count)) }

    /// Calls `body` with the numbers of `parts` parts, each on a thread of its own.
    public func run(_ parts: Int, _ body: (Int) -> Void) {
        if parts <= 1 {
            if parts == 1 { body(0) }
            return
        }
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

    /// Into how many parts it pays to cut `items` items of `work` innermost steps each: 1 to the number of threads.
    public func worthwhileParts(of items: Int, work: Int) -> Int {
        let (total, overflow) = items.multipliedReportingOverflow(by: max(1, work))
        return !overflow && total < Self.worthwhileWork ? 1 : max(1, min(count, items))
    }

    /// Calls `body` with the number of a thread and consecutive ranges that cover `0..<items`.
    /// - Parameter work: innermost steps for each item, roughly.
    public func split(_ items: Int, work: Int, _ body: (_ thread: Int, Range<Int>) -> Void) {
        if items <= 0 { return }
        let parts = worthwhileParts(of: items, work: work)
        run(parts) { part in body(part, items * part / parts..<items * (part + 1) / parts) }
    }
}
