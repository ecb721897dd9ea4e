// SPDX-License-Identifier: MIT
import FuzzSupport

/// Finds where the operations of a pickle start and end, without looking at what they mean.
enum PickleScanner {
    static let stop = UInt8(ascii: ".")

    /// Up to and including STOP; what cannot be taken apart is one last operation.
    static func operations(of bytes: [UInt8], from start: Int = 0) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var position = start
        while position < bytes.count {
            guard let size = size(of: bytes, at: position), size <= bytes.count - position else {
                result.append(position..<bytes.count)
                break
            }
            result.append(position..<position + size)
            if bytes[position] == stop { break }
            position += size
        }
        return result
    }

    /// Where the operand of an operation starts, and whether a count of that many bytes stands in front of it.
    static func countSize(of operation: UInt8) -> Int {
        switch operation {
        case 0x8A, 0x55, 0x8C, 0x43: 1
        case 0x8B, 0x54, 0x58, 0x42: 4
        case 0x8D, 0x8E, 0x96: 8
        default: 0
        }
    }

    /// Whether an operation by itself pushes a value and takes none.
    static func makesValue(_ operation: [UInt8]) -> Bool {
        switch operation.first {
        case 0x4E, 0x88, 0x89, 0x49, 0x4A, 0x4B, 0x4D, 0x4C, 0x8A, 0x8B, 0x46, 0x47, 0x53, 0x54, 0x55, 0x56, 0x58, 0x8C,
            0x8D, 0x42, 0x43, 0x8E, 0x96, 0x29, 0x5D, 0x7D, 0x8F, 0x63, 0x67, 0x68, 0x6A:
            true
        default: false
        }
    }

    private static func size(of bytes: [UInt8], at position: Int) -> Int? {
        let operation = bytes[position]
        let countSize = countSize(of: operation)
        if countSize > 0 {
            guard let count = bytes.littleEndian(at: position + 1, count: countSize), count <= bytes.count else {
                return nil
            }
            return 1 + countSize + count
        }
        switch operation {
        case 0x4B, 0x68, 0x71, 0x80, 0x82: return 2
        case 0x4D, 0x83: return 3
        case 0x4A, 0x6A, 0x72, 0x84: return 5
        case 0x47, 0x95: return 9
        case 0x49, 0x4C, 0x46, 0x53, 0x56, 0x67, 0x70, 0x50: return lines(1, bytes, position)
        case 0x63, 0x69: return lines(2, bytes, position)
        default: return 1
        }
    }

    private static func lines(_ count: Int, _ bytes: [UInt8], _ position: Int) -> Int? {
        var end = position
        for _ in 0..<count {
            guard let next = bytes[(end + 1)...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            end = next
        }
        return end + 1 - position
    }
}
