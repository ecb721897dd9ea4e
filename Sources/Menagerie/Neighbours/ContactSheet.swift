// SPDX-License-Identifier: MIT
internal import BeastMedia

/// A picture of pictures: a query at the left of each row, its neighbours behind a gap.
public struct ContactSheet: Sendable {
    private static let cell = 112
    private static let gap = 8
    private static let margin = 16

    public var rows: [(query: String, neighbours: [String])]

    public init(rows: [(query: String, neighbours: [String])]) { self.rows = rows }

    /// Draws the sheet and writes it as PNG.
    /// - Parameter pending: lists the temporary file while it is written.
    /// - Throws: ``MenagerieError`` when there is nothing to draw or the file cannot be written; a picture that can no
    ///   longer be read is an error too.
    public func write(to path: String, pending: PendingFiles = PendingFiles()) throws {
        if let identity = FileIdentity(path),
            let picture = rows.lazy.flatMap({ [$0.query] + $0.neighbours }).first(where: {
                FileIdentity($0) == identity
            })
        {
            throw MenagerieError(
                .usage, "\(path): the sheet is also one of its pictures (\(picture)); choose another name")
        }
        let columns = 1 + (rows.map(\.neighbours.count).max() ?? 0)
        guard !rows.isEmpty else { throw MenagerieError(.usage, "\(path): there is no query to draw") }
        let (cell, gap, margin) = (ContactSheet.cell, ContactSheet.gap, ContactSheet.margin)
        var canvas = try PictureCanvas(
            width: 2 * margin + columns * (cell + gap) + gap, height: 2 * margin + rows.count * (cell + gap) - gap,
            color: (red: 228, green: 228, blue: 228))
        for (index, row) in rows.enumerated() {
            for (column, picture) in ([row.query] + row.neighbours).enumerated() {
                // The query stands apart by twice the gap.
                let x = margin + column * (cell + gap) + (column > 0 ? gap : 0)
                try paste(picture, into: &canvas, x: x, y: margin + index * (cell + gap))
            }
        }
        let file = try OutputFile(path: path, pending: pending)
        try file.write(canvas.picture.pngBytes())
        try file.commit()
    }

    /// Fits a picture into a cell, its shape kept, in the middle.
    private func paste(_ path: String, into canvas: inout PictureCanvas, x: Int, y: Int) throws {
        let picture = try read(path)
        let longSide = max(picture.width, picture.height)
        let width = max(1, picture.width * ContactSheet.cell / longSide)
        let height = max(1, picture.height * ContactSheet.cell / longSide)
        let small = try picture.resized(width: width, height: height, filter: .bicubic)
        canvas.paste(small, x: x + (ContactSheet.cell - width) / 2, y: y + (ContactSheet.cell - height) / 2)
    }

    private func read(_ path: String) throws -> Picture {
        do {
            return try Picture(contentsOfFile: path)
        } catch {
            guard error.code == .notFound, !path.hasPrefix("/") else { throw error }
            throw MenagerieError(
                .inputMissing, "\(error); the paths in the list begin where beasts embed was run", cause: error)
        }
    }
}
