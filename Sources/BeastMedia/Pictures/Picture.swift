// SPDX-License-Identifier: MIT

/// An 8-bit RGB picture in memory.
///
/// Rows run from top to bottom without gaps, each `width` pixels of red, green and blue: the byte of channel `c` at
/// column `x` of row `y` is `pixels[(y * width + x) * 3 + c]`. Neither side is ever 0.
public struct Picture: Sendable, Equatable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// `height * width * 3` bytes, [height, width, 3].
    public let pixels: [UInt8]

    /// Makes a picture of rows that exist already.
    ///
    /// - Parameters:
    ///   - width: Columns, at least 1.
    ///   - height: Rows, at least 1.
    ///   - pixels: `height * width * 3` bytes, [height, width, 3].
    /// - Throws: `invalidArgument` when a side is below 1 or the number of bytes is another.
    public init(width: Int, height: Int, pixels: [UInt8]) throws(MediaError) {
        guard let byteCount = Self.byteCount(width: width, height: height), pixels.count == byteCount else {
            throw MediaError(
                .invalidArgument, "cannot make a picture of \(width) x \(height) pixels from \(pixels.count) bytes")
        }
        self.init(unchecked: pixels, width: width, height: height)
    }

    /// For callers in this module that have established the sizes.
    init(unchecked pixels: [UInt8], width: Int, height: Int) {
        assert(width > 0 && height > 0 && pixels.count == width * height * 3)
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Bytes of a picture, or nil when a side is below 1 or the product does not fit.
    static func byteCount(width: Int, height: Int) -> Int? {
        guard width > 0, height > 0 else { return nil }
        let (pixelCount, pixelsOverflow) = width.multipliedReportingOverflow(by: height)
        let (byteCount, bytesOverflow) = pixelCount.multipliedReportingOverflow(by: 3)
        return pixelsOverflow || bytesOverflow ? nil : byteCount
    }
}

extension Picture: CustomStringConvertible {
    /// The size alone, such as `640 x 480 RGB picture`.
    public var description: String { "\(width) x \(height) RGB picture" }
}
