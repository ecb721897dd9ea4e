// SPDX-License-Identifier: MIT

/// Bounds that keep a hostile pickle from using more memory or time than its size justifies.
///
/// Real checkpoints stay two orders of magnitude below all of them; a 20 MB pickle of honest values still fits. Together
/// they keep any file within a second and 256 MiB.
struct PickleLimits {
    var pickleBytes = 64 << 20
    /// Plain operations; what takes longer counts several times.
    var operations = 16_000_000
    var stackDepth = 10_000
    var memoEntries = 4_000_000
    var nesting = 500
    var symbols = 20_000
    /// Of a symbol's module, and of its name.
    var symbolBytes = 1_024
    var textBytes = 32 << 20
    var totalTextBytes = 64 << 20
    var longBytes = 1_024
    /// Memory of decoded values: this much for any pickle, and `memoryFactor` times the pickle's size.
    var baseMemory = 16 << 20
    var memoryFactor = 16
    var maximumMemory = 160 << 20

    /// For the pickles around the main one, which hold little.
    static let small: PickleLimits = {
        var limits = PickleLimits()
        limits.pickleBytes = 16 << 20
        limits.operations = 4_000_000
        limits.maximumMemory = 24 << 20
        return limits
    }()

    /// The pickle itself lies in memory as well, so large ones leave less for their values.
    func memory(pickleBytes: Int) -> Int {
        let scaled = pickleBytes.multipliedReportingOverflow(by: memoryFactor)
        let sum = scaled.partialValue.addingReportingOverflow(baseMemory)
        let largest = max(baseMemory, min(maximumMemory, maximumMemory + (32 << 20) - pickleBytes))
        return scaled.overflow || sum.overflow ? largest : min(largest, sum.partialValue)
    }
}
