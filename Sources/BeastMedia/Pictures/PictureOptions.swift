// SPDX-License-Identifier: MIT

/// Limits and leniency when reading pictures.
public struct PictureOptions: Sendable, Equatable {
    /// Pixels beyond which pictures are refused unless said otherwise: 80 million, 240 MB of RGB rows.
    public static let standardPixelLimit = 80_000_000
    /// Bytes beyond which files are refused unless said otherwise: 512 MiB.
    public static let standardFileSizeLimit = 512 << 20

    /// The most pixels (width times height) that are decoded; checked against the header before memory is taken.
    ///
    /// Decoding takes 3 bytes a pixel, and up to 8 more while a progressive JPEG is decoded.
    public var pixelLimit: Int
    /// The largest file that is read, in bytes.
    public var fileSizeLimit: Int
    /// Whether damaged and cut files are decoded as far as they go, the rest grey (JPEG) or black (PNG, WebP).
    ///
    /// Off, every sign of damage is an error. On, only files without a usable header are refused.
    public var allowsTruncated: Bool

    /// Makes options.
    ///
    /// - Parameters:
    ///   - pixelLimit: The most pixels that are decoded.
    ///   - fileSizeLimit: The largest file that is read, in bytes.
    ///   - allowsTruncated: Whether damaged and cut files are decoded as far as they go.
    public init(
        pixelLimit: Int = standardPixelLimit, fileSizeLimit: Int = standardFileSizeLimit,
        allowsTruncated: Bool = false
    ) {
        self.pixelLimit = pixelLimit
        self.fileSizeLimit = fileSizeLimit
        self.allowsTruncated = allowsTruncated
    }
}
