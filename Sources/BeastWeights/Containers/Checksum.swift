// SPDX-License-Identifier: MIT

private import CChecksum
private import CDeflate

/// CRC-32 as zip uses it.
enum Checksum {
    /// Continues a checksum that started at 0.
    static func extended(_ checksum: UInt32, with bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard let base = bytes.baseAddress else { return checksum }
        return libdeflate_crc32(checksum, base, bytes.count)
    }

    /// The checksum of two runs of bytes, one behind the other.
    static func joined(_ first: UInt32, _ second: UInt32, secondByteCount: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(second), secondByteCount))
    }

    /// The error for a member whose bytes differ from the checksum recorded for it; 0 records none.
    static func damage(of bytes: UnsafeRawBufferPointer, _ member: ZipMember) -> WeightsError? {
        guard member.checksum != 0 else { return nil }
        let found = extended(0, with: bytes)
        return found == member.checksum ? nil : mismatch(name: member.name, expected: member.checksum, found: found)
    }

    static func mismatch(name: String, expected: UInt32, found: UInt32) -> WeightsError {
        WeightsError(
            .checksumMismatch,
            "the CRC of “\(name)” is \(hexadecimal(found)), the archive recorded \(hexadecimal(expected)): the file is "
                + "damaged; download or copy it again")
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
