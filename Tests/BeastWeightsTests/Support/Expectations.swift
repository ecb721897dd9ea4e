// SPDX-License-Identifier: MIT

import BeastCore
import BeastWeights
import Testing

/// Expects a ``WeightsError`` of this kind whose line contains `text`.
func expectError(
    _ code: WeightsError.Code, _ text: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("no error; expected \(code) with “\(text)”", sourceLocation: sourceLocation)
    } catch let error as WeightsError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(text.isEmpty || error.description.contains(text), "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
}

/// The elements of a lent tensor in row-major order, widened to float32.
func elements(of tensor: HostTensor) -> [Float] {
    let count = tensor.shape.reduce(1, *)
    guard count > 0 else { return [] }
    var index = [Int](repeating: 0, count: tensor.shape.count)
    return (0..<count).map { _ in
        let element = zip(index, tensor.strides).reduce(0) { $0 + $1.0 * $1.1 }
        for axis in index.indices.reversed() {
            index[axis] += 1
            if index[axis] < tensor.shape[axis] { break }
            index[axis] = 0
        }
        switch tensor.dtype {
        case .float32: return tensor.bytes.load(fromByteOffset: element * 4, as: Float.self)
        case .float16:
            return HalfPrecision.float(fromHalf: tensor.bytes.load(fromByteOffset: element * 2, as: UInt16.self))
        default: return HalfPrecision.float(fromBFloat: tensor.bytes.load(fromByteOffset: element * 2, as: UInt16.self))
        }
    }
}

/// The elements of a lent tensor in row-major order, in its own type.
func denseBytes(of tensor: HostTensor) -> [UInt8] {
    let values = elements(of: tensor)
    return switch tensor.dtype {
    case .float32: bytes(of: values)
    case .float16: bytes(of: values.map(HalfPrecision.half(from:)))
    default: bytes(of: values.map(HalfPrecision.bfloat(from:)))
    }
}

/// The elements of a named tensor.
func elements(_ name: String, of weights: CheckpointWeights) throws -> [Float] {
    try weights.withTensor(name) { elements(of: $0) }
}
