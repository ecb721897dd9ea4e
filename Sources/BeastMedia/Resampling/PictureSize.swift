// SPDX-License-Identifier: MIT

/// Sides of a picture in pixels.
public struct PictureSize: Sendable, Equatable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int

    /// Makes a size; nothing is checked.
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// The size with the shorter side at a length and the longer in proportion, cut to a whole number (torchvision's
    /// `int(size * long / short)`).
    ///
    /// - Throws: `invalidArgument` for a side or a length below 1, `tooManyPixels` when the product does not fit.
    public func resized(shortSide: Int) throws(MediaError) -> PictureSize {
        let short = min(width, height)
        guard shortSide > 0, short > 0 else {
            throw MediaError(
                .invalidArgument, "cannot resize \(width) x \(height) pixels to a short side of \(shortSide)")
        }
        let (product, overflow) = shortSide.multipliedReportingOverflow(by: max(width, height))
        guard !overflow else {
            throw MediaError(
                .tooManyPixels, "cannot resize \(width) x \(height) pixels to a short side of \(shortSide): too large")
        }
        let long = product / short
        return width <= height
            ? PictureSize(width: shortSide, height: long) : PictureSize(width: long, height: shortSide)
    }
}

/// What a centre crop takes along one side, after torchvision's `center_crop`.
struct CropWindow: Equatable {
    /// The source positions that are kept.
    let source: Range<Int>
    /// Black positions before them.
    let padding: Int
    /// The crop's length.
    let outputCount: Int

    init(length: Int, crop: Int) throws(MediaError) {
        guard crop > 0, length > 0 else {
            throw MediaError(.invalidArgument, "cannot crop \(length) pixels to \(crop)")
        }
        outputCount = crop
        guard length > crop else {
            source = 0..<length
            padding = (crop - length) / 2
            return
        }
        padding = 0
        let spare = length - crop
        // Python's round: a half goes to the even neighbour.
        let half = spare / 2
        let start = spare % 2 == 0 || half % 2 == 0 ? half : half + 1
        source = start..<start + crop
    }
}
