// SPDX-License-Identifier: MIT

/// A learned table of patch positions, resized for pictures of another size.
///
/// The table has a row for the CLS token, then G × G rows of patches. For a grid of rows × columns patches the square
/// part is resized with bicubic interpolation (a = -0.75, edge samples repeated, no antialiasing). As in the published
/// code the scale factor (n + 0.1) / G is what the source coordinate is computed from, not the ratio of sizes:
/// `source(i) = (i + 0.5) * G / (n + 0.1) - 0.5`. Leaving the 0.1 out changes the values visibly.
struct PositionTable {
    /// Row-major, [1 + G * G, width].
    let elements: [Float]
    let gridSize: Int
    let width: Int

    /// Positions for a picture of `height` × `width` pixels that gives `rows` × `columns` patches.
    ///
    /// The table is used as it is only where the count of patches is its own and the picture is square.
    /// - Returns: [1 + rows * columns, width], row-major.
    func positions(rows: Int, columns: Int, isSquarePicture: Bool) -> [Float] {
        if rows * columns == gridSize * gridSize, isSquarePicture { return elements }
        return resized(
            BicubicTaps(outputCount: rows, inputCount: gridSize, scale: (Double(rows) + 0.1) / Double(gridSize)),
            BicubicTaps(outputCount: columns, inputCount: gridSize, scale: (Double(columns) + 0.1) / Double(gridSize)))
    }

    /// The table for a model of another grid, as MAE's loader makes it: here the ratio of sizes is the scale.
    func resampled(gridSize newSize: Int) -> PositionTable {
        if newSize == gridSize { return self }
        let taps = BicubicTaps(
            outputCount: newSize, inputCount: gridSize, scale: Double(newSize) / Double(gridSize))
        return PositionTable(elements: resized(taps, taps), gridSize: newSize, width: width)
    }

    /// The CLS row, then the square part resized along both axes.
    private func resized(_ vertical: BicubicTaps, _ horizontal: BicubicTaps) -> [Float] {
        let (rows, columns) = (vertical.count, horizontal.count)
        var result = [Float](repeating: 0, count: (1 + rows * columns) * width)
        result.replaceSubrange(0..<width, with: elements[0..<width])
        var sums = [Double](repeating: 0, count: width)
        for row in 0..<rows {
            for column in 0..<columns {
                for channel in 0..<width { sums[channel] = 0 }
                for (sourceRow, rowWeight) in vertical[row] {
                    for (sourceColumn, columnWeight) in horizontal[column] {
                        let start = (1 + sourceRow * gridSize + sourceColumn) * width
                        let weight = rowWeight * columnWeight
                        for channel in 0..<width { sums[channel] += weight * Double(elements[start + channel]) }
                    }
                }
                let start = (1 + row * columns + column) * width
                for channel in 0..<width { result[start + channel] = Float(sums[channel]) }
            }
        }
        return result
    }
}

extension PositionTable {
    /// Reads `pos_embed` [1, 1 + G * G, width].
    /// - Parameter resamples: whether a table of another grid than the model's is brought to the model's. Without it such
    ///   a table is an error, as any tensor of a wrong shape.
    init(_ parameters: Parameters, gridSize: Int, width: Int, resamples: Bool) throws {
        var storedSize = gridSize
        if resamples, let shape = parameters.source.shape(of: "pos_embed"), shape.count == 3, shape[1] > 1 {
            storedSize = Int(Double(shape[1] - 1).squareRoot().rounded())
        }
        let table = PositionTable(
            elements: try parameters.elements("pos_embed", [1, storedSize * storedSize + 1, width]),
            gridSize: storedSize,
            width: width)
        self = table.resampled(gridSize: gridSize)
    }
}

/// Where each output sample of a bicubic resize looks, and with what weight.
private struct BicubicTaps {
    private let taps: [[(index: Int, weight: Double)]]

    init(outputCount: Int, inputCount: Int, scale: Double) {
        let a = -0.75
        // The cubic convolution kernel of Keys: inside one sample, and between one and two.
        func near(_ u: Double) -> Double { ((a + 2) * u - (a + 3)) * u * u + 1 }
        func far(_ u: Double) -> Double { ((a * u - 5 * a) * u + 8 * a) * u - 4 * a }
        taps = (0..<outputCount).map { output in
            let source = (Double(output) + 0.5) / scale - 0.5
            let floor = source.rounded(.down)
            let t = source - floor
            let weights = [far(1 + t), near(t), near(1 - t), far(2 - t)]
            return weights.enumerated().map { offset, weight in
                (min(max(Int(floor) - 1 + offset, 0), inputCount - 1), weight)
            }
        }
    }

    /// How many output samples.
    var count: Int { taps.count }

    subscript(output: Int) -> [(index: Int, weight: Double)] { taps[output] }
}
