// SPDX-License-Identifier: MIT

/// An element type that may cross the backend contract. Raw values are those of `beasts_dtype` in `beasts_backend.h`.
public enum DType: Int32, Sendable, CaseIterable {
    case float32 = 1
    case float16 = 2
    case bfloat16 = 3
    case int32 = 4
    case uint8 = 5
    /// Only the target of a prepared weight; never the type of an activation.
    case int8 = 6

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .uint8, .int8: 1
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16: true
        case .int32, .uint8, .int8: false
        }
    }
}

extension DType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .float32: "float32"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .int32: "int32"
        case .uint8: "uint8"
        case .int8: "int8"
        }
    }
}
