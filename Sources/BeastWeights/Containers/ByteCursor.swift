// SPDX-License-Identifier: MIT

/// Walks through bytes that belong to somebody else, front to back, and never past their end.
///
/// The owner of the memory must outlive the cursor. Numbers are little-endian, as in every format read here.
struct ByteCursor {
    let bytes: UnsafeRawBufferPointer
    private(set) var position = 0
    /// Added to positions in messages.
    let base: Int

    init(_ bytes: UnsafeRawBufferPointer, base: Int = 0) {
        self.bytes = bytes
        self.base = base
    }

    var remaining: Int { bytes.count - position }
    var isAtEnd: Bool { position == bytes.count }

    /// Nil at the end.
    @inline(__always)
    mutating func nextByte() -> UInt8? {
        guard position < bytes.count else { return nil }
        let byte = bytes[position]
        position += 1
        return byte
    }

    @inline(__always)
    mutating func byte() throws(WeightsError) -> UInt8 {
        guard let byte = nextByte() else { throw ended(wanting: 1) }
        return byte
    }

    @inline(__always)
    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws(WeightsError) -> Value {
        let slice = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: slice.loadUnaligned(as: Value.self))
    }

    /// The next `count` bytes. `count` may come straight from the file.
    @inline(__always)
    mutating func take(_ count: Int) throws(WeightsError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw ended(wanting: count) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
        position += count
        return slice
    }

    /// The bytes up to the next newline, which is consumed and not returned.
    mutating func line(limit: Int) throws(WeightsError) -> UnsafeRawBufferPointer {
        let start = position
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
                position += 1
                return line
            }
            position += 1
            guard position - start <= limit else {
                throw WeightsError(.limitExceeded, "byte \(base + start): a line is longer than \(limit) bytes")
            }
        }
        throw WeightsError(.malformedPickle, "byte \(base + start): the data ends inside a line of text")
    }

    private func ended(wanting count: Int) -> WeightsError {
        WeightsError(
            .malformedContainer,
            "\(count) bytes are announced at byte \(base + position), \(remaining) are left")
    }
}
