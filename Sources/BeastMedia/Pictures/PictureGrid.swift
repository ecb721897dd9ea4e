// SPDX-License-Identifier: MIT

/// Pictures of floating-point numbers side by side as one 8-bit picture: torchvision's `make_grid` and `save_image`.
public struct PictureGrid: Sendable {
    /// Which numbers become black and white.
    public enum Range: Sendable, Equatable {
        /// The smallest and largest number of all pictures together.
        case ofAll
        /// Those of each picture for itself.
        case ofEach
        /// -1 and 1, whatever the pictures hold; cut off there, and the fraction of a level is dropped.
        case fixed
        /// 0 and 1.
        case unit
    }

    /// Columns of pictures; fewer pictures make fewer columns.
    public var columns: Int
    /// Black pixels around and between pictures; none around a picture that is alone.
    public var padding: Int
    public var range: Range

    public init(columns: Int = 8, padding: Int = 1, range: Range = .ofAll) {
        self.columns = columns
        self.padding = padding
        self.range = range
    }

    /// The grid.
    /// - Parameters:
    ///   - pictures: [height, width, 3] each, at least one; what is not a number is shown as black.
    ///   - height: of each.
    ///   - width: of each.
    /// - Throws: `invalidArgument` for no picture, one of another size, or no column; `tooManyPixels`.
    public func picture(of pictures: [[Float]], height: Int, width: Int) throws(MediaError) -> Picture {
        guard let count = Picture.byteCount(width: width, height: height), columns > 0, padding >= 0, !pictures.isEmpty,
            pictures.allSatisfy({ $0.count == count })
        else {
            throw MediaError(
                .invalidArgument,
                "cannot make a grid of \(columns) columns from \(pictures.count) pictures of \(width) x \(height) pixels"
            )
        }
        let bounds = Self.bounds(pictures)
        func pixels(_ picture: [Float]) -> [UInt8] {
            let (low, high) = range == .ofEach ? Self.bounds([picture]) : bounds
            return picture.map { byte($0, low, high) }
        }
        if pictures.count == 1 { return Picture(unchecked: pixels(pictures[0]), width: width, height: height) }
        let columns = min(columns, pictures.count)
        let rows = (pictures.count + columns - 1) / columns
        var canvas = try PictureCanvas(
            width: columns * (width + padding) + padding, height: rows * (height + padding) + padding)
        for (index, picture) in pictures.enumerated() {
            canvas.paste(
                Picture(unchecked: pixels(picture), width: width, height: height),
                x: index % columns * (width + padding) + padding, y: index / columns * (height + padding) + padding)
        }
        return canvas.picture
    }

    private static func bounds(_ pictures: [[Float]]) -> (low: Float, high: Float) {
        var (low, high) = (Float.infinity, -Float.infinity)
        for picture in pictures {
            for value in picture {
                low = min(low, value)
                high = max(high, value)
            }
        }
        return (low, high)
    }

    private func byte(_ value: Float, _ low: Float, _ high: Float) -> UInt8 {
        let level: Float
        switch range {
        case .ofAll, .ofEach: level = (min(max(value, low), high) - low) / max(high - low, 1e-5) * 255 + 0.5
        case .fixed: level = (value + 1) / 2 * 255
        case .unit: level = value * 255 + 0.5
        }
        return level >= 255 ? 255 : level > 0 ? UInt8(level) : 0
    }
}
