// SPDX-License-Identifier: MIT

internal import CPicture

extension Picture {
    /// The picture as an 8-bit RGB PNG file in memory, without any metadata.
    ///
    /// - Parameter compression: zlib's level, 0 (none) to 9 (smallest); the pixels are the same.
    /// - Throws: `invalidArgument` for another level or a side that PNG cannot hold, `encodingFailed` or `outOfMemory`
    ///   when libpng fails.
    public func pngBytes(compression: Int = 6) throws(MediaError) -> [UInt8] {
        let attempt = "cannot write a \(self) as PNG"
        guard (0...9).contains(compression), let width = Int32(exactly: width), let height = Int32(exactly: height)
        else {
            throw MediaError(
                .invalidArgument, "\(attempt): compression \(compression) is not 0...9, or it is too large")
        }
        var report = cpicture_report()
        var block: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = pixels.withUnsafeBufferPointer { pixels in
            cpicture_encode_png(
                pixels.baseAddress, UInt32(width), UInt32(height), Int32(compression), &block, &count, &report)
        }
        defer { cpicture_free(block) }
        guard status == CPICTURE_OK, let block else {
            throw MediaError(
                status == CPICTURE_NO_MEMORY ? .outOfMemory : .encodingFailed, "\(attempt): \(report.reason)")
        }
        return [UInt8](UnsafeBufferPointer(start: block, count: count))
    }
}
