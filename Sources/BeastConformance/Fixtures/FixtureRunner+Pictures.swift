// SPDX-License-Identifier: MIT
internal import BeastMedia

extension FixtureRunner {
    private func picture(_ fixture: FixtureCase) throws -> Picture {
        guard let file = fixture.inputs?.file else { throw FixtureError("the manifest gives no picture") }
        return try Picture(contentsOfFile: "\(folder)/\(file)")
    }

    func compareDecoding(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let picture = try picture(fixture)
        for (name, output) in try fixture.sortedOutputs() { try comparison.compare(name, picture, with: output) }
    }

    /// Pipelines are spelled as in torchvision: `Resize(256, bicubic)`, `CenterCrop(224)`, `ToTensor`, `Normalize`.
    func comparePreprocessing(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let preprocessing = try preprocessing(fixture)
        let picture = try picture(fixture)
        for (name, output) in try fixture.sortedOutputs() {
            if name == "resized" || name == "crop" {
                try comparison.compare(name, try preprocessing.prepare(picture), with: output)
            } else if name.hasPrefix("tensor") {
                let size = try preprocessing.outputSize(for: picture)
                var values = [Float](repeating: 0, count: size.width * size.height * 3)
                try values.withUnsafeMutableBufferPointer { try preprocessing.apply(to: picture, into: $0) }
                let rows = try rows(named: name, height: size.height)
                // Files are channels-first.
                let planes = (0..<3).flatMap { channel in
                    rows.flatMap { row in (0..<size.width).map { values[(row * size.width + $0) * 3 + channel] } }
                }
                try comparison.compare(name, planes, shape: [3, rows.count, size.width], with: output)
            } else {
                throw FixtureError("unknown output '\(name)'")
            }
        }
    }

    /// `tensor` means all rows, `tensor_rows_0_1_111` those.
    private func rows(named name: String, height: Int) throws -> [Int] {
        if name == "tensor" { return Array(0..<height) }
        let rows = name.split(separator: "_").dropFirst(2).compactMap { Int($0) }
        guard name.hasPrefix("tensor_rows_"), !rows.isEmpty, rows.allSatisfy({ (0..<height).contains($0) }) else {
            throw FixtureError("unknown output '\(name)'")
        }
        return rows
    }

    private func preprocessing(_ fixture: FixtureCase) throws -> Preprocessing {
        var result = Preprocessing(shortSide: 0, filter: .bilinear)
        for step in fixture.pipeline ?? [] {
            let words = step.split { "(), ".contains($0) }.map(String.init)
            switch (words.first, words.dropFirst().first.flatMap { Int($0) }) {
            case ("Resize", let size?):
                guard let filter = words.last.flatMap({ ResamplingFilter(rawValue: $0) }) else {
                    throw FixtureError("unknown step '\(step)'")
                }
                result.shortSide = size
                result.filter = filter
            case ("CenterCrop", let size?): result.cropSize = size
            case ("ToTensor", _): break
            case ("Normalize", _):
                guard let mean = fixture.mean, let deviation = fixture.std else {
                    throw FixtureError("no mean and deviation are given")
                }
                result.mean = mean
                result.standardDeviation = deviation
            default: throw FixtureError("unknown step '\(step)'")
            }
        }
        return result
    }

    /// Outputs are named `bilinear_25x19`: filter, width, height.
    func compareResizing(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let picture = try picture(fixture)
        for (name, output) in try fixture.sortedOutputs() {
            let parts = name.split(separator: "_")
            guard parts.count == 2, let filter = ResamplingFilter(rawValue: String(parts[0])),
                let size = Sides(parts[1])
            else {
                throw FixtureError("unknown output '\(name)'")
            }
            try comparison.compare(
                name, try picture.resized(width: size.width, height: size.height, filter: filter), with: output)
        }
    }

    /// Outputs are named `50x37_to_30`: the size the source is first resized to (bilinear), the side of the crop.
    func compareCropping(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let picture = try picture(fixture)
        for (name, output) in try fixture.sortedOutputs() {
            let parts = name.split(separator: "_")
            guard parts.count == 3, let size = Sides(parts[0]), let side = Int(parts[2]) else {
                throw FixtureError("unknown output '\(name)'")
            }
            let source = try picture.resized(width: size.width, height: size.height, filter: .bilinear)
            try comparison.compare(name, try source.centerCropped(side), with: output)
        }
    }
}

/// `WIDTHxHEIGHT`
private struct Sides {
    let width: Int
    let height: Int

    init?(_ text: Substring) {
        let numbers = text.split(separator: "x").compactMap { Int($0) }
        guard numbers.count == 2 else { return nil }
        (width, height) = (numbers[0], numbers[1])
    }
}

extension FixtureComparison {
    mutating func compare(_ name: String, _ picture: Picture, with output: FixtureCase.Output) throws {
        try compare(name, picture.pixels, shape: [picture.height, picture.width, 3], with: output)
    }
}
