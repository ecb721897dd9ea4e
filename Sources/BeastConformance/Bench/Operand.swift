// SPDX-License-Identifier: MIT
internal import BeastCore

/// A tensor on the backend within a buffer of its own: guard bytes in front, behind, and wherever the view leaves gaps.
final class Operand {
    /// At least this many bytes in front of and behind the view.
    private static let guardByteCount = 256

    let name: String
    let view: TensorView
    /// The logical elements as uploaded.
    let array: DenseArray
    /// The buffer as uploaded.
    let image: [UInt8]
    /// The byte at which each logical element lies, in row-major order.
    let elementOffsets: [Int]
    /// Whether an op may write the view's elements.
    var isOutput: Bool

    var shape: [Int] { array.shape }

    /// - Parameter values: nil for an output, whose elements hold the guard pattern until they are written.
    init(
        _ name: String, shape: [Int], values: [Double]?, dtype: DType, layout: Layout, on backend: any Backend
    ) throws(BackendError) {
        self.name = name
        isOutput = values == nil
        let strides = layout.strides(of: shape)
        let front = Self.guardByteCount / dtype.byteCount + layout.offset
        var reach = front
        for (extent, stride) in zip(shape, strides) where extent > 0 { reach += (extent - 1) * stride }
        let byteCount = (reach + 1) * dtype.byteCount + Self.guardByteCount
        elementOffsets = Operand.positions(shape: shape, strides: strides).map { (front + $0) * dtype.byteCount }

        var image = (0..<byteCount).map(Operand.pattern)
        if let values {
            for (offset, value) in zip(elementOffsets, values) {
                ElementCoding.write(value, dtype, to: &image, at: offset)
            }
        }
        // Repeated elements were written several times; the last one counts.
        let stored = image
        array = DenseArray(shape: shape, values: elementOffsets.map { ElementCoding.read(dtype, from: stored, at: $0) })
        self.image = stored

        let buffer = try backend.makeBuffer(byteCount: byteCount)
        view = TensorView(buffer: buffer, offset: front, dtype: dtype, shape: Shape(shape), strides: Shape(strides))
        var failure: BackendError?
        stored.withUnsafeBytes { bytes in
            do throws(BackendError) { try backend.upload(bytes, to: buffer, byteOffset: 0) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Bytes that no shift maps onto themselves; as float32 they are no number that an op is likely to write.
    private static func pattern(_ position: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: (UInt64(position) &* 0x9e37_79b9_7f4a_7c15) >> 32) | 0x81
    }

    private static func positions(shape: [Int], strides: [Int]) -> [Int] {
        var positions = [0]
        for (extent, stride) in zip(shape, strides) {
            positions = positions.flatMap { base in (0..<extent).map { base + $0 * stride } }
        }
        return positions
    }

    /// The whole buffer as it is now.
    func download(from backend: any Backend) throws(BackendError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: image.count)
        var failure: BackendError?
        bytes.withUnsafeMutableBytes { target in
            do throws(BackendError) { try backend.download(target, from: view.buffer, byteOffset: 0) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The first byte that changed and had no right to, as a sentence; nil if there is none.
    func damage(in bytes: [UInt8]) -> String? {
        var expected = image
        if isOutput {
            for offset in elementOffsets {
                for byte in offset..<(offset + view.dtype.byteCount) { expected[byte] = bytes[byte] }
            }
        }
        guard expected != bytes, let first = expected.indices.first(where: { expected[$0] != bytes[$0] }) else {
            return nil
        }
        let element = first / view.dtype.byteCount - view.offset
        let count = expected.indices.count { expected[$0] != bytes[$0] }
        if elementOffsets.contains(where: { ($0..<($0 + view.dtype.byteCount)).contains(first) }) {
            return
                "input \(name) was changed, first at element \(element) from the view's start (\(count) bytes in all)"
        }
        return
            "\(count) guard bytes of \(name) \(view.shape), strides \(view.strides), were overwritten, the first at "
            + "element \(element) from the view's start"
    }
}
