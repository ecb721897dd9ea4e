// SPDX-License-Identifier: MIT

extension PictureContainer {
    /// Judges a file by its first bytes; 4096 are enough.
    ///
    /// Signatures are those of the formats' own specifications, as collected in the `file` program's database.
    init(recognising bytes: UnsafeRawBufferPointer) {
        let head = Head(bytes: bytes)
        if bytes.isEmpty {
            self = .empty
        } else if head.starts([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if head.starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if head.starts("RIFF"), head.has("WEBP", at: 8) {
            self = .webp
        } else if let found = Self.signature(head) ?? Self.boxes(head) ?? Self.text(head) {
            self = found
        } else {
            self = .unknown
        }
    }

    private static let convert = "convert it to PNG"
    private static let film = "extract frames as PNG first"
    private static let unpack = "unpack it first"

    private static func picture(_ name: String) -> PictureContainer { .other(name: name, advice: convert) }

    private static func signature(_ head: Head) -> PictureContainer? {
        for entry in signatures where head.starts(entry.bytes) { return .other(name: entry.name, advice: entry.advice) }
        // Two letters are a weak sign: the size of the second header must be one that exists.
        if head.starts("BM"), [12, 40, 52, 56, 64, 108, 124].contains(head.byte(14)), head.byte(15) == 0 {
            return picture("a BMP picture")
        }
        if head.starts("RIFF") {
            if head.has("AVI ", at: 8) { return .other(name: "an AVI film", advice: film) }
            return .other(name: "a RIFF file that is not WebP", advice: "give JPEG, PNG or WebP")
        }
        if head.has("DICM", at: 128) { return picture("a DICOM picture") }
        if head.starts("P"), (0x31...0x37).contains(head.byte(1)), [0x09, 0x0A, 0x0D, 0x20].contains(head.byte(2)) {
            return picture("a PNM picture")
        }
        return nil
    }

    private static let signatures: [(bytes: [UInt8], name: String, advice: String)] = [
        (Array("GIF8".utf8), "a GIF picture", convert),
        ([0x49, 0x49, 0x2A, 0x00], "a TIFF or camera raw picture", convert),
        ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF or camera raw picture", convert),
        ([0x49, 0x49, 0x2B, 0x00], "a BigTIFF picture", convert),
        ([0x4D, 0x4D, 0x00, 0x2B], "a BigTIFF picture", convert),
        ([0x49, 0x49, 0xBC], "a JPEG XR picture", convert),
        ([0xFF, 0x0A], "a JPEG XL picture", convert),
        ([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL picture", convert),
        ([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000 picture", convert),
        ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 picture", convert),
        (Array("8BPS".utf8), "a Photoshop (PSD) picture", convert),
        ([0, 0, 1, 0], "an icon (ICO)", convert),
        ([0, 0, 2, 0], "a cursor (CUR)", convert),
        ([0x76, 0x2F, 0x31, 0x01], "an OpenEXR picture", convert),
        (Array("qoif".utf8), "a QOI picture", convert),
        (Array("DDS ".utf8), "a DDS picture", convert),
        (Array("#?RADIANCE".utf8), "a Radiance HDR picture", convert),
        (Array("SIMPLE  =".utf8), "a FITS picture", convert),
        ([0x89, 0x50, 0x4E, 0x47], "a PNG picture whose line ends were converted in transfer", "get it again"),
        ([0x8A, 0x4D, 0x4E, 0x47], "an MNG film", convert),
        (Array("%PDF".utf8), "a PDF document", "export its pages as PNG"),
        (Array("%!PS".utf8), "a PostScript document", "export its pages as PNG"),
        ([0x1A, 0x45, 0xDF, 0xA3], "a Matroska or WebM film", film),
        (Array("FLV".utf8), "a Flash film", film),
        ([0, 0, 1, 0xBA], "an MPEG film", film),
        ([0, 0, 1, 0xB3], "an MPEG film", film),
        (Array("OggS".utf8), "an Ogg film or sound", film),
        ([0x1F, 0x8B], "a gzip archive", unpack),
        ([0x50, 0x4B, 3, 4], "a zip archive (PyTorch checkpoints are such)", unpack),
        ([0x50, 0x4B, 5, 6], "an empty zip archive", "give JPEG, PNG or WebP"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", unpack),
        ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard archive", unpack),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "an xz archive", unpack),
        (Array("BZh".utf8), "a bzip2 archive", unpack),
        (Array("Rar!".utf8), "a RAR archive", unpack),
        ([0x93] + Array("NUMPY".utf8), "a NumPy array", "write it as PNG"),
        ([0x89] + Array("HDF".utf8), "an HDF5 file", "write its pictures as PNG"),
        ([0x7F] + Array("ELF".utf8), "a program", "give JPEG, PNG or WebP"),
    ]

    /// ISO media files: four bytes of length, `ftyp`, the brand.
    private static func boxes(_ head: Head) -> PictureContainer? {
        guard head.has("ftyp", at: 4) else { return nil }
        let brand = head.word(at: 8)
        switch brand {
        case "avif", "avis": return picture("an AVIF picture")
        case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1": return picture("a HEIF (HEIC) picture")
        case "crx ": return picture("a camera raw (CR3) picture")
        case "jp2 ", "jpx ": return picture("a JPEG 2000 picture")
        case "qt  ": return .other(name: "a QuickTime film", advice: film)
        default: return .other(name: "an MP4 film", advice: film)
        }
    }

    private static func text(_ head: Head) -> PictureContainer? {
        guard head.isText else { return nil }
        let words = head.lowercasedText
        if words.hasPrefix("version https://git-lfs") {
            return .other(name: "a Git LFS pointer and not the picture itself", advice: "run `git lfs pull`")
        }
        if words.hasPrefix("<!doctype html") || words.hasPrefix("<html") || words.hasPrefix("<head") {
            return .other(name: "an HTML page", advice: "the download may have failed, get the picture again")
        }
        if words.hasPrefix("<") {
            // The root element may stand behind a declaration, a comment or a document type.
            if words.contains("<svg") { return .other(name: "an SVG drawing", advice: "render it as PNG") }
            if words.contains("<html") {
                return .other(name: "an HTML page", advice: "the download may have failed, get the picture again")
            }
            if words.hasPrefix("<?xml") { return .other(name: "an XML document", advice: "give JPEG, PNG or WebP") }
        }
        return .other(name: "plain text", advice: "give JPEG, PNG or WebP")
    }
}

/// The first bytes of a file, with tests that never leave them.
private struct Head {
    let bytes: UnsafeRawBufferPointer

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(PictureFile.prefixCount))
    }

    /// The byte at an offset, 0 beyond the end.
    func byte(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    func starts(_ signature: [UInt8]) -> Bool { bytes.starts(with: signature) }

    func starts(_ signature: StaticString) -> Bool { has(signature, at: 0) }

    func has(_ signature: StaticString, at offset: Int) -> Bool {
        signature.withUTF8Buffer { bytes.dropFirst(offset).starts(with: $0) }
    }

    /// Four bytes as ASCII.
    func word(at offset: Int) -> String { String(decoding: bytes.dropFirst(offset).prefix(4), as: UTF8.self) }

    /// Whether the bytes are UTF-8 without control characters other than white space.
    var isText: Bool {
        let hasControl = bytes.contains { $0 < 0x20 && ![0x09, 0x0A, 0x0C, 0x0D].contains($0) || $0 == 0x7F }
        guard !hasControl else { return false }
        // The end of the prefix may cut a character of up to four bytes.
        let cuts = bytes.count == PictureFile.prefixCount ? 0...3 : 0...0
        return cuts.contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
    }

    /// What follows a byte order mark and white space.
    var lowercasedText: String {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let rest = bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...]
        return String(decoding: rest.drop { $0 <= 0x20 }, as: UTF8.self).lowercased()
    }
}
