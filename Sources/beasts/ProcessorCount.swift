// SPDX-License-Identifier: MIT
import Glibc

/// How many processors this process may use, which on a cluster is fewer than the machine has.
enum ProcessorCount {
    static var available: Int {
        var set = cpu_set_t()
        guard sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return 1 }
        let count = withUnsafeBytes(of: set) { $0.reduce(0) { $0 + $1.nonzeroBitCount } }
        return max(1, count)
    }
}
