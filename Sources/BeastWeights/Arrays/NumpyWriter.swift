// SPDX-License-Identifier: MIT

/// Writes an `.npy` file row by row, for arrays whose number of rows is known only at the end.
///
/// The file appears under its name when ``finish()`` returns; a writer that is dropped before leaves nothing behind.
public final class NumpyWriter {
    private let element: NumpyElement
    private let rowShape: [Int]
    private let rowByteCount: Int
    private let output: OutputFile
    /// Rows written so far.
    public private(set) var rowCount = 0

    /// Starts a file of shape `[rows] + rowShape`.
    public init(path: String, element: NumpyElement, rowShape: [Int]) throws(WeightsError) {
        self.element = element
        self.rowShape = rowShape
        rowByteCount = try byteCount(of: rowShape, elementSize: element.byteCount)
        let header = try NumpyHeader(element: element, shape: [0] + rowShape).reservedBytes()
        output = try OutputFile(path: path)
        try output.write(header, at: 0)
    }

    /// Appends whole rows.
    ///
    /// - Parameter bytes: little-endian elements of one or more rows, row-major.
    /// - Throws: `invalidOutput` where that is not a whole number of rows, `cannotWrite`.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) {
        let rows = try wholeRows(in: bytes.count, rowByteCount: rowByteCount, rowShape: rowShape)
        try output.write(bytes, at: NumpyHeader.reservedByteCount + rowCount * rowByteCount)
        rowCount += rows
    }

    /// Writes the final header and gives the file its name. Call once, last.
    public func finish() throws(WeightsError) {
        try output.write(NumpyHeader(element: element, shape: [rowCount] + rowShape).reservedBytes(), at: 0)
        try output.commit()
    }

    /// Writes a whole array at once.
    public static func write(
        _ bytes: UnsafeRawBufferPointer, element: NumpyElement, shape: [Int], to path: String
    ) throws(WeightsError) {
        guard try byteCount(of: shape, elementSize: element.byteCount) == bytes.count else {
            throw WeightsError(.invalidOutput, "\(bytes.count) bytes are no array \(element)\(shape)", path: path)
        }
        let header = try NumpyHeader(element: element, shape: shape).encoded()
        let output = try OutputFile(path: path)
        try output.write(header, at: 0)
        try output.write(bytes, at: header.count)
        try output.commit()
    }
}

/// The size of a dense array in bytes.
func byteCount(of shape: [Int], elementSize: Int) throws(WeightsError) -> Int {
    guard let count = TensorDescription.count(shape) else {
        throw WeightsError(.invalidOutput, "an array cannot have the sizes \(shape)")
    }
    let bytes = count.multipliedReportingOverflow(by: elementSize)
    guard !bytes.overflow else { throw WeightsError(.invalidOutput, "an array cannot have the sizes \(shape)") }
    return bytes.partialValue
}

/// How many rows `count` bytes are.
func wholeRows(in count: Int, rowByteCount: Int, rowShape: [Int]) throws(WeightsError) -> Int {
    if rowByteCount == 0, count == 0 { return 1 }
    guard rowByteCount > 0, count.isMultiple(of: rowByteCount) else {
        throw WeightsError(.invalidOutput, "\(count) bytes are no whole number of rows \(rowShape)")
    }
    return count / rowByteCount
}
