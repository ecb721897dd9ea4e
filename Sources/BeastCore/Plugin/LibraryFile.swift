// SPDX-License-Identifier: MIT
private import Glibc

/// A look at a library's file before the loader maps it.
///
/// The loader trusts the file's own table of segments. Of a file that was cut off (a copy that was interrupted, a full
/// disk) it maps pages behind the end, and the process dies of a bus error when it touches them.
enum LibraryFile {
    /// The ELF-64 header and one entry of the program header table (System V ABI, chapters 4 and 5).
    private enum ELF {
        static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1]
        static let headerSize = 64
        static let programHeaderOffset = 32
        static let entrySizeOffset = 54
        static let entryCountOffset = 56
        static let entrySize = 56
        static let loadable: UInt32 = 1
        static let segmentOffset = 8
        static let segmentFileSize = 32
    }

    /// Says how much of the file is missing; nil for a file that is whole, or that the loader will refuse by itself.
    static func truncation(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var information = stat()
        guard fstat(file, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
        let fileSize = UInt64(clamping: information.st_size)
        guard let header = read(file, from: 0, count: ELF.headerSize), header.starts(with: ELF.magic) else {
            return nil
        }
        let table = number(header, ELF.programHeaderOffset, UInt64.self)
        guard number(header, ELF.entrySizeOffset, UInt16.self) == UInt16(ELF.entrySize), table < fileSize else {
            return nil
        }
        for index in 0..<UInt64(number(header, ELF.entryCountOffset, UInt16.self)) {
            guard let entry = read(file, from: table + index * UInt64(ELF.entrySize), count: ELF.entrySize) else {
                return nil
            }
            guard number(entry, 0, UInt32.self) == ELF.loadable else { continue }
            let (end, overflow) = number(entry, ELF.segmentOffset, UInt64.self)
                .addingReportingOverflow(number(entry, ELF.segmentFileSize, UInt64.self))
            if overflow || end > fileSize {
                return "the file is cut off: it has \(fileSize) bytes and should have \(end) or more"
            }
        }
        return nil
    }

    private static func read(_ file: Int32, from offset: UInt64, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard let offset = Int(exactly: offset), pread(file, &bytes, count, offset) == count else { return nil }
        return bytes
    }

    private static func number<Value: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int, _ type: Value.Type) -> Value {
        Value(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) })
    }
}
