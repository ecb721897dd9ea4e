// SPDX-License-Identifier: MIT

import BeastMedia
import Testing

@Suite("Preprocessing")
struct PreprocessingTests {
    @Test("The presets are upstream's")
    func presets() {
        #expect(
            Preprocessing.evaluation(size: 224) == Preprocessing(shortSide: 256, filter: .bicubic, cropSize: 224))
        #expect(Preprocessing.evaluation(size: 96).shortSide == 109)
        #expect(Preprocessing.attention(size: 480) == Preprocessing(shortSide: 480, filter: .bilinear))
    }

    @Test("Numbers are (pixel / 255 - mean) / deviation, channels last")
    func values() throws {
        let picture = try Picture(width: 1, height: 1, pixels: [255, 0, 51])
        let values = try Preprocessing(shortSide: 1, filter: .bilinear).values(of: picture)
        #expect(values == [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (51.0 / 255 - 0.406) / 0.225] as [Float])
    }

    @Test("A very long picture costs little where a crop follows and is refused where none does")
    func extremes() throws {
        for (width, height) in [(60_000, 1), (1, 60_000)] {
            let picture = try Picture.noise(width: width, height: height)
            let clock = ContinuousClock()
            let start = clock.now
            let values = try Preprocessing.evaluation(size: 224).values(of: picture)
            #expect(values.count == 224 * 224 * 3 && values.allSatisfy(\.isFinite))
            #expect(clock.now - start < .seconds(5))
            let error = failure { _ = try Preprocessing.attention(size: 256).outputSize(for: picture) }
            #expect(error?.code == .tooManyPixels)
            let sides = width == 1 ? "256 x 15360000" : "15360000 x 256"
            #expect(error?.message.contains(sides) == true)
            #expect(failure { _ = try Preprocessing.attention(size: 256).prepare(picture) } == error)
        }
    }

    @Test("Wrong numbers and buffers are refused")
    func misuse() throws {
        let picture = try Picture.noise(width: 8, height: 8)
        var short = [Float](repeating: 0, count: 5)
        let error = failure {
            try short.withUnsafeMutableBufferPointer {
                try Preprocessing.attention(size: 4).apply(to: picture, into: $0)
            }
        }
        #expect(error?.description == "cannot prepare a picture: 4 x 4 x 3 numbers do not fit a buffer of 5")
        for bad in [
            Preprocessing(shortSide: 0, filter: .bilinear), Preprocessing(shortSide: -4, filter: .bilinear),
            Preprocessing(shortSide: 4, filter: .bilinear, cropSize: 0), .evaluation(size: .max),
            .evaluation(size: 0), .evaluation(size: -224),
        ] {
            #expect(failure { _ = try bad.outputSize(for: picture) }?.code == .invalidArgument, "\(bad)")
        }
        var numbers = [Float](repeating: 0, count: 48)
        for bad in [
            Preprocessing(shortSide: 4, filter: .bilinear, mean: [1]),
            Preprocessing(shortSide: 4, filter: .bilinear, standardDeviation: [1, 0, 1]),
        ] {
            let error = failure {
                try numbers.withUnsafeMutableBufferPointer { try bad.apply(to: picture, into: $0) }
            }
            #expect(error?.code == .invalidArgument)
        }
    }
}
