// SPDX-License-Identifier: MIT

/// A picture under construction: contact sheets, grids, padding.
public struct PictureCanvas: Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    private var pixels: [UInt8]

    /// Makes a canvas of one colour.
    ///
    /// - Parameters:
    ///   - width: Columns, at least 1.
    ///   - height: Rows, at least 1.
    ///   - color: Red, green and blue; black unless given.
    /// - Throws: `invalidArgument` for a side below 1, `tooManyPixels` beyond ``PictureOptions/standardPixelLimit``.
    public init(
        width: Int, height: Int, color: (red: UInt8, green: UInt8, blue: UInt8) = (0, 0, 0)
    ) throws(MediaError) {
        guard let byteCount = Picture.byteCount(width: width, height: height) else {
            throw MediaError(.invalidArgument, "cannot make a canvas of \(width) x \(height) pixels")
        }
        guard byteCount / 3 <= PictureOptions.standardPixelLimit else {
            throw MediaError(
                .tooManyPixels,
                "cannot make a canvas of \(width) x \(height) pixels: more than the limit of "
                    + "\(PictureOptions.standardPixelLimit) pixels")
        }
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: color.red, count: byteCount)
        if color.green != color.red || color.blue != color.red {
            for index in stride(from: 0, to: byteCount, by: 3) {
                pixels[index + 1] = color.green
                pixels[index + 2] = color.blue
            }
        }
    }

    /// Copies a picture onto the canvas; what lies outside is cut off.
    ///
    /// - Parameters:
    ///   - picture: What to copy.
    ///   - x: Column of its left edge; may be negative.
    ///   - y: Row of its upper edge; may be negative.
    public mutating func paste(_ picture: Picture, x: Int, y: Int) {
        let columns = Self.overlap(start: x, count: picture.width, within: width)
        let rows = Self.overlap(start: y, count: picture.height, within: height)
        guard !columns.isEmpty, !rows.isEmpty else { return }
        let canvasWidth = width
        pixels.withUnsafeMutableBufferPointer { target in
            picture.pixels.withUnsafeBufferPointer { source in
                guard let target = target.baseAddress, let source = source.baseAddress else { return }
                for row in rows {
                    let from = source + ((row - y) * picture.width + (columns.lowerBound - x)) * 3
                    (target + (row * canvasWidth + columns.lowerBound) * 3).update(from: from, count: columns.count * 3)
                }
            }
        }
    }

    /// The canvas as it is now.
    public var picture: Picture { Picture(unchecked: pixels, width: width, height: height) }

    /// The part of `start..<start + count` that lies within `0..<limit`.
    private static func overlap(start: Int, count: Int, within limit: Int) -> Range<Int> {
        let (end, overflow) = start.addingReportingOverflow(count)
        let lower = max(0, start)
        let upper = overflow ? limit : min(limit, end)
        return lower < upper ? lower..<upper : 0..<0
    }
}
