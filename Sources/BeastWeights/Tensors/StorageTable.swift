// SPDX-License-Identifier: MIT

/// One run of raw elements that tensors are views of.
struct Storage {
    let key: String
    let elementType: ElementType
    /// In elements of `elementType`.
    let elementCount: Int
    /// What messages call it, such as `archive/data/3`.
    let name: String
    /// Its bytes within the file. Empty until known (legacy streams name their storages first and place them last).
    var range: Range<Int>
    /// CRC-32 of the bytes; 0 means that none was recorded.
    let checksum: UInt32
    /// Which of the checkpoint's files holds the bytes.
    var file = 0
}

/// The storages that a checkpoint's pickle mentions, each checked against the bytes that are there.
struct StorageTable {
    /// Where the bytes are looked up.
    enum Place {
        /// As members `ROOTdata/KEY` of an archive.
        case zip(ZipArchive, root: String)
        /// Behind the pickles, in an order given last.
        case stream
        /// Nowhere: a pickle that has no business naming storages.
        case absent
    }

    /// What one storage takes in memory, in bytes, with its places in the tables.
    static let costOfStorage = 320

    private let place: Place
    private(set) var storages: [Storage] = []
    private(set) var positions: [String: Int] = [:]

    init(_ place: Place) { self.place = place }

    /// Registers one mention of a storage, which must agree with all earlier mentions.
    mutating func register(key: String, elementType: ElementType, elementCount: Int) throws(WeightsError) -> Int {
        guard (1...20).contains(key.utf8.count), key.utf8.allSatisfy({ (0x30..<0x3A).contains($0) }) else {
            throw WeightsError(
                .malformedTensor, "the storage key “\(key.shortened(to: 60))” is not a decimal of at most 20 digits")
        }
        guard elementCount >= 0 else {
            throw WeightsError(.malformedTensor, "storage \(key) announces \(elementCount) elements")
        }
        if let position = positions[key] {
            let known = storages[position]
            guard known.elementType == elementType, known.elementCount == elementCount else {
                throw WeightsError(
                    .malformedTensor,
                    "storage \(key) is used both as \(known.elementCount) × \(known.elementType) and as "
                        + "\(elementCount) × \(elementType)")
            }
            return position
        }
        let storage = try locate(key: key, elementType: elementType, elementCount: elementCount)
        positions[key] = storages.count
        storages.append(storage)
        return storages.count - 1
    }

    private func locate(key: String, elementType: ElementType, elementCount: Int) throws(WeightsError) -> Storage {
        let byteCount = try Self.byteCount(key: key, elementType: elementType, elementCount: elementCount)
        switch place {
        case .zip(let archive, let root):
            let name = "\(root)data/\(key)"
            guard let member = archive[name] else {
                throw WeightsError(.malformedTensor, "the storage “\(name)” is missing from the archive")
            }
            guard byteCount == nil || byteCount == member.byteCount else {
                throw WeightsError(
                    .malformedTensor,
                    "the storage “\(name)” holds \(member.byteCount) bytes, the pickle announces "
                        + "\(elementCount) × \(elementType)")
            }
            return Storage(
                key: key, elementType: elementType, elementCount: elementCount, name: name, range: member.range,
                checksum: member.checksum)
        case .stream:
            return Storage(
                key: key, elementType: elementType, elementCount: elementCount, name: "storage \(key)", range: 0..<0,
                checksum: 0)
        case .absent:
            throw WeightsError(.malformedPickle, "a storage is mentioned where none can be")
        }
    }

    /// Adds a storage whose place is known from a header that was checked already.
    mutating func append(_ storage: Storage) {
        positions[storage.key] = storages.count
        storages.append(storage)
    }

    mutating func place(_ position: Int, at range: Range<Int>) { storages[position].range = range }

    /// Nil where the type's size is unknown.
    private static func byteCount(key: String, elementType: ElementType, elementCount: Int) throws(WeightsError) -> Int?
    {
        guard let size = elementType.byteCount else { return nil }
        let product = elementCount.multipliedReportingOverflow(by: size)
        guard !product.overflow else {
            throw WeightsError(
                .malformedTensor, "storage \(key) announces \(elementCount) × \(elementType), beyond 64 bits")
        }
        return product.partialValue
    }
}
