// SPDX-License-Identifier: MIT

internal import CPicture

/// Pillow's two-pass resampling of a part of the result, each pass rounded to 8 bits.
///
/// A pass whose size does not change is left out. Each pass makes only what the wanted part depends on, so a small
/// window of a huge result costs little.
struct Resampler {
    /// Size of the whole result.
    let width: Int
    let height: Int
    let filter: ResamplingFilter
    /// The code path; tests compare them.
    var path = CPICTURE_FASTEST

    /// The columns and rows of the result asked for, which must lie within it.
    ///
    /// - Throws: `tooManyPixels` when the result or what lies between the passes exceeds the limit.
    func resample(
        _ picture: Picture, columns: Range<Int>, rows: Range<Int>, pixelLimit: Int
    ) throws(MediaError) -> Picture {
        try check(picture, columns.count, rows.count, limit: pixelLimit)
        if goesDownFirst(picture) {
            let taps = try AxisTaps(from: picture.width, to: width, window: columns, filter: filter)
            try check(picture, taps.sourceRange.count, rows.count, limit: pixelLimit)
            let lowered = try resampleColumns(of: picture, columns: taps.sourceRange, rows: rows)
            return try resampleRows(of: lowered, rows: 0..<rows.count, taps: taps.rebased)
        }
        guard height != picture.height else { return try resampleRows(of: picture, columns: columns, rows: rows) }
        let taps = try AxisTaps(from: picture.height, to: height, window: rows, filter: filter)
        try check(picture, columns.count, taps.sourceRange.count, limit: pixelLimit)
        let narrowed = try resampleRows(of: picture, columns: columns, rows: taps.sourceRange)
        return try resampleColumns(of: narrowed, columns: 0..<columns.count, taps: taps.rebased)
    }

    /// Whether columns are resampled before rows.
    ///
    /// Rounding between the passes makes the order visible. Pillow up to 12 always takes rows first; Pillow 13 takes
    /// columns first where the height shrinks by more than twice what the width does (found by comparing 12,000 sizes).
    private func goesDownFirst(_ picture: Picture) -> Bool {
        guard width != picture.width, picture.height > height else { return false }
        let (twice, overflow) = (picture.width - width).multipliedReportingOverflow(by: 2)
        return overflow || picture.height - height > twice
    }

    private func check(_ picture: Picture, _ columns: Int, _ rows: Int, limit: Int) throws(MediaError) {
        let (pixelCount, overflow) = columns.multipliedReportingOverflow(by: rows)
        guard overflow || pixelCount > max(limit, picture.pixels.count / 3) else { return }
        throw MediaError(
            .tooManyPixels,
            "cannot resize a picture of \(picture.width) x \(picture.height) pixels to \(width) x \(height): "
                + "\(columns) x \(rows) pixels are more than the limit of \(limit) pixels")
    }
}

// MARK: - Passes

extension Resampler {
    /// Some columns of the result's width from some rows of the picture.
    private func resampleRows(
        of picture: Picture, columns: Range<Int>, rows: Range<Int>
    ) throws(MediaError) -> Picture {
        guard width != picture.width else {
            if columns.count == picture.width, rows.count == picture.height { return picture }
            return Picture(
                unchecked: picture.copy(columns: columns, rows: rows), width: columns.count, height: rows.count)
        }
        let taps = try AxisTaps(from: picture.width, to: width, window: columns, filter: filter)
        return try resampleRows(of: picture, rows: rows, taps: taps)
    }

    private func resampleRows(of picture: Picture, rows: Range<Int>, taps: AxisTaps) throws(MediaError) -> Picture {
        let start = rows.lowerBound * picture.width * 3
        let result = try Self.makePixels(width: taps.outputCount, height: rows.count) { output in
            picture.pixels.withUnsafeBufferPointer { source in
                taps.withUnsafeTaps { taps in
                    cpicture_resample_rows(
                        source.baseAddress.map { $0 + start }, picture.width, rows.count, taps, output, path)
                }
            }
        }
        return Picture(unchecked: result, width: taps.outputCount, height: rows.count)
    }

    /// Some rows of the result's height from some columns of the picture.
    private func resampleColumns(
        of picture: Picture, columns: Range<Int>, rows: Range<Int>
    ) throws(MediaError) -> Picture {
        let taps = try AxisTaps(from: picture.height, to: height, window: rows, filter: filter)
        return try resampleColumns(of: picture, columns: columns, taps: taps)
    }

    private func resampleColumns(
        of picture: Picture, columns: Range<Int>, taps: AxisTaps
    ) throws(MediaError) -> Picture {
        let result = try Self.makePixels(width: columns.count, height: taps.outputCount) { output in
            picture.pixels.withUnsafeBufferPointer { source in
                taps.withUnsafeTaps { taps in
                    cpicture_resample_columns(
                        source.baseAddress.map { $0 + columns.lowerBound * 3 }, picture.width * 3, columns.count * 3,
                        taps, output, path)
                }
            }
        }
        return Picture(unchecked: result, width: columns.count, height: taps.outputCount)
    }

    /// Room for a picture of checked size, not touched before the C code fills all of it.
    private static func makePixels(
        width: Int, height: Int, _ fill: (UnsafeMutablePointer<UInt8>?) -> cpicture_status
    ) throws(MediaError) -> [UInt8] {
        let byteCount = width * height * 3
        var status = CPICTURE_OK
        let pixels = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            status = fill(buffer.baseAddress)
            initializedCount = status == CPICTURE_OK ? byteCount : 0
        }
        guard status == CPICTURE_OK else {
            throw MediaError(.outOfMemory, "cannot resize a picture: no memory for the weights (\(status.rawValue))")
        }
        return pixels
    }
}
