import CBeasts
import Testing

// SPDX-License-Identifier: MIT
@testable import BeastCore

/// Descriptions that name more elements than 64 bits count must be refused, not multiplied out.
@Suite("A weight description") struct HostileWeightTests {
    private func code(_ shape: [Int], kind: WeightKind, groups: Int = 1, parts: Int = 1) throws -> BackendError.Code? {
        let library = try PluginLibrary(path: "\(buildFolder)/libBeastsCPUReferenceBackend.so")
        let context = try library.makeContext()
        let byte: [UInt8] = [0, 0, 0, 0]
        return byte.withUnsafeBytes { bytes in
            let tensor = HostTensor(
                bytes: bytes, dtype: .float32, shape: shape, strides: [Int](repeating: 0, count: shape.count))
            let contracts = [beasts_weight_part](repeating: tensor.contract, count: parts)
            return contracts.withUnsafeBufferPointer { pointer in
                var description: beasts_weight_description = sized {
                    $0.kind = kind.rawValue
                    $0.target_dtype = DType.float32.rawValue
                    $0.groups = Int32(groups)
                    $0.parts = pointer.baseAddress
                    $0.part_count = UInt32(parts)
                }
                var handle: UInt64 = 0
                let code = library.table.prepare_weight?(context.context, &description, &handle, nil, nil) ?? 0
                return BackendError.Code(rawValue: code)
            }
        }
    }

    @Test("with extents whose products overflow is refused") func overflow() throws {
        #expect(try code([0, 1 << 62, 1, 1], kind: .conv2d, groups: 4) == .invalidArgument)
        #expect(try code([1 << 62, 0], kind: .linear, parts: 4) == .invalidArgument)
        #expect(try code([1 << 62, 1 << 62], kind: .linear) == .invalidArgument)
        #expect(try code([1 << 40, 4], kind: .linear) == .outOfMemory)
        #expect(try code([3, 4], kind: .linear) == nil)
    }

    @Test("whose parts do not make one whole is refused before it is sent") func host() throws {
        let bytes: [UInt8] = [UInt8](repeating: 0, count: 64)
        bytes.withUnsafeBytes { raw in
            func part(_ shape: [Int]) -> HostTensor {
                HostTensor(
                    bytes: raw, dtype: .float32, shape: shape, strides: Array(Shape(shape.prefix(8)).denseStrides))
            }
            func message(_ kind: WeightKind, _ parts: [HostTensor]) -> String? {
                do throws(BackendError) {
                    try WeightDescription(kind: kind, parts: parts).validate()
                    return nil
                } catch { return error.message }
            }
            #expect(message(.linear, []) == "prepare_weight: no parts")
            #expect(
                message(.linear, [part([2, 3]), part([2, 4])])
                    == "prepare_weight: parts of shapes [2, 3] and [2, 4] cannot be joined")
            #expect(message(.linear, [part([2, 3]), part([6])])?.hasSuffix("cannot be joined") == true)
            #expect(message(.linear, [part([2, -3])])?.hasSuffix("negative or too large") == true)
            #expect(message(.conv2d, [part([2, 3])]) == "prepare_weight: rank 2 for conv2d")
            #expect(message(.linear, [part([2, 3]), part([1, 3])]) == nil)
        }
    }
}
