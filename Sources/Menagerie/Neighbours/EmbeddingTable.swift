// SPDX-License-Identifier: MIT
internal import BeastWeights
private import Glibc

/// Embeddings read back from a `.npy` file, with the paths that stand beside it.
public struct EmbeddingTable: Sendable {
    public let paths: [String]
    /// Row-major, [paths, width].
    public let numbers: [Float]
    public let width: Int

    /// - Parameter path: an array [pictures, D] written by an ``EmbeddingJob``; the paths are in `NAME.paths.txt`.
    /// - Throws: ``MenagerieError`` when either file is missing or they do not fit each other.
    public init(contentsOfFile path: String) throws {
        let array: NumpyArray
        do {
            array = try NumpyArray.read(path: path)
        } catch {
            throw MenagerieError(access(path, F_OK) == 0 ? .badData : .inputMissing, "\(error)", cause: error)
        }
        guard array.shape.count == 2 else {
            throw MenagerieError(.badData, "\(path): an array of shape \(array.shape), expected [pictures, width]")
        }
        let list = EmbeddingFiles.stem(path) + ".paths.txt"
        let paths = try EmbeddingTable.lines(of: list)
        guard paths.count == array.shape[0] else {
            throw MenagerieError(.badData, "\(list) names \(paths.count) pictures, \(path) has \(array.shape[0]) rows")
        }
        self.paths = paths
        numbers = array.floats()
        width = array.shape[1]
    }

    private static func lines(of path: String) throws -> [String] {
        guard let file = fopen(path, "re") else {
            throw MenagerieError(
                .inputMissing,
                "\(path): cannot open the list of pictures that belongs to it: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        guard ferror(file) == 0 else {
            throw MenagerieError(.inputMissing, "\(path): cannot read: \(String(cString: strerror(errno)))")
        }
        return PathList.paths(bytes)
    }

    /// A picture that lies near another.
    public struct Neighbour: Sendable {
        public let path: String
        /// The cosine of the angle between the embeddings, -1 to 1.
        public let similarity: Float
    }

    /// The `count` pictures nearest to row `query`, nearest first, the row itself left out. Exact search.
    public func neighbours(of query: Int, count: Int) -> [Neighbour] {
        let ranked = paths.indices.filter { $0 != query }.map { (row: $0, similarity: similarity(query, $0)) }
            .sorted { ($0.similarity, $1.row) > ($1.similarity, $0.row) }
        return ranked.prefix(max(0, count)).map { Neighbour(path: paths[$0.row], similarity: $0.similarity) }
    }

    private func similarity(_ left: Int, _ right: Int) -> Float {
        var (product, leftSquares, rightSquares) = (0.0, 0.0, 0.0)
        for index in 0..<width {
            let (a, b) = (Double(numbers[left * width + index]), Double(numbers[right * width + index]))
            product += a * b
            leftSquares += a * a
            rightSquares += b * b
        }
        let norm = (leftSquares * rightSquares).squareRoot()
        // Rows of zeros and rows that are not finite are like nothing.
        let similarity = product / norm
        return similarity.isFinite ? Float(min(1, max(-1, similarity))) : 0
    }

    /// `count` rows spread evenly over the table.
    public func evenlySpread(_ count: Int) -> [Int] {
        let count = min(max(0, count), paths.count)
        return (0..<count).map { $0 * paths.count / count }
    }
}
