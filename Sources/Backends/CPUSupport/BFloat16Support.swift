// SPDX-License-Identifier: MIT
private import CPUKernels
private import Glibc

/// How products of bfloat16 are computed here.
public enum BFloat16Support: Sendable {
    /// Not at all.
    case none
    /// By the processor's instruction for pairs.
    case native
    /// In float32, on rounded numbers: for tests of everything around the products, where the processor lacks the
    /// instruction and BEASTS_BFLOAT16=emulated asks for it.
    case emulated

    /// That of this processor, within what ONEDNN_MAX_CPU_ISA permits.
    public static let ofThisProcess: BFloat16Support = {
        if let kernels = cpu_kernels_best(), kernels.pointee.multiplies_pairs != 0 { return .native }
        let wanted = getenv("BEASTS_BFLOAT16").map { String(cString: $0) }
        return wanted == "emulated" ? .emulated : .none
    }()

    /// For the reason of a probe.
    public var words: String {
        switch self {
        case .none: "bfloat16 unsupported"
        case .native: "bfloat16 native"
        case .emulated: "bfloat16 emulated"
        }
    }
}
