// SPDX-License-Identifier: MIT
private import Dispatch

/// Splits independent rows over threads.
struct RowThreads {
    let count: Int

    /// Below this many innermost steps a second thread costs more than it gives.
    private static let worthwhileWork = 1 << 15

    init(count: Int) { self.count = max(1, min(count, 1024)) }

    /// Calls `body` with consecutive ranges that cover `0..<rows`, each on a thread of its own.
    /// - Parameter work: innermost steps for each row, roughly.
    func split(_ rows: Int, work: Int, _ body: (Range<Int>) -> Void) {
        let parts = min(count, rows)
        if parts <= 1 || rows.multipliedReportingOverflow(by: max(1, work)).partialValue < Self.worthwhileWork {
            if rows > 0 { body(0..<rows) }
            return
        }
        withoutActuallyEscaping(body) { body in
            // Shared by the threads of this one call, which ends before the closure does; they write different rows.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: parts) { part in
                body(rows * part / parts..<rows * (part + 1) / parts)
            }
        }
    }
}
