// SPDX-License-Identifier: MIT

/// One stored (uncompressed) member of a zip archive.
struct ZipMember {
    let name: String
    /// Where the member's bytes start in the file.
    let dataOffset: Int
    let byteCount: Int
    /// CRC-32 of the bytes; 0 means that none was recorded.
    let checksum: UInt32
    /// Whether the local header was read. Without it nobody knows where the data starts: ``range`` is empty.
    var isResolved = true

    var range: Range<Int> { isResolved ? dataOffset..<dataOffset + byteCount : 0..<0 }
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
    /// For each member the bytes in which all of it lies: from its local header as far as it may reach, at most to the
    /// next one or to the directory.
    let slots: [Range<Int>]
    private let positions: [String: Int]

    /// - Parameter isPresent: whether the bytes of a member are here, by its name; the others are listed and not looked
    ///   at. nil where the whole file is here.
    init(_ file: InputFile, isPresent: ((String) -> Bool)? = nil) throws(WeightsError) {
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
            members.append(try isPresent?(entry.name) == false ? entry.unresolved : entry.resolved(in: file))
        }
        slots = try Self.slots(of: entries, members: members, directoryStart: location.directory.lowerBound)
        self.members = members
        self.positions = positions
    }

    subscript(name: String) -> ZipMember? { positions[name].map { members[$0] } }

    /// Divides the file among its members; refuses those that overlap.
    private static func slots(
        of entries: [ZipEntry], members: [ZipMember], directoryStart: Int
    ) throws(WeightsError) -> [Range<Int>] {
        var slots = [Range<Int>](repeating: 0..<0, count: entries.count)
        func end(_ index: Int) -> Int {
            members[index].isResolved ? members[index].range.upperBound : entries[index].leastEnd
        }
        let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
        for (index, next) in zip(order, order.dropFirst()) {
            guard end(index) <= entries[next].headerOffset else {
                throw WeightsError(
                    .malformedContainer, "the zip members “\(members[index].name)” and “\(members[next].name)” overlap")
            }
            slots[index] = entries[index].headerOffset..<min(entries[next].headerOffset, entries[index].greatestEnd)
        }
        if let last = order.last {
            guard end(last) <= directoryStart else {
                throw WeightsError(.malformedContainer, "the zip member “\(members[last].name)” overlaps the directory")
            }
            slots[last] = entries[last].headerOffset..<min(directoryStart, entries[last].greatestEnd)
        }
        return slots
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

    /// Where the member ends if its local header has nothing but the name. Offset and size are at most the file's size,
    /// so the sum cannot overflow.
    var leastEnd: Int { headerOffset + Self.localHeaderSize + nameBytes.count + byteCount }

    /// Where the member ends at the latest.
    var greatestEnd: Int { headerOffset + Self.localHeaderSize + 2 * Int(UInt16.max) + byteCount }

    /// What the directory alone tells.
    fileprivate var unresolved: ZipMember {
        ZipMember(name: name, dataOffset: 0, byteCount: byteCount, checksum: checksum, isResolved: false)
    }

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
