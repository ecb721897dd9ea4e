// SPDX-License-Identifier: MIT

private import Dispatch

/// One look at every byte of a storage: its checksum, and whether its elements are finite.
enum StoragePass {
    struct Result {
        var checksum: UInt32
        /// True where no elements were looked for.
        var isFinite: Bool
    }

    /// Bytes below which a thread of their own costs more than it gives.
    static let smallestPart = 256 << 10

    /// - Parameters:
    ///   - bytes: whole elements from the first byte on.
    ///   - elementType: what the elements are; nil where they are not looked at.
    ///   - threadCount: threads that share the bytes.
    static func run(
        over bytes: UnsafeRawBufferPointer, scanningFor elementType: ElementType?, on threadCount: Int
    ) -> Result {
        let count = max(1, min(threadCount, bytes.count / smallestPart))
        if count == 1 { return one(bytes, elementType) }
        // Parts begin with an element, whatever its size.
        let bounds = (0...count).map { $0 == count ? bytes.count : bytes.count / count * $0 & ~63 }
        var results = [Result](repeating: Result(checksum: 0, isFinite: true), count: count)
        results.withUnsafeMutableBufferPointer { results in
            // Each thread of this one call, which ends before the memory goes, writes the result of its own part.
            nonisolated(unsafe) let (results, bytes) = (results, bytes)
            DispatchQueue.concurrentPerform(iterations: count) { part in
                let own = UnsafeRawBufferPointer(rebasing: bytes[bounds[part]..<bounds[part + 1]])
                results[part] = one(own, elementType)
            }
        }
        var whole = results[0]
        for part in 1..<count {
            whole.checksum = Checksum.joined(
                whole.checksum, results[part].checksum, secondByteCount: bounds[part + 1] - bounds[part])
            whole.isFinite = whole.isFinite && results[part].isFinite
        }
        return whole
    }

    private static func one(_ bytes: UnsafeRawBufferPointer, _ elementType: ElementType?) -> Result {
        var result = Result(checksum: 0, isFinite: true)
        var rest = 0..<bytes.count
        // Small steps, so that the second look at the bytes finds them in the cache.
        while !rest.isEmpty {
            let step = rest.prefix(FiniteScan.pieceSize)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[step])
            result.checksum = Checksum.extended(result.checksum, with: piece)
            if let elementType, result.isFinite { result.isFinite = FiniteScan.isFinite(piece, elementType) }
            rest = step.upperBound..<rest.upperBound
        }
        return result
    }
}
