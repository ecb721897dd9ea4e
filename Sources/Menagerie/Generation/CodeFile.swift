// SPDX-License-Identifier: MIT
internal import BeastWeights
private import Glibc

/// Codes of pictures in a `.npy` file: int32 [pictures, codes], or [pictures, rows, columns].
public struct CodeFile: Sendable {
    /// For each picture its codes, row by row.
    public let codes: [[Int32]]
    /// Rows and columns of the grid; nil where the file does not tell.
    public let grid: (rows: Int, columns: Int)?

    /// - Throws: ``MenagerieError`` for a file that is missing or holds no integers of two or three axes.
    public init(contentsOfFile path: String) throws {
        let array: NumpyArray
        do {
            array = try NumpyArray.read(path: path)
        } catch {
            throw MenagerieError(access(path, F_OK) == 0 ? .badData : .inputMissing, "\(error)", cause: error)
        }
        guard let integers = array.integers(), (1...3).contains(array.shape.count) else {
            throw MenagerieError(
                .badData,
                "\(path): \(array.element) \(array.shape), expected whole numbers [pictures, codes] or [pictures, rows, columns]"
            )
        }
        let codes = integers.map { Int32(exactly: $0) }
        if let position = codes.firstIndex(of: nil) {
            throw MenagerieError(.badData, "\(path): \(integers[position]) is no code")
        }
        // One axis is one picture.
        let count = array.shape.count > 1 ? array.shape[0] : 1
        let length = count > 0 ? codes.count / count : 0
        guard count > 0, length > 0 else { throw MenagerieError(.badData, "\(path): there are no codes in it") }
        self.codes = (0..<count).map { codes[$0 * length..<($0 + 1) * length].compactMap { $0 } }
        grid = array.shape.count == 3 ? (array.shape[1], array.shape[2]) : nil
    }

    /// A file of [pictures, codes], or of more axes in front of the codes.
    static func bytes(_ codes: [[Int32]], shape: [Int]) throws -> [UInt8] {
        var bytes = try NumpyHeader(element: .int32, shape: shape).encoded()
        bytes.reserveCapacity(bytes.count + codes.reduce(0) { $0 + $1.count } * 4)
        for picture in codes {
            for code in picture { withUnsafeBytes(of: code.littleEndian) { bytes += $0 } }
        }
        return bytes
    }
}
