// SPDX-License-Identifier: MIT
import FoundationEssentials

/// How many processors this process may use, which on a cluster is fewer than the machine has.
enum ProcessorCount {
    static var available: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
