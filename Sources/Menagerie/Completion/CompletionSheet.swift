// SPDX-License-Identifier: MIT
internal import BeastMedia

/// A picture of completions: in each row the original, what was seen of it, what the model says, and both together.
struct CompletionSheet {
    private static let gap = 4
    /// Small pictures are enlarged to about this size.
    private static let cell = 128

    private var rows: [PictureCompletion] = []

    mutating func append(_ completion: PictureCompletion) { rows.append(completion) }

    /// - Throws: ``MediaError`` when the sheet would be larger than a picture may be.
    func pngBytes() throws -> [UInt8] {
        guard let first = rows.first else { return [] }
        let factor = max(1, CompletionSheet.cell / first.original.width)
        let (side, gap) = (first.original.width * factor, CompletionSheet.gap)
        var canvas = try PictureCanvas(
            width: 4 * (side + gap) + gap, height: rows.count * (side + gap) + gap,
            color: (red: 228, green: 228, blue: 228))
        for (index, row) in rows.enumerated() {
            for (column, picture) in [row.original, row.visible, row.prediction, row.completed].enumerated() {
                canvas.paste(
                    try picture.enlarged(factor), x: gap + column * (side + gap), y: gap + index * (side + gap))
            }
        }
        return try canvas.picture.pngBytes()
    }
}

extension Picture {
    /// Each pixel as a square of `factor` by `factor` pixels.
    fileprivate func enlarged(_ factor: Int) throws(MediaError) -> Picture {
        if factor == 1 { return self }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(self.pixels.count * factor * factor)
        for y in 0..<height {
            var row: [UInt8] = []
            for x in 0..<width {
                let start = (y * width + x) * 3
                for _ in 0..<factor { row += self.pixels[start..<start + 3] }
            }
            for _ in 0..<factor { pixels += row }
        }
        return try Picture(width: width * factor, height: height * factor, pixels: pixels)
    }
}
