// SPDX-License-Identifier: MIT
internal import BeastCore

/// A view of any element type, walked row by row, elements read and written as doubles (which hold every value of every
/// type of the contract exactly).
struct ElementRows {
    private let base: UnsafeMutableRawPointer
    private let leading: Shape
    private let leadingStrides: Shape
    let dtype: DType
    let length: Int
    private let stride: Int

    init(_ view: TensorView, _ backend: ReferenceBackend) throws(BackendError) {
        guard let address = backend.address(view.buffer) else { throw BackendError(.invalidArgument, "no such buffer") }
        base = address + view.offset * view.dtype.byteCount
        leading = view.shape.dropLast()
        leadingStrides = view.strides.dropLast()
        dtype = view.dtype
        length = view.shape.last ?? 1
        stride = view.strides.last ?? 1
    }

    var count: Int { leading.elementCount }

    private func start(_ row: Int) -> UnsafeMutableRawPointer {
        base + rowOffset(row, shape: leading, strides: leadingStrides) * dtype.byteCount
    }

    /// Copies a row of the same element type and length, bit for bit.
    func copyRow(_ row: Int, from source: ElementRows, row sourceRow: Int? = nil) {
        let target = start(row)
        let origin = source.start(sourceRow ?? row)
        if stride == 1, source.stride == 1 {
            target.copyMemory(from: origin, byteCount: length * dtype.byteCount)
            return
        }
        switch dtype.byteCount {
        case 4: copyElements(UInt32.self, from: origin, stride: source.stride, to: target)
        case 2: copyElements(UInt16.self, from: origin, stride: source.stride, to: target)
        default: copyElements(UInt8.self, from: origin, stride: source.stride, to: target)
        }
    }

    private func copyElements<Element: BitwiseCopyable>(
        _ type: Element.Type, from origin: UnsafeMutableRawPointer, stride sourceStride: Int,
        to target: UnsafeMutableRawPointer
    ) {
        let source = origin.assumingMemoryBound(to: Element.self)
        let destination = target.assumingMemoryBound(to: Element.self)
        for index in 0..<length { destination[index &* stride] = source[index &* sourceStride] }
    }

    func load(row: Int, index: Int) -> Double {
        let element = start(row) + index * stride * dtype.byteCount
        switch dtype {
        case .float32: return Double(element.load(as: Float.self))
        case .float16: return Double(element.load(as: Float16.self))
        case .bfloat16: return Double(Float(bitPattern: UInt32(element.load(as: UInt16.self)) << 16))
        case .int32: return Double(element.load(as: Int32.self))
        case .uint8: return Double(element.load(as: UInt8.self))
        case .int8: return Double(element.load(as: Int8.self))
        }
    }

    /// Rounds to nearest even; integers saturate, and a NaN becomes 0.
    func store(_ value: Double, row: Int, index: Int) {
        let element = start(row) + index * stride * dtype.byteCount
        switch dtype {
        case .float32: element.storeBytes(of: Float(value), as: Float.self)
        case .float16: element.storeBytes(of: Float16(value), as: Float16.self)
        case .bfloat16: element.storeBytes(of: bfloat16Bits(value), as: UInt16.self)
        case .int32: element.storeBytes(of: saturated(value), as: Int32.self)
        case .uint8: element.storeBytes(of: saturated(value), as: UInt8.self)
        case .int8: element.storeBytes(of: saturated(value), as: Int8.self)
        }
    }

    private func saturated<Integer: FixedWidthInteger>(_ value: Double) -> Integer {
        if value.isNaN { return 0 }
        let rounded = value.rounded(.toNearestOrEven)
        if rounded <= Double(Integer.min) { return Integer.min }
        if rounded >= Double(Integer.max) { return Integer.max }
        return Integer(rounded)
    }
}

/// The upper half of a float32, rounded to nearest even.
///
/// A fill value or an int32 may have more bits than a float32 holds, and rounding it twice can end on the wrong side of
/// a tie. So it is cut towards zero first, and the last bit remembers that something was lost.
private func bfloat16Bits(_ value: Double) -> UInt16 {
    var float = Float(value)
    if float.isNaN { return UInt16(float.bitPattern >> 16) | 0x40 }
    if abs(Double(float)) > abs(value) { float = Float(bitPattern: float.bitPattern - 1) }
    let bits = float.bitPattern | (Double(float) == value ? 0 : 1)
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
}
