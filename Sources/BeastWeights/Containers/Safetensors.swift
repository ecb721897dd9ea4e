// SPDX-License-Identifier: MIT

/// Reads safetensors: the length of a JSON header, the header, and the tensors' bytes without gaps.
/// Format: the `safetensors` documentation; stricter than its reader only in refusing a name that occurs twice.
enum Safetensors {
    private static let maximumHeader = 100_000_000
    private static let maximumNames = 1_000_000

    private struct Entry {
        let name: String
        var elementType: ElementType?
        var shape: [Int]?
        var range: Range<Int>?
    }

    /// The checkpoint as a flat dictionary; `__metadata__` becomes the dictionary's state.
    static func decode(_ file: InputFile) throws(WeightsError) -> DecodedCheckpoint {
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
        let header = try file.read(at: 8, count: Int(length), what: "the safetensors header")
        let (entries, metadata) = try parse(header.bytes)
        withExtendedLifetime(header) {}
        let start = 8 + Int(length)
        try checkLayout(entries, dataSize: file.size - start)
        return try assemble(entries, metadata, dataStart: start, headerBytes: Int(length))
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) -> ([Entry], [(String, String)]) {
        var reader = JSONReader(bytes)
        var entries: [Entry] = []
        var metadata: [(String, String)] = []
        try reader.readObject(maximumCount: maximumNames) { reader, name throws(WeightsError) in
            if name == "__metadata__" {
                try reader.readObject(maximumCount: maximumNames) { reader, key throws(WeightsError) in
                    metadata.append((key, try reader.readText()))
                }
            } else {
                entries.append(try parseEntry(&reader, name: name))
            }
        }
        try reader.finish()
        return (entries, metadata)
    }

    private static func parseEntry(_ reader: inout JSONReader, name: String) throws(WeightsError) -> Entry {
        var entry = Entry(name: name)
        try reader.readObject(maximumCount: 64) { reader, field throws(WeightsError) in
            switch field {
            case "dtype":
                let text = try reader.readText()
                entry.elementType = ElementType.safetensorsNames[text] ?? .unknown(text)
            case "shape": entry.shape = try readCounts(&reader, limit: TensorDescription.maximumRank)
            case "data_offsets":
                let offsets = try readCounts(&reader, limit: 2)
                guard offsets.count == 2, offsets[0] <= offsets[1] else {
                    throw reader.failure("the offsets of “\(name.shortened(to: 80))” are \(offsets)")
                }
                entry.range = offsets[0]..<offsets[1]
            default: try reader.skipValue()
            }
        }
        guard entry.elementType != nil, entry.shape != nil, entry.range != nil else {
            throw reader.failure("“\(name.shortened(to: 80))” lacks its dtype, shape or data_offsets")
        }
        return entry
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
        let ordered = entries.compactMap { entry in entry.range.map { (entry.name, $0) } }
            .sorted { ($0.1.lowerBound, $0.1.upperBound) < ($1.1.lowerBound, $1.1.upperBound) }
        for (name, range) in ordered {
            guard range.lowerBound == position else {
                let kind = range.lowerBound < position ? "overlaps the tensor before it" : "leaves a gap before it"
                throw WeightsError(
                    .malformedContainer,
                    "tensor “\(name.shortened(to: 80))” at data bytes \(range.lowerBound)..<\(range.upperBound) \(kind)"
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

    private static func assemble(
        _ entries: [Entry], _ metadata: [(String, String)], dataStart: Int, headerBytes: Int
    ) throws(WeightsError) -> DecodedCheckpoint {
        var limits = PickleLimits()
        // The number of names is bounded already.
        limits.totalTextBytes = 3 * maximumHeader
        limits.maximumMemory = 1 << 30
        var arena = PickleArena(limits: limits, pickleBytes: headerBytes)
        var storages = StorageTable(.absent)
        let root = PickleNode.dictionary(try arena.makeDictionary())
        for entry in entries {
            guard let type = entry.elementType, let shape = entry.shape, let range = entry.range else { continue }
            let count = try elementCount(entry.name, type, shape, byteCount: range.count)
            let bytes = dataStart + range.lowerBound..<dataStart + range.upperBound
            let tensor = try TensorDescription(
                elementType: type, shape: shape, strides: TensorDescription.contiguousStrides(shape), offset: 0,
                capacity: count, storageKey: entry.name, storageIndex: storages.storages.count)
            storages.append(
                Storage(
                    key: entry.name, elementType: type, elementCount: count, name: entry.name, range: bytes, checksum: 0
                ))
            let key = try arena.makeText(entry.name)
            try arena.setItems([key, try arena.makeTensor(tensor)], of: root)
        }
        if !metadata.isEmpty {
            let state = PickleNode.dictionary(try arena.makeDictionary())
            for (key, value) in metadata {
                try arena.setItems([try arena.makeText(key), try arena.makeText(value)], of: state)
            }
            try arena.setState(state, of: root)
        }
        return DecodedCheckpoint(graph: PickleGraph(arena: arena, storages: storages), root: root)
    }

    private static func elementCount(
        _ name: String, _ type: ElementType, _ shape: [Int], byteCount: Int
    ) throws(WeightsError) -> Int {
        guard let count = TensorDescription.count(shape) else {
            throw WeightsError(
                .malformedTensor, "tensor “\(name.shortened(to: 80))” has sizes \(shape), beyond 64 bits")
        }
        guard let bits = type.bitCount else { return count }
        let total = count.multipliedReportingOverflow(by: bits)
        guard !total.overflow, total.partialValue % 8 == 0, total.partialValue / 8 == byteCount else {
            throw WeightsError(
                .malformedTensor,
                "tensor “\(name.shortened(to: 80))” is \(type)\(shape) but occupies \(byteCount) bytes")
        }
        return count
    }
}
