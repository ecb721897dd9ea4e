// SPDX-License-Identifier: MIT

/// Where the central directory lies, from the end records of the archive.
struct DirectoryLocation {
    /// The bytes of the central directory within the file.
    let directory: Range<Int>
    let entryCount: Int

    private static let endSignature: UInt32 = 0x0605_4B50
    private static let locatorSignature: UInt32 = 0x0706_4B50
    private static let end64Signature: UInt32 = 0x0606_4B50
    private static let endSize = 22
    private static let locatorSize = 20
    private static let end64Size = 56
    /// Ten times as many as the largest training checkpoints have.
    private static let maximumEntries = 100_000
    private static let maximumDirectoryBytes = 16 << 20

    /// Finds the end record: the last one whose comment reaches exactly to the end of the file.
    static func find(in file: InputFile) throws(WeightsError) -> DirectoryLocation {
        let tailSize = min(file.size, endSize + 0xFFFF)
        let tailStart = file.size - tailSize
        let tail = try file.read(at: tailStart, count: tailSize, what: "the end of the zip archive")
        var candidate = tailSize - endSize
        while candidate >= 0 {
            if tail.bytes.loadUnaligned(fromByteOffset: candidate, as: UInt32.self).littleEndian == endSignature {
                let commentLength = tail.bytes.loadUnaligned(fromByteOffset: candidate + 20, as: UInt16.self)
                if Int(commentLength.littleEndian) == tailSize - candidate - endSize {
                    let record = UnsafeRawBufferPointer(rebasing: tail.bytes[candidate...])
                    return try parse(record, at: tailStart + candidate, in: file)
                }
            }
            candidate -= 1
        }
        throw WeightsError(
            .malformedContainer,
            "starts like a zip archive but has no end record: the file is cut short; download or copy it again")
    }

    private static func parse(
        _ record: UnsafeRawBufferPointer, at position: Int, in file: InputFile
    ) throws(WeightsError) -> DirectoryLocation {
        var cursor = ByteCursor(record, base: position)
        _ = try cursor.take(4)
        let disks = (try cursor.integer(UInt16.self), try cursor.integer(UInt16.self))
        let counts = (try cursor.integer(UInt16.self), try cursor.integer(UInt16.self))
        let size = try cursor.integer(UInt32.self)
        let offset = try cursor.integer(UInt32.self)
        let needs64 = counts.1 == .max || size == .max || offset == .max || disks.0 == .max
        if let wide = try parse64(endingAt: position, in: file) {
            // Both records speak of the same directory wherever the narrow one has an opinion.
            let agrees =
                (counts.1 == .max || Int(counts.1) == wide.entryCount)
                && (size == .max || Int(size) == wide.directory.count)
                && (offset == .max || Int(offset) == wide.directory.lowerBound)
            guard agrees else {
                throw WeightsError(.malformedContainer, "the zip and zip64 end records contradict each other")
            }
            return wide
        }
        guard !needs64 else {
            throw WeightsError(.malformedContainer, "the zip end record refers to a zip64 record that is missing")
        }
        guard disks.0 == 0, disks.1 == 0, counts.0 == counts.1 else { throw multiDisk }
        return try DirectoryLocation(
            offset: UInt64(offset), size: UInt64(size), count: UInt64(counts.1), limit: position)
    }

    /// The zip64 record, nil where no locator precedes the end record.
    private static func parse64(
        endingAt position: Int, in file: InputFile
    ) throws(WeightsError) -> DirectoryLocation? {
        guard position >= locatorSize else { return nil }
        let locatorStart = position - locatorSize
        let locator = try file.read(at: locatorStart, count: locatorSize, what: "the zip64 locator")
        var cursor = ByteCursor(locator.bytes, base: locatorStart)
        guard try cursor.integer(UInt32.self) == locatorSignature else { return nil }
        guard try cursor.integer(UInt32.self) == 0 else { throw multiDisk }
        let start = try cursor.integer(UInt64.self)
        guard try cursor.integer(UInt32.self) == 1 else { throw multiDisk }
        guard locatorStart >= end64Size, start <= UInt64(locatorStart - end64Size) else {
            throw WeightsError(.malformedContainer, "the zip64 locator points outside the file (byte \(start))")
        }
        let record = try file.read(at: Int(start), count: end64Size, what: "the zip64 end record")
        cursor = ByteCursor(record.bytes, base: Int(start))
        guard try cursor.integer(UInt32.self) == end64Signature else {
            throw WeightsError(.malformedContainer, "there is no zip64 end record at byte \(start)")
        }
        _ = try cursor.take(12)
        guard try cursor.integer(UInt32.self) == 0, try cursor.integer(UInt32.self) == 0 else { throw multiDisk }
        let counts = (try cursor.integer(UInt64.self), try cursor.integer(UInt64.self))
        guard counts.0 == counts.1 else { throw multiDisk }
        let size = try cursor.integer(UInt64.self)
        let offset = try cursor.integer(UInt64.self)
        return try DirectoryLocation(offset: offset, size: size, count: counts.1, limit: Int(start))
    }

    private static let multiDisk = WeightsError(.unsupportedContainer, "the zip archive is spread over several disks")

    private init(offset: UInt64, size: UInt64, count: UInt64, limit: Int) throws(WeightsError) {
        guard offset <= UInt64(limit), size <= UInt64(limit) - offset else {
            throw WeightsError(
                .malformedContainer, "the zip directory (\(size) bytes from byte \(offset)) lies outside the file")
        }
        guard count <= UInt64(Self.maximumEntries), size <= UInt64(Self.maximumDirectoryBytes) else {
            throw WeightsError(
                .limitExceeded,
                "the zip directory announces \(count) members in \(size) bytes, at most \(Self.maximumEntries) in "
                    + "\(Self.maximumDirectoryBytes) bytes are read")
        }
        directory = Int(offset)..<Int(offset + size)
        entryCount = Int(count)
    }
}

extension DirectoryLocation {
    private static let entrySignature: UInt32 = 0x0201_4B50
    private static let entrySize = 46

    /// Decodes the central directory, which must hold exactly the announced number of entries.
    func readEntries(of file: InputFile) throws(WeightsError) -> [ZipEntry] {
        guard entryCount <= directory.count / Self.entrySize else {
            throw WeightsError(
                .malformedContainer,
                "the zip end record announces \(entryCount) members, the directory of \(directory.count) bytes has fewer"
            )
        }
        let bytes = try file.read(at: directory.lowerBound, count: directory.count, what: "the zip directory")
        var cursor = ByteCursor(bytes.bytes, base: directory.lowerBound)
        var entries: [ZipEntry] = []
        entries.reserveCapacity(entryCount)
        for _ in 0..<entryCount { entries.append(try Self.parseEntry(&cursor, fileSize: file.size)) }
        guard cursor.isAtEnd else {
            throw WeightsError(
                .malformedContainer, "the zip directory holds more than the announced \(entryCount) members")
        }
        return entries
    }

    private static func parseEntry(_ cursor: inout ByteCursor, fileSize: Int) throws(WeightsError) -> ZipEntry {
        guard try cursor.integer(UInt32.self) == entrySignature else {
            throw WeightsError(
                .malformedContainer, "the zip directory is damaged before byte \(cursor.base + cursor.position)")
        }
        _ = try cursor.take(4)
        let flags = try cursor.integer(UInt16.self)
        let method = try cursor.integer(UInt16.self)
        _ = try cursor.take(4)
        let checksum = try cursor.integer(UInt32.self)
        let packed = try cursor.integer(UInt32.self)
        let unpacked = try cursor.integer(UInt32.self)
        let nameLength = Int(try cursor.integer(UInt16.self))
        let extraLength = Int(try cursor.integer(UInt16.self))
        let commentLength = Int(try cursor.integer(UInt16.self))
        let disk = try cursor.integer(UInt16.self)
        _ = try cursor.take(6)
        let offset = try cursor.integer(UInt32.self)
        let nameBytes = [UInt8](try cursor.take(nameLength))
        let extra = try cursor.take(extraLength)
        _ = try cursor.take(commentLength)

        let name = try memberName(nameBytes)
        try ZipEntry.check(flags: flags, method: method, name: name)
        var wide = WideFields(extra)
        let byteCount = try wide.widened(unpacked, name)
        let packedCount = try wide.widened(packed, name)
        let headerOffset = try wide.widened(offset, name)
        guard disk == 0 || disk == .max else { throw multiDisk }
        guard byteCount == packedCount else {
            throw WeightsError(
                .malformedContainer,
                "zip member “\(name)” is stored, yet its two sizes differ (\(packedCount), \(byteCount))")
        }
        guard headerOffset <= UInt64(fileSize), byteCount <= UInt64(fileSize) else {
            throw WeightsError(
                .malformedContainer,
                "zip member “\(name)” would occupy \(byteCount) bytes near byte \(headerOffset), the file has \(fileSize)"
            )
        }
        return ZipEntry(
            name: name, nameBytes: nameBytes, headerOffset: Int(headerOffset), byteCount: Int(byteCount),
            checksum: checksum)
    }

    /// Whether one component of a path is `..`.
    private static func climbs(_ path: [UInt8]) -> Bool {
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        return path.indices.dropLast().contains { index in
            path[index] == dot && path[index + 1] == dot && (index == 0 || path[index - 1] == slash)
                && (index + 2 == path.count || path[index + 2] == slash)
        }
    }

    private static func memberName(_ bytes: [UInt8]) throws(WeightsError) -> String {
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw WeightsError(.malformedContainer, "a zip member's name is not UTF-8")
        }
        guard !climbs(bytes), !bytes.contains(0), !bytes.contains(UInt8(ascii: "\\")), bytes.first != UInt8(ascii: "/")
        else {
            throw WeightsError(
                .malformedContainer, "a zip member is named “\(name.shortened(to: 80))”; such paths are refused")
        }
        return name
    }
}

/// The zip64 extra record of one directory entry: it holds only the fields whose 32-bit twin is 0xFFFFFFFF, in order.
private struct WideFields {
    private var cursor: ByteCursor?

    init(_ extra: UnsafeRawBufferPointer) {
        var records = ByteCursor(extra)
        while let tag = try? records.integer(UInt16.self), let size = try? records.integer(UInt16.self),
            let body = try? records.take(Int(size))
        {
            if tag == 0x0001 {
                cursor = ByteCursor(body)
                return
            }
        }
    }

    mutating func widened(_ narrow: UInt32, _ name: String) throws(WeightsError) -> UInt64 {
        guard narrow == .max else { return UInt64(narrow) }
        guard let value = try? cursor?.integer(UInt64.self) else {
            throw WeightsError(.malformedContainer, "zip member “\(name)” lacks its zip64 sizes")
        }
        return value
    }
}
