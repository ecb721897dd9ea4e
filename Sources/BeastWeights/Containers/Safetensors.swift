// SPDX-License-Identifier: MIT

/// Reads safetensors: the length of a JSON header, the header, and the tensors' bytes without gaps.
/// Format: the `safetensors` documentation; stricter than its reader only in refusing a name that occurs twice.
enum Safetensors {
    private static let maximumHeader = 100_000_000
    /// Twice as many as the largest published models have in all their shards.
    static let maximumNames = 200_000

    struct Entry {
        let name: String
        let elementType: ElementType
        let shape: [Int]
        /// Within the data.
        let range: Range<Int>
    }

    struct Header {
        var entries: [Entry] = []
        /// Where the data starts in the file.
        var dataStart = 0
    }

    /// The checkpoint as a flat dictionary; `__metadata__` becomes the dictionary's state.
    static func decode(_ file: InputFile) throws(WeightsError) -> DecodedCheckpoint {
        var assembly = try SafetensorsAssembly()
        let header = try readHeader(file, &assembly)
        for entry in header.entries { try assembly.add(entry, dataStart: header.dataStart) }
        return try assembly.checkpoint()
    }

    /// Reads and checks the header. Its metadata goes to the assembly, its tensors are left to the caller.
    static func readHeader(_ file: InputFile, _ assembly: inout SafetensorsAssembly) throws(WeightsError) -> Header {
        guard file.size >= 8 else {
            throw WeightsError(.malformedContainer, "\(file.size) bytes are too few for a safetensors file")
        }
        let prefix = try file.read(at: 0, count: 8, what: "the header length")
        let length = prefix.bytes.loadUnaligned(as: UInt64.self).littleEndian
        guard length <= UInt64(maximumHeader), length <= UInt64(file.size - 8) else {
            throw WeightsError(
                .malformedContainer,
                "the safetensors header would have \(length) bytes, the file has \(file.size) and headers at most "
                    + "\(maximumHeader); the file is cut short or no safetensors file")
        }
        let bytes = try file.read(at: 8, count: Int(length), what: "the safetensors header")
        var header = try parse(bytes.bytes, &assembly)
        withExtendedLifetime(bytes) {}
        header.dataStart = 8 + Int(length)
        try checkLayout(header.entries, dataSize: file.size - header.dataStart)
        return header
    }

    private static func parse(
        _ bytes: UnsafeRawBufferPointer, _ assembly: inout SafetensorsAssembly
    ) throws(WeightsError) -> Header {
        var reader = JSONReader(bytes, name: "the safetensors header", base: 8)
        var header = Header()
        var metadata: [(String, String)] = []
        try reader.readObject(maximumCount: maximumNames) { reader, name throws(WeightsError) in
            if name == "__metadata__" {
                try reader.readObject(maximumCount: maximumNames) { reader, key throws(WeightsError) in
                    metadata.append((key, try reader.readText()))
                }
            } else {
                header.entries.append(try parseEntry(&reader, name: name))
            }
        }
        try reader.finish()
        for (key, value) in metadata { try assembly.addMetadata(key, value) }
        return header
    }

    private static func parseEntry(_ reader: inout JSONReader, name: String) throws(WeightsError) -> Entry {
        var elementType: ElementType?
        var shape: [Int]?
        var range: Range<Int>?
        try reader.readObject(maximumCount: 64) { reader, field throws(WeightsError) in
            switch field {
            case "dtype":
                let text = try reader.readText()
                elementType = ElementType.safetensorsNames[text] ?? .unknown(text)
            case "shape": shape = try readCounts(&reader, limit: TensorDescription.maximumRank)
            case "data_offsets":
                let offsets = try readCounts(&reader, limit: 2)
                guard offsets.count == 2, offsets[0] <= offsets[1] else {
                    throw reader.failure("the offsets of “\(name.shortened(to: 80))” are \(offsets)")
                }
                range = offsets[0]..<offsets[1]
            default: try reader.skipValue()
            }
        }
        guard let elementType, let shape, let range else {
            throw reader.failure("“\(name.shortened(to: 80))” lacks its dtype, shape or data_offsets")
        }
        return Entry(name: name, elementType: elementType, shape: shape, range: range)
    }

    private static func readCounts(_ reader: inout JSONReader, limit: Int) throws(WeightsError) -> [Int] {
        var counts: [Int] = []
        try reader.readArray { reader throws(WeightsError) in
            guard counts.count < limit else { throw reader.failure("a list has more than \(limit) numbers") }
            counts.append(try reader.readCount())
        }
        return counts
    }

    /// Tensors must cover the data exactly: no gap, no overlap, nothing behind the last.
    private static func checkLayout(_ entries: [Entry], dataSize: Int) throws(WeightsError) {
        var position = 0
        let ordered = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for entry in ordered {
            let range = entry.range
            guard range.lowerBound == position else {
                let kind = range.lowerBound < position ? "overlaps the tensor before it" : "leaves a gap before it"
                throw WeightsError(
                    .malformedContainer,
                    "tensor “\(entry.name.shortened(to: 80))” at data bytes \(range.lowerBound)..<\(range.upperBound) "
                        + kind
                )
            }
            position = range.upperBound
        }
        guard position == dataSize else {
            throw WeightsError(
                .malformedContainer,
                "the tensors occupy \(position) bytes, the file holds \(dataSize); it is cut short or was appended to")
        }
    }
}
