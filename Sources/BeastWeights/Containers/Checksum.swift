// SPDX-License-Identifier: MIT

internal import CCRC32
private import CChecksum

/// CRC-32 as zip uses it: by carry-less multiplication where the processor has it, by zlib elsewhere.
enum Checksum {
    /// How bytes are gone through. The results are the same.
    enum Method: Int32, CaseIterable {
        case zlib = 0
        case narrow = 1
        case wide = 2

        /// What this processor can do, the fastest last.
        static let available: [Method] = allCases.filter { $0.rawValue <= crc32_fold_level() }
        fileprivate static let best = available.last ?? .zlib
    }

    /// Continues a checksum that started at 0.
    static func extended(_ checksum: UInt32, with bytes: UnsafeRawBufferPointer) -> UInt32 {
        extended(checksum, with: bytes, by: .best)
    }

    static func extended(_ checksum: UInt32, with bytes: UnsafeRawBufferPointer, by method: Method) -> UInt32 {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return checksum }
        var checksum = checksum
        var done = 0
        // Of fewer bytes nothing can be made that is worth the way there; the last ones do not fill a register.
        if method != .zlib, bytes.count >= 128 {
            done = bytes.count & ~15
            checksum =
                method == .wide
                ? crc32_fold_wide(checksum, base, done) : crc32_fold_narrow(checksum, base, done)
        }
        return UInt32(truncatingIfNeeded: crc32_z(UInt(checksum), base + done, bytes.count - done))
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
