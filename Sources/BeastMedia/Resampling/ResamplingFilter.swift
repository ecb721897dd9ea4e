// SPDX-License-Identifier: MIT

/// A resampling kernel, as Pillow defines it. When shrinking, the kernel is stretched by the scale (antialiasing).
public enum ResamplingFilter: String, Sendable, CaseIterable {
    /// `1 - |x|` for `|x| < 1`.
    case bilinear
    /// Cubic convolution with a = -0.5 (not the -0.75 of PyTorch's position tables), `|x| < 2`.
    case bicubic

    /// Half the kernel's width at scale 1, in source pixels.
    var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    /// The kernel's height at `position`. Operations stand in Pillow's order, since the last bit counts.
    func weight(at position: Double) -> Double {
        let x = position < 0 ? -position : position
        switch self {
        case .bilinear:
            return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}
