// SPDX-License-Identifier: MIT

/// One stored (uncompressed) member of a zip archive.
struct ZipMember {
    let name: String
    /// Where the member's bytes start in the file.
    let dataOffset: Int
    let byteCount: Int
    /// CRC-32 of the bytes; 0 means that none was recorded.
    let checksum: UInt32

    var range: Range<Int> { dataOffset..<dataOffset + byteCount }
}

/// The directory of a zip archive whose members are all stored, checked as a whole before anything is read from it.
///
/// Sizes come from the central directory alone: PyTorch leaves those of the local headers zero. What makes two
/// readers see two different archives is refused: names that occur twice or differ between directory and local
/// header, members that overlap, trailing bytes.
/// Format: PKWARE APPNOTE 6.3.10.
struct ZipArchive {
    /// In the order of the directory.
    let members: [ZipMember]
    private let positions: [String: Int]

    init(_ file: InputFile) throws(WeightsError) {
        let location = try DirectoryLocation.find(in: file)
        let entries = try location.readEntries(of: file)
        var members: [ZipMember] = []
        var positions: [String: Int] = [:]
        members.reserveCapacity(entries.count)
        positions.reserveCapacity(entries.count)
        for entry in entries {
            guard positions.updateValue(members.count, forKey: entry.name) == nil else {
                throw WeightsError(.malformedContainer, "the zip directory lists “\(entry.name)” twice")
            }
            members.append(try entry.resolved(in: file))
        }
        try Self.refuseOverlaps(entries: entries, members: members, directoryStart: location.directory.lowerBound)
        self.members = members
        self.positions = positions
    }

    subscript(name: String) -> ZipMember? { positions[name].map { members[$0] } }

    private static func refuseOverlaps(
        entries: [ZipEntry], members: [ZipMember], directoryStart: Int
    ) throws(WeightsError) {
        let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
        for (index, next) in zip(order, order.dropFirst()) {
            guard members[index].range.upperBound <= entries[next].headerOffset else {
                throw WeightsError(
                    .malformedContainer, "the zip members “\(members[index].name)” and “\(members[next].name)” overlap")
            }
        }
        if let last = order.last, members[last].range.upperBound > directoryStart {
            throw WeightsError(.malformedContainer, "the zip member “\(members[last].name)” overlaps the directory")
        }
    }
}

/// One entry of the central directory, before its local header was looked at.
struct ZipEntry {
    let name: String
    let nameBytes: [UInt8]
    let headerOffset: Int
    let byteCount: Int
    let checksum: UInt32

    private static let localSignature: UInt32 = 0x0403_4B50
    private static let localHeaderSize = 30

    /// Reads the local header, which alone tells where the data starts.
    ///
    /// Its extra field is skipped and never parsed: PyTorch puts padding and odd zip64 records there.
    fileprivate func resolved(in file: InputFile) throws(WeightsError) -> ZipMember {
        let what = "the local header of zip member “\(name)”"
        let header = try file.read(at: headerOffset, count: Self.localHeaderSize + nameBytes.count, what: what)
        var cursor = ByteCursor(header.bytes, base: headerOffset)
        guard try cursor.integer(UInt32.self) == Self.localSignature else {
            throw WeightsError(.malformedContainer, "\(what) is not where the directory says (byte \(headerOffset))")
        }
        _ = try cursor.take(2)
        let flags = try cursor.integer(UInt16.self)
        let method = try cursor.integer(UInt16.self)
        try ZipEntry.check(flags: flags, method: method, name: name)
        _ = try cursor.take(16)
        let nameLength = Int(try cursor.integer(UInt16.self))
        let extraLength = Int(try cursor.integer(UInt16.self))
        let localName = try cursor.take(nameBytes.count)
        guard nameLength == nameBytes.count, localName.elementsEqual(nameBytes) else {
            throw WeightsError(
                .malformedContainer,
                "zip member “\(name)” has another name in its local header; the archive was altered")
        }
        // All terms are at most the file's size or 65,535: no overflow.
        let dataOffset = headerOffset + Self.localHeaderSize + nameLength + extraLength
        guard dataOffset <= file.size, byteCount <= file.size - dataOffset else {
            throw WeightsError(
                .malformedContainer,
                "zip member “\(name)” would occupy \(byteCount) bytes from byte \(dataOffset), the file has \(file.size)"
            )
        }
        return ZipMember(name: name, dataOffset: dataOffset, byteCount: byteCount, checksum: checksum)
    }

    static func check(flags: UInt16, method: UInt16, name: String) throws(WeightsError) {
        // Bits 0 and 6: encryption; bit 13: masked headers.
        guard flags & 0x2041 == 0 else {
            throw WeightsError(.unsupportedContainer, "zip member “\(name)” is encrypted")
        }
        guard method == 0 else {
            let kind = method == 8 ? "compressed (deflate)" : "compressed with method \(method)"
            throw WeightsError(
                .unsupportedContainer,
                "zip member “\(name)” is \(kind); PyTorch stores all members, so save the checkpoint again with torch.save"
            )
        }
    }
}
