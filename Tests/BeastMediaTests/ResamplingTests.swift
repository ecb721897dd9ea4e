// SPDX-License-Identifier: MIT

import CPicture
import Testing

@testable import BeastMedia

@Suite("Resampling")
struct ResamplingTests {
    @Test("A picture at its own size is itself", arguments: ResamplingFilter.allCases)
    func identity(filter: ResamplingFilter) throws {
        let picture = try Picture.noise(width: 31, height: 17)
        #expect(try picture.resized(width: 31, height: 17, filter: filter) == picture)
        #expect(try picture.resized(shortSide: 17, filter: filter) == picture)
    }

    @Test("One colour stays one colour at any size", arguments: ResamplingFilter.allCases)
    func constant(filter: ResamplingFilter) throws {
        let canvas = try PictureCanvas(width: 37, height: 23, color: (red: 7, green: 128, blue: 255))
        for (width, height) in [(1, 1), (36, 24), (5, 90), (200, 3), (224, 224)] {
            let resized = try canvas.picture.resized(width: width, height: height, filter: filter)
            #expect(
                try resized
                    == PictureCanvas(width: width, height: height, color: (red: 7, green: 128, blue: 255)).picture)
        }
    }

    @Test("Values worked out by hand: half and double size, bilinear")
    func byHand() throws {
        let picture = try Picture(width: 2, height: 1, pixels: [0, 0, 0, 255, 100, 1])
        // Taps -0.25 and 0.25 off: 3/4 and 1/4; 255 / 4 = 63.75, 100 / 4 = 25, 1 / 4 rounds to 0.
        let doubled = try picture.resized(width: 4, height: 1, filter: .bilinear)
        #expect(doubled.pixels == [0, 0, 0, 64, 25, 0, 191, 75, 1, 255, 100, 1])
        // Both pixels weigh the same, halves round up: 127.5, 50, 0.5.
        #expect(try picture.resized(width: 1, height: 1, filter: .bilinear).pixels == [128, 50, 1])
    }

    @Test("The vector code gives the bytes of the plain code", arguments: ResamplingFilter.allCases)
    func paths(filter: ResamplingFilter) throws {
        let sizes = [1, 2, 3, 4, 5, 7, 8, 10, 11, 15, 16, 21, 33, 64, 101, 190]
        var seed: UInt64 = 40
        for sourceWidth in sizes {
            for width in sizes where (sourceWidth * 7 + width) % 3 == 0 {
                let sourceHeight = sizes[Int(seed % 16)]
                let height = sizes[Int(seed / 3 % 16)]
                let picture = try Picture.noise(width: sourceWidth, height: sourceHeight, seed: seed)
                seed += 1
                var resampler = Resampler(width: width, height: height, filter: filter)
                let fast = try resampler.resample(
                    picture, columns: 0..<width, rows: 0..<height, pixelLimit: 1_000_000)
                resampler.path = CPICTURE_PORTABLE
                let plain = try resampler.resample(
                    picture, columns: 0..<width, rows: 0..<height, pixelLimit: 1_000_000)
                #expect(fast == plain, "\(sourceWidth) x \(sourceHeight) to \(width) x \(height)")
            }
        }
    }

    @Test("A window of the result equals that part of the whole", arguments: ResamplingFilter.allCases)
    func window(filter: ResamplingFilter) throws {
        for (sourceWidth, sourceHeight, width, height) in [
            (90, 70, 40, 30), (40, 120, 33, 20), (20, 30, 60, 90), (50, 40, 50, 20), (50, 40, 25, 40), (64, 64, 64, 64),
        ] {
            let picture = try Picture.noise(width: sourceWidth, height: sourceHeight, seed: 9)
            let resampler = Resampler(width: width, height: height, filter: filter)
            let whole = try resampler.resample(
                picture, columns: 0..<width, rows: 0..<height, pixelLimit: 1_000_000)
            let columns = width / 4..<width / 4 + 11
            let rows = height / 3..<height / 3 + 9
            let part = try resampler.resample(picture, columns: columns, rows: rows, pixelLimit: 1_000_000)
            #expect(part.pixels == whole.copy(columns: columns, rows: rows), "\(sourceWidth) x \(sourceHeight)")
        }
    }

    @Test("Columns come first exactly where the height shrinks by more than twice what the width does")
    func passOrder() throws {
        // 10 x 30 to 8 x 26: height loses 4, width 2: rows first. To 8 x 25: columns first.
        let picture = try Picture.noise(width: 10, height: 30, seed: 3)
        for height in [26, 25] {
            let result = try picture.resized(width: 8, height: height, filter: .bicubic)
            let rowsFirst = try picture.resized(width: 8, height: 30, filter: .bicubic)
                .resized(width: 8, height: height, filter: .bicubic)
            let columnsFirst = try picture.resized(width: 10, height: height, filter: .bicubic)
                .resized(width: 8, height: height, filter: .bicubic)
            #expect(rowsFirst != columnsFirst)
            #expect(result == (height == 26 ? rowsFirst : columnsFirst))
        }
    }

    @Test("The longer side is cut, not rounded")
    func shortSide() throws {
        #expect(try PictureSize(width: 97, height: 65).resized(shortSide: 40) == PictureSize(width: 59, height: 40))
        #expect(try PictureSize(width: 3, height: 5).resized(shortSide: 2) == PictureSize(width: 2, height: 3))
        #expect(failure { _ = try PictureSize(width: 1, height: .max).resized(shortSide: 2) }?.code == .tooManyPixels)
        #expect(failure { _ = try PictureSize(width: 5, height: 5).resized(shortSide: 0) }?.code == .invalidArgument)
    }

    @Test("Results beyond the limit and impossible sizes are refused")
    func limits() throws {
        let line = try Picture.noise(width: 6000, height: 1)
        #expect(failure { _ = try line.resized(shortSide: 256, filter: .bicubic) }?.code == .tooManyPixels)
        #expect(
            failure { _ = try line.resized(width: 5, height: 5, filter: .bicubic, pixelLimit: 24) } == nil,
            "no larger than the picture itself")
        #expect(failure { _ = try line.resized(width: 0, height: 5, filter: .bilinear) }?.code == .invalidArgument)
        #expect(failure { _ = try line.resized(width: .max, height: 5, filter: .bilinear) }?.code == .tooManyPixels)
        #expect(failure { _ = try line.resized(width: 5, height: .max, filter: .bilinear) }?.code == .tooManyPixels)
    }
}
