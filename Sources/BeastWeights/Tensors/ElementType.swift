// SPDX-License-Identifier: MIT

public import BeastCore

/// The type of a tensor's elements as a file states it, a superset of what can serve as weights.
///
/// Cases carry PyTorch's names; ``description`` gives their exact spelling.
public enum ElementType: Hashable, Sendable, CustomStringConvertible {
    case float64, float32, float16, bfloat16
    case int64, int32, int16, int8
    case uint64, uint32, uint16, uint8
    case bool
    case complex128, complex64, complex32
    case float8E5M2, float8E4M3, float8E5M2FNUZ, float8E4M3FNUZ, float8E8M0
    case float6E2M3, float6E3M2, float4E2M1
    /// A type that is listed but never read, under the name the file gives it.
    case unknown(String)

    /// The size of one element in bits, nil where it is unknown.
    public var bitCount: Int? {
        switch self {
        case .complex128: 128
        case .float64, .int64, .uint64, .complex64: 64
        case .float32, .int32, .uint32, .complex32: 32
        case .float16, .bfloat16, .int16, .uint16: 16
        case .int8, .uint8, .bool, .float8E5M2, .float8E4M3, .float8E5M2FNUZ, .float8E4M3FNUZ, .float8E8M0: 8
        case .float6E2M3, .float6E3M2: 6
        case .float4E2M1: 4
        case .unknown: nil
        }
    }

    /// The size of one element in bytes, nil where it is unknown or not a whole number.
    public var byteCount: Int? {
        guard let bitCount, bitCount % 8 == 0 else { return nil }
        return bitCount / 8
    }

    /// The type under which elements can be lent as they are; nil where they need conversion or cannot be weights.
    public var dtype: DType? {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int32: .int32
        case .uint8: .uint8
        case .int8: .int8
        default: nil
        }
    }

    /// PyTorch's name, such as `float32` or `float8_e4m3fn`.
    public var description: String {
        switch self {
        case .complex128: "complex128"
        case .complex64: "complex64"
        case .complex32: "complex32"
        case .float64: "float64"
        case .float32: "float32"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .int64: "int64"
        case .int32: "int32"
        case .int16: "int16"
        case .int8: "int8"
        case .uint64: "uint64"
        case .uint32: "uint32"
        case .uint16: "uint16"
        case .uint8: "uint8"
        case .bool: "bool"
        case .float8E5M2: "float8_e5m2"
        case .float8E4M3: "float8_e4m3fn"
        case .float8E5M2FNUZ: "float8_e5m2fnuz"
        case .float8E4M3FNUZ: "float8_e4m3fnuz"
        case .float8E8M0: "float8_e8m0fnu"
        case .float6E2M3: "float6_e2m3fn"
        case .float6E3M2: "float6_e3m2fn"
        case .float4E2M1: "float4_e2m1fn"
        case .unknown(let name): name
        }
    }
}

extension ElementType {
    /// Types by the name of their dtype object in the `torch` module, aliases included.
    static let torchNames: [String: ElementType] = {
        let named: [ElementType] = [
            .float64, .float32, .float16, .bfloat16, .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8,
            .bool, .complex128, .complex64, .complex32, .float8E5M2, .float8E4M3, .float8E5M2FNUZ, .float8E4M3FNUZ,
            .float8E8M0,
        ]
        var table = Dictionary(uniqueKeysWithValues: named.map { ($0.description, $0) })
        for (alias, type) in [
            ("double", .float64), ("float", .float32), ("half", .float16), ("long", .int64), ("int", .int32),
            ("short", .int16), ("cdouble", .complex128), ("cfloat", .complex64), ("chalf", .complex32),
        ] as [(String, ElementType)] {
            table[alias] = type
        }
        return table
    }()

    /// Types by the class name of their storage, without the ending `Storage`.
    static let storageNames: [String: ElementType] = [
        "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Long": .int64, "Int": .int32,
        "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .bool, "ComplexDouble": .complex128,
        "ComplexFloat": .complex64,
    ]

    /// The names of safetensors, in both directions. Types without one there are missing.
    static let safetensorsNames: [String: ElementType] = [
        "BOOL": .bool, "U8": .uint8, "I8": .int8, "U16": .uint16, "I16": .int16, "U32": .uint32, "I32": .int32,
        "U64": .uint64, "I64": .int64, "F16": .float16, "BF16": .bfloat16, "F32": .float32, "F64": .float64,
        "C64": .complex64, "F8_E5M2": .float8E5M2, "F8_E4M3": .float8E4M3, "F8_E8M0": .float8E8M0,
        "F6_E2M3": .float6E2M3, "F6_E3M2": .float6E3M2, "F4": .float4E2M1,
    ]

    /// The name that safetensors gives this type.
    var safetensorsName: String? { Self.safetensorsNames.first { $0.value == self }?.key }
}
