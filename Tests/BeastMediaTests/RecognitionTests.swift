// SPDX-License-Identifier: MIT

import Testing

@testable import BeastMedia

@Suite("Recognition by content")
struct RecognitionTests {
    private static func box(_ brand: String) -> [UInt8] { [0, 0, 0, 24] + Array("ftyp\(brand)".utf8) + [0, 0, 0, 0] }
    private static func text(_ content: String) -> [UInt8] { Array(content.utf8) }

    static let refusals: [(bytes: [UInt8], name: String)] = [
        (text("GIF89a") + [1, 0, 1, 0], "a GIF picture"),
        (text("BM") + [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0], "a BMP picture"),
        ([0x49, 0x49, 0x2A, 0, 8, 0, 0, 0], "a TIFF or camera raw picture"),
        ([0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8], "a TIFF or camera raw picture"),
        (box("heic"), "a HEIF (HEIC) picture"), (box("mif1"), "a HEIF (HEIC) picture"),
        (box("avif"), "an AVIF picture"), (box("isom"), "an MP4 film"), (box("qt  "), "a QuickTime film"),
        (box("crx "), "a camera raw (CR3) picture"),
        ([0xFF, 0x0A, 0, 0], "a JPEG XL picture"),
        ([0, 0, 0, 0x0C] + text("JXL ") + [0x0D, 0x0A, 0x87, 0x0A], "a JPEG XL picture"),
        ([0, 0, 0, 0x0C] + text("jP  ") + [0x0D, 0x0A, 0x87, 0x0A], "a JPEG 2000 picture"),
        ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 picture"),
        (text("<?xml version=\"1.0\"?>\n<svg width=\"1\"/>"), "an SVG drawing"), (text("  <SVG/>"), "an SVG drawing"),
        (text("<?xml version=\"1.0\"?><a/>"), "an XML document"),
        (text("<!DOCTYPE html><svg/>"), "an HTML page"), (text("\n<html>"), "an HTML page"),
        (text("%PDF-1.7"), "a PDF document"), (text("8BPS"), "a Photoshop (PSD) picture"),
        ([0, 0, 1, 0, 1, 0], "an icon (ICO)"), ([0x1F, 0x8B, 8], "a gzip archive"),
        (text("PK") + [3, 4], "a zip archive (PyTorch checkpoints are such)"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive"), ([0x1A, 0x45, 0xDF, 0xA3], "a Matroska or WebM film"),
        (text("RIFF") + [0, 0, 0, 0] + text("AVI "), "an AVI film"),
        (text("RIFF") + [0, 0, 0, 0] + text("WAVE"), "a RIFF file that is not WebP"),
        (text("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer and not the picture itself"),
        (text("404: Not Found"), "plain text"), ([0xEF, 0xBB, 0xBF] + text("<html>"), "an HTML page"),
        (text("BM is no sign of a picture"), "plain text"), (text("P5\n1 1\n255\n"), "a PNM picture"),
        ([0x89] + text("PNG") + [0x0A, 0x1A, 0x0A, 0], "a PNG picture whose line ends were converted in transfer"),
    ]

    @Test("Known formats are refused by name, with advice", arguments: refusals)
    func byName(bytes: [UInt8], name: String) {
        let error = failure { _ = try Picture(bytes) }
        #expect(error?.code == .unsupported)
        #expect(error?.message.hasPrefix("cannot read this as a picture: it is \(name); ") == true, "\(error!)")
    }

    @Test("Unknown bytes and nothing at all are said to be that")
    func unknown() {
        for bytes in [[0], [1, 2, 3, 4, 5], [0xFF], [0xFF, 0xD8], [0x89, 0x50]] as [[UInt8]] {
            #expect(failure { _ = try Picture(bytes) }?.code == .unrecognised)
        }
        #expect(
            failure { _ = try Picture([]) }?.description == "test: cannot read this picture: the file is empty")
    }
}
