// SPDX-License-Identifier: MIT

import BeastMedia
import Foundation
import Testing

/// 16 x 16 pixels each, written by Pillow 13.
private enum Sample {
    static let baseline = decode(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5a"
            + "YVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//"
            + "wAARCAAQABADASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQR"
            + "BRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1"
            + "dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6"
            + "/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKR"
            + "obHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOU"
            + "lZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwCaRqqy"
            + "NUsjVUkavHwtI58qwmx//9k=")
    static let progressive = decode(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5a"
            + "YVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//"
            + "wgARCAAQABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAgP/xAAVAQEBAAAAAAAAAAAAAAAAAAADBP/aAAwDAQACEAMQAAAB"
            + "clKM/wD/xAAVEAEBAAAAAAAAAAAAAAAAAAAAAf/aAAgBAQABBQKqqv/EABYRAAMAAAAAAAAAAAAAAAAAAAADBP/aAAgBAwEBPwGVR//E"
            + "ABYRAAMAAAAAAAAAAAAAAAAAAAACA//aAAgBAgEBPwGSn//EABQQAQAAAAAAAAAAAAAAAAAAACD/2gAIAQEABj8CH//EABUQAQEAAAAA"
            + "AAAAAAAAAAAAAAAB/9oACAEBAAE/IaUpT//aAAwDAQACAAMAAAAQI//EABURAQEAAAAAAAAAAAAAAAAAAAAx/9oACAEDAQE/EJv/xAAU"
            + "EQEAAAAAAAAAAAAAAAAAAAAA/9oACAECAQE/ED//xAAUEAEAAAAAAAAAAAAAAAAAAAAg/9oACAEBAAE/EAAf/9k=")
    static let webp = decode(
        "UklGRjwAAABXRUJQVlA4TC8AAAAvD8ADALkiRPQ/dlGIcvc/oLRtI2j/idv7YeDR+Z+AIJikqbZjLqXhC0GWyDsnAAA=")
    static let animation = decode(
        "UklGRoIAAABXRUJQVlA4WAoAAAACAAAAAwAAAwAAQU5JTQYAAAAAAAAAAABBTk1GJgAAAAAAAAAAAAMAAAMAAAAAAAJWUDhMDgAAAC8DwAAA"
            + "BxAR/Q9ERP8DQU5NRigAAAAAAAAAAAADAAADAAAAAAAAVlA4TA8AAAAvA8AAAAcQ/Y/+ByKi/wEA")

    private static func decode(_ text: String) -> [UInt8] { [UInt8](Data(base64Encoded: text) ?? Data()) }
}

@Suite("Decoding")
struct DecodingTests {
    @Test("Grey PNGs of 1, 2 and 4 bits span the full range")
    func shallowGrey() throws {
        for (depth, byte, levels) in [(1, 0b0100_0000, [0, 255]), (2, 0b0110_0000, [85, 170]), (4, 0x3F, [51, 255])] {
            let picture = try Picture(
                HandMadePNG.file(width: 2, height: 1, depth: UInt8(depth), colorType: 0, rows: [[UInt8(byte)]]))
            #expect(picture.pixels == levels.flatMap { [UInt8](repeating: UInt8($0), count: 3) }, "\(depth) bits")
        }
    }

    @Test("16-bit grey is clipped at 255, every other 16-bit channel keeps its high byte, alpha is dropped")
    func deep() throws {
        let grey = HandMadePNG.file(
            width: 3, height: 2, depth: 16, colorType: 0, rows: [[0, 254, 1, 0, 255, 255], [0, 0, 0, 255, 0, 7]])
        #expect(try Picture(grey).pixels == [254, 255, 255, 0, 255, 7].flatMap { [$0, $0, $0] })
        let greyAlpha = HandMadePNG.file(
            width: 2, height: 1, depth: 16, colorType: 4, rows: [[7, 255, 0, 0, 9, 1, 2, 3]])
        #expect(try Picture(greyAlpha).pixels == [7, 7, 7, 9, 9, 9])
        let color = HandMadePNG.file(width: 1, height: 1, depth: 16, colorType: 2, rows: [[1, 255, 2, 255, 3, 255]])
        #expect(try Picture(color).pixels == [1, 2, 3])
        let colorAlpha = HandMadePNG.file(width: 1, height: 1, depth: 8, colorType: 6, rows: [[10, 20, 30, 0]])
        #expect(try Picture(colorAlpha).pixels == [10, 20, 30])
    }

    @Test("Palettes give their colours whatever the transparency, and black beyond their end")
    func palette() throws {
        let file = HandMadePNG.file(
            width: 4, height: 1, depth: 8, colorType: 3, rows: [[1, 0, 2, 200]],
            extra: [("PLTE", [1, 2, 3, 40, 50, 60]), ("tRNS", [0, 128])])
        #expect(try Picture(file).pixels == [40, 50, 60, 1, 2, 3, 0, 0, 0, 0, 0, 0])
    }

    @Test("Gamma, profiles and other side information change nothing, even damaged")
    func ancillary() throws {
        let rows: [[UInt8]] = [[10, 128, 250]]
        let plain = HandMadePNG.file(width: 1, height: 1, depth: 8, colorType: 2, rows: rows)
        let decorated = HandMadePNG.file(
            width: 1, height: 1, depth: 8, colorType: 2, rows: rows,
            extra: [("gAMA", [0, 0, 0, 1]), ("iCCP", [1, 2, 3]), ("tEXt", [0]), ("sBIT", [1, 1, 1]), ("tRNS", [0])])
        #expect(try Picture(plain) == Picture(decorated))
    }

    @Test("Every cut of a PNG, JPEG or WebP file is an error, and leniency never crashes")
    func cuts() throws {
        let picture = try Picture.noise(width: 9, height: 9)
        for file in [try picture.pngBytes(), Sample.baseline, Sample.progressive, Sample.webp] {
            #expect(failure { _ = try Picture(file) } == nil)
            for count in 0..<file.count {
                let cut = Array(file.prefix(count))
                let error = failure { _ = try Picture(cut) }
                #expect(error != nil, "\(count) of \(file.count) bytes were read as a picture")
                #expect(error?.path == "test")
                _ = failure { _ = try Picture(cut, options: PictureOptions(allowsTruncated: true)) }
            }
        }
    }

    @Test("Every single changed byte gives a picture or an error")
    func changes() throws {
        let picture = try Picture.noise(width: 7, height: 5)
        for file in [try picture.pngBytes(), Sample.baseline, Sample.progressive, Sample.webp, Sample.animation] {
            for index in file.indices {
                for value in [UInt8(0), 0x7F, 0xFF, file[index] ^ 1] {
                    var changed = file
                    changed[index] = value
                    for allows in [false, true] {
                        let options = PictureOptions(pixelLimit: 1_000_000, allowsTruncated: allows)
                        _ = failure { _ = try Picture(changed, options: options) }
                    }
                }
            }
        }
    }

    @Test("Bytes behind the end of a JPEG and left-over bytes before it do not matter")
    func surplus() throws {
        let picture = try Picture(Sample.baseline)
        #expect(try Picture(Sample.baseline + [1, 2, 3]) == picture)
        let padded = Sample.baseline.dropLast(2) + [0, 0, 0, 0xFF, 0xD9]
        #expect(try Picture(Array(padded)) == picture)
    }

    @Test("A JPEG with too many scans is refused")
    func scanBomb() throws {
        let file = Sample.progressive
        let last = try #require(file.indices.dropLast().last { file[$0] == 0xFF && file[$0 + 1] == 0xDA })
        let scan = file[last...].dropLast(2)
        let bomb = Array(file.dropLast(2)) + Array(repeating: scan, count: 600).flatMap { $0 } + [0xFF, 0xD9]
        // Repeating a refinement scan is a fault of its own, which leniency looks past.
        let error = failure { _ = try Picture(bomb, options: PictureOptions(allowsTruncated: true)) }
        #expect(error?.message.contains("more than 500 scans") == true, "\(String(describing: error))")
    }

    @Test("An animated WebP is refused as such")
    func animation() {
        #expect(
            failure { _ = try Picture(Sample.animation) }?.description
                == "test: cannot decode the header of a WebP picture: not supported: an animation, not a still picture; "
                + "convert it to PNG")
    }

    @Test("The pixel limit is checked against the header and names both numbers")
    func pixelLimit() throws {
        let rows: [[UInt8]] = [[0]]
        let huge = HandMadePNG.file(width: 60_000, height: 60_000, depth: 1, colorType: 0, rows: rows)
        #expect(
            failure { _ = try Picture(huge) }?.description
                == "test: cannot read this picture: 60000 x 60000 pixels are more than the limit of 80000000 pixels; "
                + "make it smaller or raise the limit")
        for file in [Sample.baseline, Sample.webp] {
            #expect(failure { _ = try Picture(file, options: PictureOptions(pixelLimit: 256)) } == nil)
            let error = failure { _ = try Picture(file, options: PictureOptions(pixelLimit: 255)) }
            #expect(error?.code == .tooManyPixels)
        }
    }

    @Test("A PNG header that cannot be says what is wrong with it")
    func badHeader() {
        let empty = HandMadePNG.file(width: 0, height: 5, depth: 8, colorType: 2, rows: [])
        let error = failure { _ = try Picture(empty) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("width is zero") == true, "\(String(describing: error))")
    }
}
