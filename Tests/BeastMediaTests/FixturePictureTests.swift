// SPDX-License-Identifier: MIT

import BeastMedia
import Testing

private let reason: Comment = "the fixture folder is missing: set BEASTS_FIXTURES"

@Suite("Golden pictures", .enabled(if: Fixtures.arePresent, reason))
struct FixturePictureTests {
    /// What the pipelines of the manifest spell.
    private static let steps: [String: (filter: ResamplingFilter, size: Int)] = [
        "Resize(40, bilinear)": (.bilinear, 40), "Resize(64, bicubic)": (.bicubic, 64),
        "Resize(256, bicubic)": (.bicubic, 256),
    ]
    private static let crops = ["CenterCrop(56)": 56, "CenterCrop(224)": 224]

    /// Formats that the manifest lists and that are refused by name.
    private func isRefused(_ name: String) -> Bool { name.hasSuffix(".bmp") }

    @Test("Every JPEG, PNG and WebP file decodes to Pillow's bytes")
    func decode() throws {
        var count = 0
        for item in try Fixtures.cases(of: "image_decode") where !isRefused(item.input) {
            let picture = try Picture(contentsOfFile: Fixtures.path(item.input))
            let output = try #require(item.outputs["rgb"])
            #expect(output.shape == [picture.height, picture.width, 3], "\(item.id)")
            #expect(try picture.pixels == Fixtures.bytes(output.file), "\(item.id)")
            count += 1
        }
        print("golden pictures: \(count) decoded, all bytes compared")
        #expect(count == 27)
    }

    @Test("Every preprocessing pipeline gives Pillow's bytes and torchvision's floats")
    func preprocess() throws {
        var pictureCount = 0
        var tensorCount = 0
        for item in try Fixtures.cases(of: "image_preprocess") where !isRefused(item.input) {
            let resize = try #require(Self.steps[item.pipeline.first ?? ""], "\(item.id)")
            let crop = item.pipeline.dropFirst().first.flatMap { Self.crops[$0] }
            let preprocessing = Preprocessing(shortSide: resize.size, filter: resize.filter, cropSize: crop)
            let picture = try Picture(contentsOfFile: Fixtures.path(item.input))
            let expected = try #require(item.outputs["resized"] ?? item.outputs["crop"])
            let prepared = try preprocessing.prepare(picture)
            #expect(try prepared.pixels == Fixtures.bytes(expected.file), "\(item.id)")
            pictureCount += 1
            let whole = try picture.resized(shortSide: resize.size, filter: resize.filter)
            #expect(try (crop.map { try whole.centerCropped($0) } ?? whole) == prepared, "\(item.id)")

            guard let tensor = item.outputs["tensor"] ?? item.outputs["tensor_rows_0_1_111_223"] else { continue }
            let rows = item.outputs["tensor"] == nil ? [0, 1, 111, 223] : Array(0..<prepared.height)
            try compare(preprocessing, picture, rows: rows, with: tensor.file, id: item.id)
            tensorCount += 1
        }
        print("golden pictures: \(pictureCount) prepared, \(tensorCount) tensors, every bit compared")
        #expect(pictureCount == 59)
        #expect(tensorCount > 20)
    }

    private func compare(
        _ preprocessing: Preprocessing, _ picture: Picture, rows: [Int], with file: String, id: String
    ) throws {
        let values = try preprocessing.values(of: picture)
        let size = try preprocessing.outputSize(for: picture)
        let expected = try Fixtures.floats(file)
        try #require(expected.count == 3 * rows.count * size.width, "\(id)")
        var differences = 0
        for channel in 0..<3 {
            for (index, row) in rows.enumerated() {
                for column in 0..<size.width {
                    let value = values[(row * size.width + column) * 3 + channel]
                    if value != expected[(channel * rows.count + index) * size.width + column] { differences += 1 }
                }
            }
        }
        #expect(differences == 0, "\(id)")
    }

    @Test("The resize sweep gives Pillow's bytes")
    func sweep() throws {
        var count = 0
        for item in try Fixtures.cases(of: "image_resize") {
            let picture = try Picture(contentsOfFile: Fixtures.path(item.input))
            for (name, output) in item.outputs {
                let filter = try #require(ResamplingFilter(rawValue: String(name.prefix { $0 != "_" })))
                let resized = try picture.resized(width: output.shape[1], height: output.shape[0], filter: filter)
                #expect(try resized.pixels == Fixtures.bytes(output.file), "\(name)")
                count += 1
            }
        }
        #expect(count == 16)
    }

    @Test("Centre crops give torchvision's bytes")
    func crop() throws {
        var count = 0
        for item in try Fixtures.cases(of: "image_center_crop") {
            let picture = try Picture(contentsOfFile: Fixtures.path(item.input))
            for (name, output) in item.outputs {
                // Names read "50x37_to_30": the source's size, then the crop's.
                let numbers = name.split { !$0.isNumber }.compactMap { Int($0) }
                try #require(numbers.count == 3)
                let source = try picture.resized(width: numbers[0], height: numbers[1], filter: .bilinear)
                #expect(try source.centerCropped(numbers[2]).pixels == Fixtures.bytes(output.file), "\(name)")
                count += 1
            }
        }
        #expect(count == 6)
    }

    @Test("Formats that are not read are refused by name")
    func refused() throws {
        let items = try Fixtures.cases(of: "image_decode").filter { isRefused($0.input) }
        try #require(!items.isEmpty)
        for item in items {
            #expect(item.isOptional)
            let path = Fixtures.path(item.input)
            #expect(throws: MediaError.self) { try Picture(contentsOfFile: path) }
            #expect(
                failure { _ = try Picture(contentsOfFile: path) }?.description
                    == "\(path): cannot read this as a picture: it is a BMP picture; convert it to PNG")
        }
    }

    @Test("Every damaged picture ends in an error that names the file and the reason")
    func damaged() throws {
        let items = try Fixtures.cases(of: "bad_image")
        var failures = 0
        for item in items {
            let path = Fixtures.path(item.input)
            let error = failure { _ = try Picture(contentsOfFile: path) }
            if item.isExpectedToFail {
                let text = try #require(error?.description, "\(item.id) was read")
                #expect(text.hasPrefix(path + ": cannot ") && text.count > path.count + 20, "\(item.id)")
                failures += 1
            } else {
                // Colours outside the palette are black, as with Pillow.
                let picture = try Picture(contentsOfFile: path)
                #expect(picture.pixels.count == picture.width * picture.height * 3)
            }
            // Leniency may turn some into pictures, never into a crash.
            _ = failure { _ = try Picture(contentsOfFile: path, options: PictureOptions(allowsTruncated: true)) }
        }
        print("damaged pictures: \(failures) of \(items.count) refused, as expected")
        #expect(failures == 14 && items.count == 15)
    }

    @Test("A truncated JPEG is read when that is asked for")
    func lenient() throws {
        let path = Fixtures.path("bad/jpg_truncated.jpg")
        #expect(failure { _ = try Picture(contentsOfFile: path) }?.code == .truncated)
        let picture = try Picture(contentsOfFile: path, options: PictureOptions(allowsTruncated: true))
        #expect(picture.width > 1 && picture.height > 1)
    }
}
