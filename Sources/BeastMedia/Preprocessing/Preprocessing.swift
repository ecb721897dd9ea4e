// SPDX-License-Identifier: MIT

/// How a picture becomes the numbers a model takes: resize, centre crop, scale to 0...1, normalise.
///
/// The result equals torchvision's `Resize`, `CenterCrop`, `ToTensor`, `Normalize` on Pillow pictures, except that
/// channels are last: [height, width, 3] and not [3, height, width].
public struct Preprocessing: Sendable, Equatable {
    /// ImageNet's mean of each channel, red first, of pixels scaled to 0...1.
    public static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
    /// ImageNet's standard deviation of each channel.
    public static let imageNetStandardDeviation: [Float] = [0.229, 0.224, 0.225]

    /// Pixels of the shorter side after resizing.
    public var shortSide: Int
    /// The kernel of the resizing.
    public var filter: ResamplingFilter
    /// Sides of the square cut from the middle, or nil to keep everything.
    public var cropSize: Int?
    /// Subtracted from each channel; three numbers.
    public var mean: [Float]
    /// What each channel is then divided by; three numbers.
    public var standardDeviation: [Float]

    /// Makes a preprocessing; numbers are checked when it is used.
    ///
    /// - Parameters:
    ///   - shortSide: Pixels of the shorter side after resizing.
    ///   - filter: The kernel of the resizing.
    ///   - cropSize: Sides of the square cut from the middle, or nil to keep everything.
    ///   - mean: Subtracted from each channel; three numbers.
    ///   - standardDeviation: What each channel is then divided by; three numbers, not 0.
    public init(
        shortSide: Int, filter: ResamplingFilter, cropSize: Int? = nil, mean: [Float] = imageNetMean,
        standardDeviation: [Float] = imageNetStandardDeviation
    ) {
        self.shortSide = shortSide
        self.filter = filter
        self.cropSize = cropSize
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// What the evaluations of DINO, Mugs and MAE do: short side to `size * 256 / 224` (cut to a whole number), bicubic,
    /// then the middle `size` x `size`.
    ///
    /// - Parameter size: Sides of the model's input in pixels.
    public static func evaluation(size: Int) -> Preprocessing {
        let (product, overflow) = size.multipliedReportingOverflow(by: 256)
        // A size that does not fit becomes 0, which is refused where it is used.
        return Preprocessing(shortSide: overflow ? 0 : product / 224, filter: .bicubic, cropSize: size)
    }

    /// What the attention pictures are made from: short side to `size`, bilinear, nothing cut.
    ///
    /// - Parameter size: Pixels of the shorter side.
    public static func attention(size: Int) -> Preprocessing {
        Preprocessing(shortSide: size, filter: .bilinear)
    }

    /// The size of the result for a picture.
    ///
    /// - Throws: `invalidArgument` for sides below 1, `tooManyPixels` when the result would exceed
    ///   ``PictureOptions/standardPixelLimit``, as that of a very long and narrow picture without a crop may.
    public func outputSize(for picture: Picture) throws(MediaError) -> PictureSize {
        let whole = try PictureSize(width: picture.width, height: picture.height).resized(shortSide: shortSide)
        let size = cropSize.map { PictureSize(width: $0, height: $0) } ?? whole
        let limit = PictureOptions.standardPixelLimit
        let (pixelCount, overflow) = size.width.multipliedReportingOverflow(by: size.height)
        guard size.width > 0, size.height > 0 else {
            throw MediaError(.invalidArgument, "cannot prepare a picture of \(size.width) x \(size.height) pixels")
        }
        guard !overflow, pixelCount <= limit else {
            throw MediaError(
                .tooManyPixels,
                "cannot prepare a picture of \(picture.width) x \(picture.height) pixels: with its short side at "
                    + "\(shortSide) it would have \(size.width) x \(size.height) pixels, more than the limit of "
                    + "\(limit); crop it or choose a smaller size")
        }
        return size
    }

    /// The picture resized and cropped, still 8 bits a channel.
    ///
    /// - Throws: What ``outputSize(for:)`` throws.
    public func prepare(_ picture: Picture) throws(MediaError) -> Picture {
        let limit = PictureOptions.standardPixelLimit
        _ = try outputSize(for: picture)
        let whole = try PictureSize(width: picture.width, height: picture.height).resized(shortSide: shortSide)
        let resampler = Resampler(width: whole.width, height: whole.height, filter: filter)
        guard let cropSize else {
            return try resampler.resample(
                picture, columns: 0..<whole.width, rows: 0..<whole.height, pixelLimit: limit)
        }
        // Resampling only what the crop keeps gives the same bytes as cropping the whole.
        let columns = try CropWindow(length: whole.width, crop: cropSize)
        let rows = try CropWindow(length: whole.height, crop: cropSize)
        return try resampler.resample(picture, columns: columns.source, rows: rows.source, pixelLimit: limit)
            .padded(columns: columns, rows: rows)
    }

    /// Writes the normalised numbers of a picture.
    ///
    /// Each is `(pixel / 255 - mean) / standardDeviation`, rounded to float32 after every step as torchvision does.
    ///
    /// - Parameters:
    ///   - picture: The picture as read.
    ///   - output: Room for `height * width * 3` numbers of ``outputSize(for:)``, filled as [height, width, 3].
    /// - Throws: `invalidArgument` when the room, ``mean`` or ``standardDeviation`` does not fit; what
    ///   ``outputSize(for:)`` throws.
    public func apply(to picture: Picture, into output: UnsafeMutableBufferPointer<Float>) throws(MediaError) {
        let tables = try channelTables()
        let size = try outputSize(for: picture)
        guard let count = Picture.byteCount(width: size.width, height: size.height), output.count == count else {
            throw MediaError(
                .invalidArgument,
                "cannot prepare a picture: \(size.width) x \(size.height) x 3 numbers do not fit a buffer of "
                    + "\(output.count)")
        }
        let prepared = try prepare(picture)
        prepared.pixels.withUnsafeBufferPointer { pixels in
            tables.withUnsafeBufferPointer { tables in
                guard let pixels = pixels.baseAddress, let tables = tables.baseAddress,
                    let output = output.baseAddress
                else { return }
                let green = tables + 256
                let blue = tables + 512
                for index in stride(from: 0, to: count, by: 3) {
                    output[index] = tables[Int(pixels[index])]
                    output[index &+ 1] = green[Int(pixels[index &+ 1])]
                    output[index &+ 2] = blue[Int(pixels[index &+ 2])]
                }
            }
        }
    }

    /// The normalised number of each of 256 levels, 256 numbers a channel: the exact arithmetic once, not per pixel.
    private func channelTables() throws(MediaError) -> [Float] {
        guard mean.count == 3, standardDeviation.count == 3, standardDeviation.allSatisfy({ $0 != 0 }) else {
            throw MediaError(
                .invalidArgument,
                "cannot normalise pictures: need 3 means and 3 standard deviations other than 0, found \(mean) and "
                    + "\(standardDeviation)")
        }
        var tables = [Float]()
        tables.reserveCapacity(768)
        for channel in 0..<3 {
            for level in 0..<256 {
                tables.append((Float(level) / 255 - mean[channel]) / standardDeviation[channel])
            }
        }
        return tables
    }
}
