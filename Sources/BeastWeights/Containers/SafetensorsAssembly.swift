// SPDX-License-Identifier: MIT

/// Collects the tensors of one or more safetensors files as one checkpoint.
struct SafetensorsAssembly {
    private var arena: PickleArena
    private var storages = StorageTable(.absent)
    private let root: PickleNode
    private var metadata: PickleNode?

    init() throws(WeightsError) {
        var limits = PickleLimits()
        limits.baseMemory = limits.maximumMemory
        arena = PickleArena(limits: limits, pickleBytes: 0)
        root = .dictionary(try arena.makeDictionary())
    }

    mutating func add(_ entry: Safetensors.Entry, dataStart: Int, file: Int = 0) throws(WeightsError) {
        let count = try Self.elementCount(entry)
        let bytes = dataStart + entry.range.lowerBound..<dataStart + entry.range.upperBound
        let tensor = try TensorDescription(
            elementType: entry.elementType, shape: entry.shape,
            strides: TensorDescription.contiguousStrides(entry.shape), offset: 0, capacity: count,
            storageKey: entry.name, storageIndex: storages.storages.count)
        try arena.charge(StorageTable.costOfStorage)
        storages.append(
            Storage(
                key: entry.name, elementType: entry.elementType, elementCount: count, name: entry.name, range: bytes,
                checksum: 0, file: file))
        let key = try arena.makeText(entry.name)
        try arena.setItem(key, try arena.makeTensor(tensor), of: root)
    }

    mutating func addMetadata(_ key: String, _ value: String) throws(WeightsError) {
        let node: PickleNode
        if let metadata {
            node = metadata
        } else {
            node = .dictionary(try arena.makeDictionary())
            metadata = node
        }
        try arena.setItem(try arena.makeText(key), try arena.makeText(value), of: node)
    }

    /// What was collected.
    consuming func checkpoint() throws(WeightsError) -> DecodedCheckpoint {
        if let metadata { try arena.setState(metadata, of: root) }
        return DecodedCheckpoint(graph: PickleGraph(arena: arena, storages: storages), root: root)
    }

    private static func elementCount(_ entry: Safetensors.Entry) throws(WeightsError) -> Int {
        let name = entry.name.shortened(to: 80)
        guard let count = TensorDescription.count(entry.shape) else {
            throw WeightsError(.malformedTensor, "tensor “\(name)” has sizes \(entry.shape), beyond 64 bits")
        }
        guard let bits = entry.elementType.bitCount else { return count }
        let total = count.multipliedReportingOverflow(by: bits)
        guard !total.overflow, total.partialValue % 8 == 0, total.partialValue / 8 == entry.range.count else {
            throw WeightsError(
                .malformedTensor,
                "tensor “\(name)” is \(entry.elementType)\(entry.shape) but occupies \(entry.range.count) bytes")
        }
        return count
    }
}
