// SPDX-License-Identifier: MIT
internal import BeastCore

/// Elements to bytes and back. Values arrive rounded to their type (``NumberFormat``), so nothing here rounds.
enum ElementCoding {
    static func write(_ value: Double, _ dtype: DType, to bytes: inout [UInt8], at offset: Int) {
        let bits: UInt32 =
            switch dtype {
            case .float32: Float(value).bitPattern
            case .float16: UInt32(Float16(value).bitPattern)
            case .bfloat16: value.isNaN ? 0x7fc0 : Float(value).bitPattern >> 16
            case .int32: UInt32(bitPattern: Int32(value))
            case .uint8: UInt32(UInt8(value))
            case .int8: UInt32(UInt8(bitPattern: Int8(value)))
            }
        for index in 0..<dtype.byteCount {
            bytes[offset + index] = UInt8(truncatingIfNeeded: bits >> UInt32(8 * index))
        }
    }

    static func read(_ dtype: DType, from bytes: [UInt8], at offset: Int) -> Double {
        var bits: UInt32 = 0
        for index in 0..<dtype.byteCount { bits |= UInt32(bytes[offset + index]) << UInt32(8 * index) }
        return switch dtype {
        case .float32: Double(Float(bitPattern: bits))
        case .float16: Double(Float16(bitPattern: UInt16(bits)))
        case .bfloat16: Double(Float(bitPattern: bits << 16))
        case .int32: Double(Int32(bitPattern: bits))
        case .uint8: Double(UInt8(bits))
        case .int8: Double(Int8(bitPattern: UInt8(bits)))
        }
    }
}
