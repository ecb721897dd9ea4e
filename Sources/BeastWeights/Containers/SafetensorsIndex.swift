// SPDX-License-Identifier: MIT

/// Reads `model.safetensors.index.json` and the shards that it names, as one checkpoint.
///
/// A shard is a file in the folder of the index and nowhere else: its name must be a plain file name. The file itself
/// may be a link, as in the hub's cache, where both index and shards are links to blobs.
enum SafetensorsIndex {
    private static let maximumBytes = 32 << 20
    private static let maximumShards = 512

    static func decode(_ file: InputFile) throws(WeightsError) -> DecodedCheckpoint {
        guard file.size <= maximumBytes else {
            throw WeightsError(
                .limitExceeded, "an index of \(file.size) bytes of JSON, at most \(maximumBytes) are read")
        }
        let bytes = try file.read(at: 0, count: file.size, what: "the index")
        let placement = try parse(bytes.bytes)
        withExtendedLifetime(bytes) {}
        let folder = file.path.lastIndex(of: "/").map { file.path[...$0] } ?? ""
        var assembly = try SafetensorsAssembly()
        var shards: [InputFile] = []
        var extraCount = 0
        for (index, name) in placement.shards.enumerated() {
            let shard = try InputFile(path: folder + name)
            shards.append(shard)
            extraCount += try naming(shard.path) { () throws(WeightsError) in
                try read(shard, number: index, of: placement, &assembly)
            }
        }
        var checkpoint = try assembly.checkpoint()
        checkpoint.shards = shards
        checkpoint.notes.append("the tensors lie in \(shards.count) files")
        if extraCount > 0 { checkpoint.notes.append("\(extraCount) tensors of the shards are not in the index") }
        return checkpoint
    }

    /// Adds the tensors that the index places in a shard, and returns how many others that holds.
    private static func read(
        _ shard: InputFile, number: Int, of placement: Placement, _ assembly: inout SafetensorsAssembly
    ) throws(WeightsError) -> Int {
        guard try ContainerKind.sniff(shard) == .safetensors else {
            throw WeightsError(.unsupportedContainer, "is no safetensors file, though an index names it as a shard")
        }
        let header = try Safetensors.readHeader(shard, &assembly)
        var found = 0
        for entry in header.entries where placement.numbers[entry.name] == number {
            try assembly.add(entry, dataStart: header.dataStart, file: number + 1)
            found += 1
        }
        guard found == placement.counts[number] else {
            let present = Set(header.entries.map(\.name))
            let missing = placement.numbers.filter { $0.value == number && !present.contains($0.key) }.keys.min()
            throw WeightsError(
                .malformedContainer,
                "lacks \(placement.counts[number] - found) of the \(placement.counts[number]) tensors that the index "
                    + "places here, such as “\(missing?.shortened(to: 80) ?? "")”; download the shards again")
        }
        return header.entries.count - found
    }

    /// Which shard holds which tensor.
    private struct Placement {
        var shards: [String] = []
        /// How many tensors each shard must have.
        var counts: [Int] = []
        var numbers: [String: Int] = [:]
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) -> Placement {
        var reader = JSONReader(bytes, name: "the index", base: 0)
        var placement = Placement()
        var shardNumbers: [String: Int] = [:]
        var hasMap = false
        try reader.readObject(maximumCount: Safetensors.maximumNames) { reader, name throws(WeightsError) in
            guard name == "weight_map" else { return try reader.skipValue() }
            hasMap = true
            try reader.readObject(maximumCount: Safetensors.maximumNames) { reader, tensor throws(WeightsError) in
                let shard = try reader.readText()
                var number = shardNumbers[shard]
                if number == nil {
                    try check(shard)
                    guard placement.shards.count < maximumShards else {
                        throw WeightsError(.limitExceeded, "the index names more than \(maximumShards) shards")
                    }
                    number = placement.shards.count
                    shardNumbers[shard] = number
                    placement.shards.append(shard)
                    placement.counts.append(0)
                }
                guard let number else { return }
                placement.numbers[tensor] = number
                placement.counts[number] += 1
            }
        }
        try reader.finish()
        guard hasMap else {
            throw WeightsError(
                .unsupportedContainer, "is JSON without a weight_map, so no index of safetensors shards")
        }
        return placement
    }

    /// A name that can lead nowhere but into the folder of the index.
    private static func check(_ name: String) throws(WeightsError) {
        let isPlain = name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
        guard isPlain, (1...255).contains(name.utf8.count), name != ".", name != ".." else {
            throw WeightsError(
                .malformedContainer,
                "the index names the shard “\(name.shortened(to: 80))”; only plain file names beside it are read")
        }
    }
}
