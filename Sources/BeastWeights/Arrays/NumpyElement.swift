// SPDX-License-Identifier: MIT

/// The element types of `.npy` files that are read and written, by NumPy's type codes. All little-endian.
public enum NumpyElement: String, Sendable, CaseIterable {
    case float64 = "f8"
    case float32 = "f4"
    case float16 = "f2"
    case int64 = "i8"
    case int32 = "i4"
    case int16 = "i2"
    case int8 = "i1"
    case uint64 = "u8"
    case uint32 = "u4"
    case uint16 = "u2"
    case uint8 = "u1"
    case bool = "b1"

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// What the header's `descr` says: the code with a byte order mark, `<f4` or `|u1`.
    var descriptor: String { (byteCount == 1 ? "|" : "<") + rawValue }

    /// Decodes a `descr`.
    init(descriptor: String) throws(WeightsError) {
        let code = String(descriptor.dropFirst())
        guard let order = descriptor.first, "<>|=".contains(order), let element = NumpyElement(rawValue: code) else {
            let reason =
                descriptor.contains("O")
                ? "Python objects, which would have to be unpickled" : "a type that is not read"
            throw WeightsError(
                .unsupportedElementType,
                "the elements are “\(descriptor.shortened(to: 40))”, \(reason); save numbers, as in "
                    + "np.save(path, array.astype('float32'))")
        }
        guard order == "<" || element.byteCount == 1 else {
            throw WeightsError(
                .unsupportedElementType,
                "the elements are “\(descriptor)”, not little-endian; save array.astype('<\(code)')")
        }
        self = element
    }
}
