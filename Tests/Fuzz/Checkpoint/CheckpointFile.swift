// SPDX-License-Identifier: MIT
import FuzzSupport

/// A checkpoint taken apart, so that its parts can be changed and put together again without contradiction.
enum CheckpointFile {
    case zip([(name: [UInt8], bytes: [UInt8])])
    /// The pickles of an older stream, and the storages behind them.
    case legacy(pickles: [[UInt8]], rest: [UInt8])
    case safetensors(header: [UInt8], data: [UInt8])
    case other([UInt8])

    init(_ bytes: [UInt8]) {
        self = Self.zip(bytes) ?? Self.legacy(bytes) ?? Self.safetensors(bytes) ?? .other(bytes)
    }

    var bytes: [UInt8] {
        switch self {
        case .zip(let members): Self.archive(members)
        case .legacy(let pickles, let rest): pickles.flatMap { $0 } + rest
        case .safetensors(let header, let data): littleEndian(UInt64(header.count)) + header + data
        case .other(let bytes): bytes
        }
    }

    // MARK: - Zip

    /// Follows the central directory; nil where that is damaged.
    private static func zip(_ bytes: [UInt8]) -> CheckpointFile? {
        guard bytes.starts(with: [0x50, 0x4B, 3, 4]), bytes.count >= 22,
            let end = stride(from: bytes.count - 22, through: max(0, bytes.count - 4096), by: -1)
                .first(where: { bytes[$0...].starts(with: [0x50, 0x4B, 5, 6]) }),
            let count = bytes.littleEndian(at: end + 10, count: 2), count < 0xFFFF,
            var entry = bytes.littleEndian(at: end + 16, count: 4)
        else { return nil }
        var members: [(name: [UInt8], bytes: [UInt8])] = []
        for _ in 0..<count {
            guard let size = bytes.littleEndian(at: entry + 24, count: 4),
                let nameSize = bytes.littleEndian(at: entry + 28, count: 2),
                let extraSize = bytes.littleEndian(at: entry + 30, count: 2),
                let commentSize = bytes.littleEndian(at: entry + 32, count: 2),
                let local = bytes.littleEndian(at: entry + 42, count: 4), entry + 46 + nameSize <= bytes.count,
                let localNameSize = bytes.littleEndian(at: local + 26, count: 2),
                let localExtraSize = bytes.littleEndian(at: local + 28, count: 2)
            else { return nil }
            let start = local + 30 + localNameSize + localExtraSize
            guard size <= bytes.count, start <= bytes.count - size else { return nil }
            members.append((Array(bytes[entry + 46..<entry + 46 + nameSize]), Array(bytes[start..<start + size])))
            entry += 46 + nameSize + extraSize + commentSize
        }
        return members.isEmpty ? nil : .zip(members)
    }

    /// The parts as `torch.save` writes them: stored, sizes in the directory, data at multiples of 64.
    static func archive(_ members: [(name: [UInt8], bytes: [UInt8])]) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let offset = file.count
            let padding = (64 - (offset + 30 + member.name.count) % 64) % 64
            let middle = littleEndian(0 as UInt16) + littleEndian(0x0808 as UInt16) + [UInt8](repeating: 0, count: 6)
            file += [0x50, 0x4B, 3, 4] + middle + [UInt8](repeating: 0, count: 12)
            file += littleEndian(UInt16(truncatingIfNeeded: member.name.count)) + littleEndian(UInt16(padding))
            file += member.name + [UInt8](repeating: 0x5A, count: padding) + member.bytes
            directory += [0x50, 0x4B, 1, 2, 0, 0] + middle + littleEndian(checksum(member.bytes))
            directory += littleEndian(UInt32(member.bytes.count)) + littleEndian(UInt32(member.bytes.count))
            directory += littleEndian(UInt16(truncatingIfNeeded: member.name.count)) + [UInt8](repeating: 0, count: 12)
            directory += littleEndian(UInt32(offset)) + member.name
        }
        let start = file.count
        let count = littleEndian(UInt16(truncatingIfNeeded: members.count))
        file += directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count
        return file + littleEndian(UInt32(directory.count)) + littleEndian(UInt32(start)) + [0, 0]
    }

    // MARK: - Streams and safetensors

    private static func legacy(_ bytes: [UInt8]) -> CheckpointFile? {
        guard bytes.starts(with: [0x80, 2, 0x8A, 0x0A]) else { return nil }
        var pickles: [[UInt8]] = []
        var position = 0
        while pickles.count < 5 {
            let operations = PickleScanner.operations(of: bytes, from: position)
            guard let last = operations.last, bytes[last.lowerBound] == PickleScanner.stop else { return nil }
            pickles.append(Array(bytes[position..<last.upperBound]))
            position = last.upperBound
        }
        return .legacy(pickles: pickles, rest: Array(bytes[position...]))
    }

    private static func safetensors(_ bytes: [UInt8]) -> CheckpointFile? {
        guard let count = bytes.littleEndian(at: 0, count: 8), count <= bytes.count - 8 else { return nil }
        return .safetensors(header: Array(bytes[8..<8 + count]), data: Array(bytes[(8 + count)...]))
    }
}
