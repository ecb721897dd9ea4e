// SPDX-License-Identifier: MIT

/// The CRC-32 of bytes that come in pieces, for zip archives that are being written.
public struct ZipChecksum: Sendable {
    /// The checksum of everything so far; 0 at the start.
    public private(set) var value: UInt32 = 0
    /// How many bytes that was.
    public private(set) var byteCount = 0

    public init() {}

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        value = Checksum.extended(value, with: bytes)
        byteCount += bytes.count
    }

    /// The checksum of these bytes followed by others whose checksum is known.
    public func followed(by other: ZipChecksum) -> ZipChecksum {
        var result = ZipChecksum()
        result.value = Checksum.joined(value, other.value, secondByteCount: other.byteCount)
        result.byteCount = byteCount + other.byteCount
        return result
    }
}
