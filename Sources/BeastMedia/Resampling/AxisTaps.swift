// SPDX-License-Identifier: MIT

internal import CPicture

/// Which source positions make up each output position along one axis, and with what weights.
///
/// The arithmetic is Pillow's (`precompute_coeffs` and `normalize_coeffs_8bpc` in `Resample.c`): double precision up
/// to the rounding to 22 fraction bits.
struct AxisTaps {
    /// First source position of each output position.
    private(set) var first: [Int32]
    /// Number of taps of each output position, 1 or more.
    let count: [Int32]
    /// `stride` weights for each output position, 0 from its count on.
    let weights: [Int32]
    let stride: Int

    /// More taps than this are refused; 256 MB of weights. Only a reduction of a side of millions of pixels needs more.
    private static let tapLimit = 1 << 26

    /// Taps of the output positions `window` when `sourceCount` positions become `outputCount`.
    init(
        from sourceCount: Int, to outputCount: Int, window: Range<Int>, filter: ResamplingFilter
    ) throws(MediaError) {
        let scale = Double(sourceCount) / Double(outputCount)
        let stretch = max(scale, 1)
        let support = filter.support * stretch
        // Pillow's bound on the taps, rounded up to the steps of four in which the C code walks.
        let largest = Int(support.rounded(.up)) * 2 + 1
        let stride = (largest + 3) / 4 * 4
        let (tapCount, overflow) = stride.multipliedReportingOverflow(by: window.count)
        guard !overflow, tapCount <= Self.tapLimit, sourceCount <= Int(Int32.max) else {
            throw MediaError(
                .tooManyPixels,
                "cannot resize \(sourceCount) pixels to \(outputCount) along one side: the weights alone would not "
                    + "fit into memory")
        }

        var first = [Int32]()
        var count = [Int32]()
        first.reserveCapacity(window.count)
        count.reserveCapacity(window.count)
        var weights = [Int32](repeating: 0, count: tapCount)
        var row = [Double](repeating: 0, count: stride)
        let inverse = 1 / stretch
        for output in window {
            let center = (Double(output) + 0.5) * scale
            let start = max(0, Int(center - support + 0.5))
            let end = min(sourceCount, Int(center + support + 0.5))
            let taps = min(end - start, stride)
            var sum = 0.0
            for tap in 0..<taps {
                let weight = filter.weight(at: (Double(tap + start) - center + 0.5) * inverse)
                row[tap] = weight
                sum += weight
            }
            let base = first.count * stride
            for tap in 0..<taps {
                let weight = sum != 0 ? row[tap] / sum : row[tap]
                let scaled = weight * Double(1 << 22)
                weights[base + tap] = Int32(weight < 0 ? -0.5 + scaled : 0.5 + scaled)
            }
            first.append(Int32(start))
            count.append(Int32(taps))
        }
        self.first = first
        self.count = count
        self.weights = weights
        self.stride = stride
    }

    /// The source positions that any tap reads. Taps of later outputs never begin or end earlier.
    var sourceRange: Range<Int> {
        guard let start = first.first, let last = first.last, let lastCount = count.last else { return 0..<0 }
        return Int(start)..<Int(last) + Int(lastCount)
    }

    /// Number of output positions.
    var outputCount: Int { first.count }

    /// The same taps, counting source positions from the start of ``sourceRange``.
    var rebased: AxisTaps {
        guard let origin = first.first, origin > 0 else { return self }
        var taps = self
        for index in taps.first.indices { taps.first[index] -= origin }
        return taps
    }

    /// Runs a C call with pointers to the taps, valid during the call.
    func withUnsafeTaps(_ body: (UnsafePointer<cpicture_taps>) -> cpicture_status) -> cpicture_status {
        first.withUnsafeBufferPointer { first in
            count.withUnsafeBufferPointer { count in
                weights.withUnsafeBufferPointer { weights in
                    var taps = cpicture_taps(
                        first: first.baseAddress, count: count.baseAddress, weights: weights.baseAddress,
                        output_count: first.count, stride: stride)
                    return body(&taps)
                }
            }
        }
    }
}
