// SPDX-License-Identifier: MIT

public import BeastCore

/// Writes a safetensors file whose tensors are all announced at the start; their data may come in any order.
///
/// The file appears under its name when ``finish()`` returns; a writer that is dropped before leaves nothing behind.
public final class SafetensorsWriter {
    private let header: SafetensorsHeader
    private let dataStart: Int
    private let output: OutputFile
    private let positions: [String: Int]
    private var isWritten: [Bool]

    /// Starts a file.
    ///
    /// - Parameters:
    ///   - entries: all tensors the file will hold.
    ///   - metadata: texts for the header's `__metadata__`.
    /// - Throws: `invalidOutput` or `unsupportedElementType` for entries that cannot be written, `cannotWrite`.
    public init(path: String, entries: [SafetensorsEntry], metadata: [String: String] = [:]) throws(WeightsError) {
        header = try SafetensorsHeader(entries: entries, metadata: metadata)
        let bytes = header.encoded()
        dataStart = bytes.count
        output = try OutputFile(path: path)
        positions = Dictionary(uniqueKeysWithValues: zip(header.entries.map(\.name), header.entries.indices))
        isWritten = header.ranges.map(\.isEmpty)
        try output.write(bytes, at: 0)
    }

    /// The names in the order of the file, the fastest order to write in.
    public var names: [String] { header.entries.map(\.name) }

    /// Writes one tensor from dense little-endian bytes.
    public func write(_ bytes: UnsafeRawBufferPointer, for name: String) throws(WeightsError) {
        guard let position = positions[name] else {
            throw WeightsError(.invalidOutput, "the tensor “\(name)” was not announced", path: output.path)
        }
        guard bytes.count == header.ranges[position].count else {
            throw WeightsError(
                .invalidOutput,
                "“\(name)” was announced with \(header.ranges[position].count) bytes and has \(bytes.count)",
                path: output.path)
        }
        try output.write(bytes, at: dataStart + header.ranges[position].lowerBound)
        isWritten[position] = true
    }

    /// Writes one tensor, gathering its elements where it is a strided view.
    public func write(_ tensor: HostTensor, for name: String) throws(WeightsError) {
        guard let position = positions[name], header.entries[position].shape == tensor.shape,
            header.entries[position].elementType.dtype == tensor.dtype
        else {
            throw WeightsError(
                .invalidOutput, "“\(name)” \(tensor.dtype)\(tensor.shape) is not what was announced", path: output.path)
        }
        let size = tensor.dtype.byteCount
        let count = try byteCount(of: tensor.shape, elementSize: size)
        guard count > 0 else { return }
        if tensor.strides == TensorDescription.contiguousStrides(tensor.shape), tensor.bytes.count >= count {
            return try write(UnsafeRawBufferPointer(rebasing: tensor.bytes[0..<count]), for: name)
        }
        // Checks that the strides stay inside the bytes.
        _ = try TensorDescription(
            elementType: header.entries[position].elementType, shape: tensor.shape, strides: tensor.strides, offset: 0,
            capacity: tensor.bytes.count / size, storageKey: name, storageIndex: 0)
        let copy = OwnedBytes(count: count)
        let gather = StridedGather(shape: tensor.shape, strides: tensor.strides)
        switch size {
        case 4: gather.copy(UInt32.self, from: tensor.bytes, to: copy.address)
        case 2: gather.copy(UInt16.self, from: tensor.bytes, to: copy.address)
        default: gather.copy(UInt8.self, from: tensor.bytes, to: copy.address)
        }
        try write(copy.bytes, for: name)
        withExtendedLifetime(copy) {}
    }

    /// Gives the file its name. Call once, last.
    ///
    /// - Throws: `invalidOutput` naming a tensor that was announced and not written.
    public func finish() throws(WeightsError) {
        if let missing = isWritten.firstIndex(of: false) {
            throw WeightsError(
                .invalidOutput, "the tensor “\(header.entries[missing].name)” was never written", path: output.path)
        }
        try output.commit()
    }
}

/// Writes a safetensors file that holds one tensor, row by row; the number of rows is known only at the end.
///
/// The header is written first with room for any row count and overwritten in place at the end.
public final class SafetensorsRowWriter {
    private let entry: SafetensorsEntry
    private let metadata: [String: String]
    private let rowByteCount: Int
    private let dataStart: Int
    private let output: OutputFile
    /// Rows written so far.
    public private(set) var rowCount = 0

    /// Starts a file with the tensor `name` of shape `[rows] + rowShape`.
    public init(
        path: String, name: String, elementType: ElementType, rowShape: [Int], metadata: [String: String] = [:]
    ) throws(WeightsError) {
        entry = SafetensorsEntry(name: name, elementType: elementType, shape: rowShape)
        self.metadata = metadata
        let empty = try Self.header(entry, rows: 0, metadata).encoded()
        // Two offsets and the row count grow from one digit to at most nineteen each.
        dataStart = (empty.count + 3 * 18 + 7) / 8 * 8
        rowByteCount = try byteCount(of: rowShape, elementSize: elementType.byteCount ?? 1)
        output = try OutputFile(path: path)
        try output.write(try Self.header(entry, rows: 0, metadata).encoded(minimumByteCount: dataStart), at: 0)
    }

    /// Appends whole rows of little-endian elements, row-major.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) {
        let rows = try wholeRows(in: bytes.count, rowByteCount: rowByteCount, rowShape: entry.shape)
        try output.write(bytes, at: dataStart + rowCount * rowByteCount)
        rowCount += rows
    }

    /// Writes the final header and gives the file its name. Call once, last.
    public func finish() throws(WeightsError) {
        let header = try Self.header(entry, rows: rowCount, metadata).encoded(minimumByteCount: dataStart)
        guard header.count == dataStart else {
            throw WeightsError(.invalidOutput, "the header outgrew its reserve", path: output.path)
        }
        try output.write(header, at: 0)
        try output.commit()
    }

    private static func header(
        _ entry: SafetensorsEntry, rows: Int, _ metadata: [String: String]
    ) throws(WeightsError) -> SafetensorsHeader {
        let whole = SafetensorsEntry(name: entry.name, elementType: entry.elementType, shape: [rows] + entry.shape)
        return try SafetensorsHeader(entries: [whole], metadata: metadata)
    }
}
