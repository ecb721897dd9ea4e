// SPDX-License-Identifier: MIT

extension Picture {
    /// The picture at another size, byte for byte what Pillow's `Image.resize` gives for RGB pictures.
    ///
    /// - Parameters:
    ///   - width: Columns of the result, at least 1.
    ///   - height: Rows of the result, at least 1.
    ///   - filter: The kernel.
    ///   - pixelLimit: The most pixels the result may have; a picture that is larger already may keep its number.
    /// - Throws: `invalidArgument` for a side below 1, `tooManyPixels` beyond the limit.
    public func resized(
        width: Int, height: Int, filter: ResamplingFilter, pixelLimit: Int = PictureOptions.standardPixelLimit
    ) throws(MediaError) -> Picture {
        guard width > 0, height > 0 else {
            throw MediaError(.invalidArgument, "cannot resize a picture to \(width) x \(height) pixels")
        }
        return try Resampler(width: width, height: height, filter: filter)
            .resample(self, columns: 0..<width, rows: 0..<height, pixelLimit: pixelLimit)
    }

    /// The picture with its shorter side at a length, as torchvision's `Resize(shortSide)` gives it.
    ///
    /// - Parameters:
    ///   - shortSide: Pixels of the shorter side, at least 1. The longer becomes `shortSide * long / short`, cut to a
    ///     whole number.
    ///   - filter: The kernel.
    ///   - pixelLimit: The most pixels the result may have.
    /// - Throws: `invalidArgument` for a length below 1, `tooManyPixels` beyond the limit.
    public func resized(
        shortSide: Int, filter: ResamplingFilter, pixelLimit: Int = PictureOptions.standardPixelLimit
    ) throws(MediaError) -> Picture {
        let size = try PictureSize(width: width, height: height).resized(shortSide: shortSide)
        return try resized(width: size.width, height: size.height, filter: filter, pixelLimit: pixelLimit)
    }

    /// The middle `size` x `size` pixels, as torchvision's `CenterCrop(size)` gives them: offsets are rounded half to
    /// even, and a picture that is smaller is first padded with black.
    ///
    /// - Throws: `invalidArgument` for a size below 1, `tooManyPixels` for one beyond the standard limit.
    public func centerCropped(_ size: Int) throws(MediaError) -> Picture {
        let columns = try CropWindow(length: width, crop: size)
        let rows = try CropWindow(length: height, crop: size)
        if columns.source == 0..<width, rows.source == 0..<height, width == size, height == size { return self }
        let part = copy(columns: columns.source, rows: rows.source)
        return try Picture(unchecked: part, width: columns.source.count, height: rows.source.count)
            .padded(columns: columns, rows: rows)
    }

    /// A rectangle's rows. The ranges must lie within the picture.
    func copy(columns: Range<Int>, rows: Range<Int>) -> [UInt8] {
        let rowByteCount = columns.count * 3
        let byteCount = rowByteCount * rows.count
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            pixels.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress, var target = buffer.baseAddress else { return }
                for row in rows {
                    target.initialize(from: source + (row * width + columns.lowerBound) * 3, count: rowByteCount)
                    target += rowByteCount
                }
                initializedCount = byteCount
            }
        }
    }

    /// The picture, which is what the windows take from their source, with black around it as they say.
    func padded(columns: CropWindow, rows: CropWindow) throws(MediaError) -> Picture {
        if columns.outputCount == width, rows.outputCount == height { return self }
        try Self.checkPixelCount(
            width: columns.outputCount, height: rows.outputCount, limit: PictureOptions.standardPixelLimit, path: nil)
        var canvas = try PictureCanvas(width: columns.outputCount, height: rows.outputCount)
        canvas.paste(self, x: columns.padding, y: rows.padding)
        return canvas.picture
    }
}
