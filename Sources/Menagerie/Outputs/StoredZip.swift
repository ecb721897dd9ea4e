// SPDX-License-Identifier: MIT
internal import BeastWeights

/// A member of a zip archive that is written without compression (PKWARE's APPNOTE.TXT).
struct StoredZipMember {
    let name: String
    let checksum: ZipChecksum

    /// Its size depends on the name only, so that it can be written before checksum and size are known. Sizes stand in
    /// the 64-bit extra field, as NumPy's own archives have it.
    var localHeader: [UInt8] {
        var bytes = LittleEndianBytes()
        bytes.append(UInt32(0x0403_4B50))
        appendCommonFields(to: &bytes, size: .max)
        bytes.append(UInt16(20))
        bytes.append(name)
        bytes.append(UInt16(1))
        bytes.append(UInt16(16))
        bytes.append(UInt64(checksum.byteCount))
        bytes.append(UInt64(checksum.byteCount))
        return bytes.bytes
    }

    /// What local header and directory entry have in common, from the version to the length of the name.
    fileprivate func appendCommonFields(to bytes: inout LittleEndianBytes, size: UInt32) {
        bytes.append(UInt16(45))  // version needed
        bytes.append(UInt16(0x0800))  // the name is UTF-8
        bytes.append(UInt16(0))  // stored
        bytes.append(UInt32(0x0021_0000))  // 1 January 1980: the same content gives the same file
        bytes.append(checksum.value)
        bytes.append(size)
        bytes.append(size)
        bytes.append(UInt16(name.utf8.count))
    }
}

/// The directory at the end of an archive.
struct StoredZipDirectory {
    private var entries = LittleEndianBytes()
    private var count = 0
    private var offset = 0

    /// The next member; its local header and its bytes follow those of the members before.
    mutating func append(_ member: StoredZipMember) {
        let size = member.checksum.byteCount
        let isLarge = size >= Int(UInt32.max) || offset >= Int(UInt32.max)
        entries.append(UInt32(0x0201_4B50))
        entries.append(UInt16(45))  // made by: DOS attributes
        member.appendCommonFields(to: &entries, size: isLarge ? .max : UInt32(size))
        entries.append(UInt16(isLarge ? 28 : 0))
        entries.append(UInt16(0))  // comment
        entries.append(UInt16(0))  // disk
        entries.append(UInt16(0))  // internal attributes
        entries.append(UInt32(0))  // external attributes
        entries.append(isLarge ? .max : UInt32(offset))
        entries.append(member.name)
        if isLarge {
            entries.append(UInt16(1))
            entries.append(UInt16(24))
            entries.append(UInt64(size))
            entries.append(UInt64(size))
            entries.append(UInt64(offset))
        }
        count += 1
        offset += member.localHeader.count + size
    }

    /// The directory and its end record, which follow the last member.
    var bytes: [UInt8] {
        var bytes = entries
        let size = entries.bytes.count
        let isLarge = offset >= Int(UInt32.max)
        if isLarge {
            bytes.append(UInt32(0x0606_4B50))
            bytes.append(UInt64(44))
            bytes.append(UInt16(45))
            bytes.append(UInt16(45))
            bytes.append(UInt32(0))
            bytes.append(UInt32(0))
            bytes.append(UInt64(count))
            bytes.append(UInt64(count))
            bytes.append(UInt64(size))
            bytes.append(UInt64(offset))
            bytes.append(UInt32(0x0706_4B50))
            bytes.append(UInt32(0))
            bytes.append(UInt64(offset + size))
            bytes.append(UInt32(1))
        }
        bytes.append(UInt32(0x0605_4B50))
        bytes.append(UInt16(0))
        bytes.append(UInt16(0))
        bytes.append(UInt16(count))
        bytes.append(UInt16(count))
        bytes.append(UInt32(size))
        bytes.append(isLarge ? .max : UInt32(offset))
        bytes.append(UInt16(0))
        return bytes.bytes
    }
}

private struct LittleEndianBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
