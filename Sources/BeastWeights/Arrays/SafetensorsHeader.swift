// SPDX-License-Identifier: MIT

/// A tensor to be written to a safetensors file.
public struct SafetensorsEntry: Equatable, Sendable {
    /// The name, unique within the file and not `__metadata__`.
    public let name: String
    /// The type of the elements; must have a name in safetensors.
    public let elementType: ElementType
    /// Sizes, outermost first.
    public let shape: [Int]

    /// Creates an entry.
    public init(name: String, elementType: ElementType, shape: [Int]) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
    }
}

/// The header of a safetensors file that is being written, and where each tensor's data goes.
///
/// Tensors follow one another by falling element size, then by name, and the header is padded with spaces to a multiple
/// of 8, so every tensor is aligned to its elements.
public struct SafetensorsHeader: Sendable {
    /// In the order of the data.
    public let entries: [SafetensorsEntry]
    /// Byte ranges within the data, in the same order.
    public let ranges: [Range<Int>]
    private let metadata: [(key: String, value: String)]

    /// - Throws: `invalidOutput` or `unsupportedElementType` for entries that cannot be written.
    public init(entries unsorted: [SafetensorsEntry], metadata: [String: String] = [:]) throws(WeightsError) {
        var sized: [(entry: SafetensorsEntry, bits: Int)] = []
        var names: Set<String> = ["__metadata__"]
        for entry in unsorted {
            guard names.insert(entry.name).inserted else {
                throw WeightsError(.invalidOutput, "the tensor name “\(entry.name)” is reserved or occurs twice")
            }
            guard entry.elementType.safetensorsName != nil, let bits = entry.elementType.bitCount, bits % 8 == 0 else {
                throw WeightsError(
                    .unsupportedElementType,
                    "“\(entry.name)” is \(entry.elementType), which is not written to safetensors")
            }
            sized.append((entry, bits))
        }
        sized.sort { ($1.bits, $0.entry.name) < ($0.bits, $1.entry.name) }
        var ranges: [Range<Int>] = []
        var position = 0
        for (entry, bits) in sized {
            let end = position.addingReportingOverflow(try byteCount(of: entry.shape, elementSize: bits / 8))
            guard !end.overflow else {
                throw WeightsError(.invalidOutput, "the tensors are larger than a file can be")
            }
            ranges.append(position..<end.partialValue)
            position = end.partialValue
        }
        entries = sized.map(\.entry)
        self.ranges = ranges
        self.metadata = metadata.sorted { $0.key < $1.key }
    }

    /// Length prefix and padded JSON, at least `minimumByteCount` long.
    public func encoded(minimumByteCount: Int = 0) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.map { JSONString.quoted($0.key) + ":" + JSONString.quoted($0.value) }
            members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
        }
        for (entry, range) in zip(entries, ranges) {
            let shape = entry.shape.map(String.init).joined(separator: ",")
            members.append(
                JSONString.quoted(entry.name)
                    + ":{\"dtype\":\"\(entry.elementType.safetensorsName ?? "")\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}")
        }
        var json = Array(("{" + members.joined(separator: ",") + "}").utf8)
        let length = max((json.count + 7) / 8 * 8, minimumByteCount - 8)
        json += [UInt8](repeating: UInt8(ascii: " "), count: length - json.count)
        return withUnsafeBytes(of: UInt64(length).littleEndian) { [UInt8]($0) } + json
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
