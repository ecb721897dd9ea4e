import CBeasts
import Testing

// SPDX-License-Identifier: MIT
@testable import BeastCore

/// The list of ops is a promise. It is written down once more here, so that no change of the header goes unnoticed.
@Suite("The list of ops") struct OpListTests {
    struct Entry: Sendable {
        var op: BackendOp
        var number: Int32
        var name: String
        var isRequired: Bool
        var argumentsSize: Int
        var tableOffset: Int
    }

    static let entries: [Entry] = [
        Entry(op: .fill, number: 1, name: "fill", isRequired: true, argumentsSize: 168, tableOffset: 136),
        Entry(op: .copy, number: 2, name: "copy", isRequired: true, argumentsSize: 312, tableOffset: 144),
        Entry(op: .gatherRows, number: 3, name: "gather_rows", isRequired: true, argumentsSize: 464, tableOffset: 152),
        Entry(op: .add, number: 4, name: "add", isRequired: true, argumentsSize: 464, tableOffset: 160),
        Entry(op: .multiply, number: 5, name: "multiply", isRequired: true, argumentsSize: 464, tableOffset: 168),
        Entry(op: .scale, number: 6, name: "scale", isRequired: true, argumentsSize: 320, tableOffset: 176),
        Entry(op: .activation, number: 7, name: "activation", isRequired: true, argumentsSize: 312, tableOffset: 184),
        Entry(op: .matmul, number: 8, name: "matmul", isRequired: true, argumentsSize: 464, tableOffset: 192),
        Entry(op: .linear, number: 9, name: "linear", isRequired: true, argumentsSize: 632, tableOffset: 200),
        Entry(op: .conv2d, number: 10, name: "conv2d", isRequired: true, argumentsSize: 656, tableOffset: 208),
        Entry(op: .maxPool2d, number: 11, name: "max_pool2d", isRequired: true, argumentsSize: 344, tableOffset: 216),
        Entry(op: .softmax, number: 12, name: "softmax", isRequired: true, argumentsSize: 336, tableOffset: 224),
        Entry(op: .layerNorm, number: 13, name: "layer_norm", isRequired: true, argumentsSize: 624, tableOffset: 232),
        Entry(op: .groupNorm, number: 14, name: "group_norm", isRequired: true, argumentsSize: 624, tableOffset: 240),
        Entry(op: .reduce, number: 15, name: "reduce", isRequired: true, argumentsSize: 312, tableOffset: 248),
        Entry(op: .argReduce, number: 16, name: "arg_reduce", isRequired: true, argumentsSize: 312, tableOffset: 256),
        Entry(op: .attention, number: 17, name: "attention", isRequired: false, argumentsSize: 640, tableOffset: 264),
        Entry(
            op: .attentionProbabilities, number: 18, name: "attention_probabilities", isRequired: false,
            argumentsSize: 488,
            tableOffset: 272),
        Entry(
            op: .residualLayerNorm, number: 19, name: "residual_layer_norm", isRequired: false, argumentsSize: 768,
            tableOffset: 280),
        Entry(op: .conv3d, number: 20, name: "conv3d", isRequired: false, argumentsSize: 672, tableOffset: 288),
        Entry(
            op: .convTranspose3d, number: 21, name: "conv_transpose3d", isRequired: false, argumentsSize: 680,
            tableOffset: 296),
        Entry(
            op: .patchEmbedding, number: 22, name: "patch_embedding", isRequired: false, argumentsSize: 480,
            tableOffset: 304),
        Entry(
            op: .nearestCode, number: 23, name: "nearest_code", isRequired: false, argumentsSize: 624,
            tableOffset: 312),
        Entry(op: .topK, number: 24, name: "top_k", isRequired: false, argumentsSize: 616, tableOffset: 320),
    ]

    @Test("is the same in Swift, in C and here") func everywhere() {
        #expect(Int(beasts_op_count()) == Self.entries.count)
        #expect(BackendOp.allCases == Self.entries.map(\.op))
        for (index, entry) in Self.entries.enumerated() {
            let description = beasts_op_descriptions()[index]
            #expect(description.number == entry.number && entry.op.rawValue == entry.number)
            #expect(String(cString: description.name) == entry.name && entry.op.name == entry.name)
            #expect((description.is_required == 1) == entry.isRequired && entry.op.isRequired == entry.isRequired)
            #expect(Int(description.table_offset) == entry.tableOffset && entry.op.tableOffset == entry.tableOffset)
        }
    }

    @Test("leads each op to its own structure", arguments: entries)
    func structures(entry: Entry) {
        func size<Arguments: OpArguments>(_ type: Arguments.Type) -> Int { MemoryLayout<Arguments.Contract>.size }
        #expect(entry.op.argumentsType.op == entry.op)
        #expect(size(entry.op.argumentsType) == entry.argumentsSize)
    }

    @Test("calls each op through its own entry of the table", arguments: entries)
    func calls(entry: Entry) throws {
        // A table in which only this op's entry is there.
        var table = beasts_backend_table()
        let marker: @convention(c) (OpaquePointer?, UnsafeRawPointer?, UnsafeMutablePointer<beasts_status>?) -> Int32 =
            { _, _, _ in 77 }
        withUnsafeMutableBytes(of: &table) {
            $0.storeBytes(
                of: UInt(bitPattern: unsafeBitCast(marker, to: Int.self)), toByteOffset: entry.tableOffset,
                as: UInt.self)
        }
        let context = try #require(OpaquePointer(bitPattern: 8))
        for other in Self.entries {
            #expect(code(other.op.argumentsType, table, context) == (other.op == entry.op ? 77 : nil))
        }
    }

    private func code<Arguments: OpArguments>(
        _ type: Arguments.Type, _ table: borrowing beasts_backend_table, _ context: OpaquePointer
    ) -> Int32? {
        var contract: Arguments.Contract = sized { _ in }
        var status = beasts_status.empty
        return Arguments.call(table, context, &contract, &status)
    }

    @Test("has structures of these sizes") func sizes() {
        #expect(MemoryLayout<beasts_view>.size == 152)
        #expect(MemoryLayout<beasts_status>.size == 512)
        #expect(MemoryLayout<beasts_host_info>.size == 24)
        #expect(MemoryLayout<beasts_probe_result>.size == 520)
        #expect(MemoryLayout<beasts_context_options>.size == 16)
        #expect(MemoryLayout<beasts_weight_part>.size == 160)
        #expect(MemoryLayout<beasts_weight_description>.size == 32)
        #expect(MemoryLayout<beasts_epilogue>.size == 312)
        #expect(MemoryLayout<beasts_backend_table>.size == 328)
    }

    @Test("numbers its enumerations so") func enumerations() {
        #expect(DType.allCases.map(\.rawValue) == [1, 2, 3, 4, 5, 6])
        #expect(DType.allCases == [.float32, .float16, .bfloat16, .int32, .uint8, .int8])
        #expect(
            [BEASTS_FLOAT32, BEASTS_FLOAT16, BEASTS_BFLOAT16, BEASTS_INT32, BEASTS_UINT8, BEASTS_INT8].map(\.rawValue)
                == [1, 2, 3, 4, 5, 6])
        #expect(Activation.allCases == [.none, .relu, .gelu, .silu] && Activation.none.rawValue == 1)
        #expect(
            EpilogueOrder.activationThenResidual.rawValue == 1 && EpilogueOrder.residualThenActivation.rawValue == 2)
        #expect(Reduction.allCases == [.sum, .mean, .maximum] && Reduction.sum.rawValue == 1)
        #expect(Extremum.maximum.rawValue == 1 && Extremum.minimum.rawValue == 2)
        #expect(PaddingMode.zero.rawValue == 1 && PaddingMode.replicate.rawValue == 2)
        #expect(WeightKind.allCases == [.linear, .conv2d, .conv3d, .convTranspose3d, .embedding, .vector])
        #expect(WeightKind.linear.rawValue == 1 && WeightKind.vector.rawValue == 6)
        #expect(BackendError.Code.allCases.map(\.rawValue) == [1, 2, 3, 4, 5])
        #expect(BEASTS_ABI_MAJOR == 1 && BEASTS_ABI_MINOR == 2 && BEASTS_MAXIMUM_RANK == 8)
    }
}
