// SPDX-License-Identifier: MIT

@testable import BeastWeights

/// Builds zip archives byte by byte, with any field set wrong on request.
struct ZipBuilder {
    struct Member {
        var name: String
        var bytes: [UInt8]
        var localName: String?
        var checksum: UInt32?
        var flags: UInt16 = 0x0808
        var method: UInt16 = 0
        var padding = 0
        /// Overrides what the directory says.
        var directorySize: UInt64?
        var directoryOffset: UInt64?
    }

    var members: [Member] = []
    var comment: [UInt8] = []
    var isZip64 = false
    var announcedCount: Int?
    var directoryShift = 0

    mutating func add(_ name: String, _ bytes: [UInt8], _ change: (inout Member) -> Void = { _ in }) {
        var member = Member(name: name, bytes: bytes)
        change(&member)
        members.append(member)
    }

    func build() -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let offset = file.count
            let localName = Array((member.localName ?? member.name).utf8)
            file += le(0x0403_4B50 as UInt32) + le(0 as UInt16) + le(member.flags) + le(member.method)
            // Sizes and checksum stay zero in the local header, as torch.save leaves them.
            file += [UInt8](repeating: 0, count: 16) + le(UInt16(localName.count)) + le(UInt16(member.padding))
            file += localName + [UInt8](repeating: 0x5A, count: member.padding) + member.bytes
            if member.flags & 8 != 0 { file += [UInt8](repeating: 0, count: 16) }
            directory += entry(member, offset: UInt64(offset))
        }
        let start = file.count + directoryShift
        let count = announcedCount ?? members.count
        let end64 = file.count + directory.count
        file += directory
        if isZip64 {
            file += le(0x0606_4B50 as UInt32) + le(44 as UInt64) + le(0 as UInt32) + le(0 as UInt32) + le(0 as UInt32)
            file += le(UInt64(count)) + le(UInt64(count)) + le(UInt64(directory.count)) + le(UInt64(start))
            file += le(0x0706_4B50 as UInt32) + le(0 as UInt32) + le(UInt64(end64)) + le(1 as UInt32)
        }
        file += le(0x0605_4B50 as UInt32) + le(0 as UInt32)
        if isZip64 {
            file += [UInt8](repeating: 0xFF, count: 12)
        } else {
            file += le(UInt16(count)) + le(UInt16(count)) + le(UInt32(directory.count)) + le(UInt32(start))
        }
        return file + le(UInt16(comment.count)) + comment
    }

    private func entry(_ member: Member, offset: UInt64) -> [UInt8] {
        let checksum = member.checksum ?? member.bytes.withUnsafeBytes { Checksum.extended(0, with: $0) }
        let size = member.directorySize ?? UInt64(member.bytes.count)
        let offset = member.directoryOffset ?? offset
        let wide: [UInt8] = isZip64 ? le(1 as UInt16) + le(24 as UInt16) + le(size) + le(size) + le(offset) : []
        var bytes = le(0x0201_4B50 as UInt32) + le(0 as UInt32) + le(member.flags) + le(member.method)
        bytes += le(0 as UInt32) + le(checksum)
        bytes += isZip64 ? [UInt8](repeating: 0xFF, count: 8) : le(UInt32(size)) + le(UInt32(size))
        bytes += le(UInt16(member.name.utf8.count)) + le(UInt16(wide.count)) + le(0 as UInt16) + le(0 as UInt16)
        bytes += [UInt8](repeating: 0, count: 6)
        bytes += isZip64 ? [UInt8](repeating: 0xFF, count: 4) : le(UInt32(offset))
        return bytes + member.name.utf8 + wide
    }
}

func le<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}
