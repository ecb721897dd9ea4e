// SPDX-License-Identifier: MIT

/// Bounds that keep a hostile pickle from using more memory or time than its size justifies.
///
/// Real checkpoints stay two orders of magnitude below all of them.
struct PickleLimits {
    var pickleBytes = 256 << 20
    var operations = 50_000_000
    var stackDepth = 10_000
    var memoEntries = 4_000_000
    var nesting = 500
    var symbols = 100_000
    var textBytes = 64 << 20
    var totalTextBytes = 256 << 20
    var longBytes = 1_024
    /// Memory of decoded values: this much for any pickle, and `memoryFactor` times the pickle's size.
    var baseMemory = 32 << 20
    var memoryFactor = 16
    var maximumMemory = 256 << 20

    func memory(pickleBytes: Int) -> Int {
        let scaled = pickleBytes.multipliedReportingOverflow(by: memoryFactor)
        let sum = scaled.partialValue.addingReportingOverflow(baseMemory)
        return scaled.overflow || sum.overflow ? maximumMemory : min(maximumMemory, sum.partialValue)
    }
}
