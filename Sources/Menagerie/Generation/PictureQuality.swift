// SPDX-License-Identifier: MIT
public import BeastMedia
private import Glibc

/// How much a picture is like another of the same size.
public struct PictureQuality: Sendable, Equatable, Encodable {
    /// Peak signal-to-noise ratio in decibels, over all pixels and channels of 8 bits; 100 where there is no difference.
    public let psnr: Double
    /// Structural similarity, -1 to 1 (Wang et al. 2004): windows of 11 x 11 pixels with Gaussian weights of deviation 1.5,
    /// as many as fit the picture; constants 0.01 and 0.03 of 255; mean over windows and channels.
    public let ssim: Double

    /// What equal pictures get, which have no noise at all.
    public static let highestPSNR = 100.0

    public init(psnr: Double, ssim: Double) {
        self.psnr = psnr
        self.ssim = ssim
    }

    /// - Throws: ``MenagerieError`` for pictures of unequal size.
    public init(of picture: Picture, comparedWith original: Picture) throws {
        guard picture.width == original.width, picture.height == original.height else {
            throw MenagerieError(.usage, "\(picture) and \(original) cannot be compared")
        }
        var squares = 0.0
        for (a, b) in zip(picture.pixels, original.pixels) {
            let difference = Double(a) - Double(b)
            squares += difference * difference
        }
        let mean = squares / Double(picture.pixels.count)
        psnr = mean > 0 ? min(Self.highestPSNR, 10 * log10(255 * 255 / mean)) : Self.highestPSNR
        ssim = (0..<3).reduce(0) { $0 + Self.similarity(picture, original, channel: $1) } / 3
    }

    private static func similarity(_ left: Picture, _ right: Picture, channel: Int) -> Double {
        let (width, height) = (left.width, left.height)
        let side = min(11, width, height)
        let taps = (0..<side).map { tap in
            let distance = Double(tap) - Double(side - 1) / 2
            return exp(-distance * distance / (2 * 1.5 * 1.5))
        }
        let sum = taps.reduce(0, +)
        let window = taps.map { $0 / sum }
        let a = plane(left, channel)
        let b = plane(right, channel)
        func blurred(_ values: [Double]) -> [Double] { blur(values, width: width, height: height, window) }
        let (meanA, meanB) = (blurred(a), blurred(b))
        let squareA = blurred(zip(a, a).map(*))
        let squareB = blurred(zip(b, b).map(*))
        let product = blurred(zip(a, b).map(*))
        let (c1, c2) = (0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255)
        var total = 0.0
        for index in meanA.indices {
            let (x, y) = (meanA[index], meanB[index])
            let covariance = product[index] - x * y
            let variances = squareA[index] - x * x + squareB[index] - y * y
            total += (2 * x * y + c1) * (2 * covariance + c2) / ((x * x + y * y + c1) * (variances + c2))
        }
        return total / Double(max(1, meanA.count))
    }

    private static func plane(_ picture: Picture, _ channel: Int) -> [Double] {
        stride(from: channel, to: picture.pixels.count, by: 3).map { Double(picture.pixels[$0]) }
    }

    /// Weighted sums over windows, first along rows, then along columns; windows that fit only.
    private static func blur(_ values: [Double], width: Int, height: Int, _ window: [Double]) -> [Double] {
        let (columns, rows) = (width - window.count + 1, height - window.count + 1)
        var along = [Double](repeating: 0, count: columns * height)
        for y in 0..<height {
            for (tap, weight) in window.enumerated() {
                for x in 0..<columns { along[y * columns + x] += weight * values[y * width + x + tap] }
            }
        }
        var result = [Double](repeating: 0, count: columns * rows)
        for y in 0..<rows {
            for (tap, weight) in window.enumerated() {
                for x in 0..<columns { result[y * columns + x] += weight * along[(y + tap) * columns + x] }
            }
        }
        return result
    }
}
