// SPDX-License-Identifier: MIT

import Testing

@testable import BeastMedia

@Suite("Centre crop and canvas")
struct CropAndCanvasTests {
    @Test(
        "Crop offsets round half to even",
        arguments: [(5, 4, 0), (7, 4, 2), (9, 4, 2), (11, 4, 4), (8, 4, 2), (4, 4, 0), (50, 37, 6), (49, 36, 6)])
    func rounding(length: Int, crop: Int, start: Int) throws {
        let window = try CropWindow(length: length, crop: crop)
        #expect(window.source == start..<start + crop)
        #expect(window.padding == 0)
    }

    @Test("Smaller pictures get black, the odd column on the right", arguments: [(3, 4, 0), (3, 5, 1), (1, 224, 111)])
    func padding(length: Int, crop: Int, before: Int) throws {
        let window = try CropWindow(length: length, crop: crop)
        #expect(window.source == 0..<length)
        #expect(window.padding == before)
    }

    @Test("A crop takes the middle and pads what is missing")
    func crop() throws {
        let picture = try Picture.noise(width: 6, height: 2)
        let cropped = try picture.centerCropped(4)
        #expect(cropped.width == 4 && cropped.height == 4)
        #expect(Array(cropped.pixels[0..<12]) == [UInt8](repeating: 0, count: 12))
        #expect(Array(cropped.pixels[12..<24]) == Array(picture.pixels[3..<15]))
        #expect(Array(cropped.pixels[36..<48]) == [UInt8](repeating: 0, count: 12))
        #expect(failure { _ = try picture.centerCropped(0) }?.code == .invalidArgument)
        #expect(failure { _ = try picture.centerCropped(.max) }?.code == .tooManyPixels)
    }

    @Test("Pasting cuts off what lies outside")
    func paste() throws {
        let picture = try Picture(width: 2, height: 2, pixels: (1...12).map { UInt8($0) })
        var canvas = try PictureCanvas(width: 3, height: 2, color: (red: 9, green: 9, blue: 9))
        canvas.paste(picture, x: 2, y: -1)
        #expect(canvas.picture.pixels == [9, 9, 9, 9, 9, 9, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9])
        canvas.paste(picture, x: -1, y: 1)
        #expect(Array(canvas.picture.pixels[9..<12]) == [4, 5, 6])
        let before = canvas.picture
        for (x, y) in [(3, 0), (-2, 0), (0, 2), (0, -2), (Int.max, Int.max), (Int.min, 0)] {
            canvas.paste(picture, x: x, y: y)
        }
        #expect(canvas.picture == before)
    }

    @Test("Impossible canvases and pictures are refused")
    func sizes() throws {
        #expect(failure { _ = try PictureCanvas(width: 0, height: 1) }?.code == .invalidArgument)
        #expect(failure { _ = try PictureCanvas(width: 100_000, height: 100_000) }?.code == .tooManyPixels)
        #expect(failure { _ = try Picture(width: 2, height: 2, pixels: [1, 2, 3]) }?.code == .invalidArgument)
        #expect(failure { _ = try Picture(width: .max, height: 2, pixels: []) }?.code == .invalidArgument)
    }

    @Test("PNG bytes give the same pixels back at every compression", arguments: [0, 1, 6, 9])
    func png(compression: Int) throws {
        for (width, height) in [(1, 1), (300, 1), (1, 300), (123, 77)] {
            let picture = try Picture.noise(width: width, height: height)
            #expect(try Picture(picture.pngBytes(compression: compression)) == picture)
        }
        let picture = try Picture.noise(width: 1, height: 1)
        #expect(failure { _ = try picture.pngBytes(compression: 10) }?.code == .invalidArgument)
    }
}
