// SPDX-License-Identifier: MIT
internal import BeastMedia
internal import BeastWeights

extension FixtureRunner {
    /// Grids of pictures [n, channels, height, width] with 1 or 3 channels, as torchvision's `save_image` makes them.
    func compareGrid(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        guard let input = fixture.inputs?.tensor, let options = fixture.options, let output = fixture.outputs?["pixels"]
        else { throw FixtureError("the manifest gives no pictures, options or pixels") }
        let array = try NumpyArray.read(path: "\(folder)/\(input.file)")
        guard array.shape.count == 4, [1, 3].contains(array.shape[1]) else {
            throw FixtureError("\(input.file): shape \(array.shape), expected [pictures, 1 or 3, height, width]")
        }
        let (count, channels, height, width) = (array.shape[0], array.shape[1], array.shape[2], array.shape[3])
        let values = array.floats()
        let pictures = (0..<count).map { picture in
            (0..<height * width * 3).map { index in
                values[(picture * channels + index % 3 % channels) * height * width + index / 3]
            }
        }
        let range: PictureGrid.Range = !options.normalize ? .unit : options.scale_each ? .ofEach : .ofAll
        let grid = PictureGrid(columns: options.nrow, padding: options.padding, range: range)
        try comparison.compare("pixels", try grid.picture(of: pictures, height: height, width: width), with: output)
    }
}
