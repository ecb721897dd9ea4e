import CBeasts
import Testing

// SPDX-License-Identifier: MIT
@testable import BeastCore

/// Structures of another build are shorter or longer than ours: what is missing reads as zero, what is more is not
/// looked at, and nobody writes beyond what the other side says is there.
@Suite("Structures of another build") struct StructureSizeTests {
    private let library: PluginLibrary
    private let context: PluginBackend

    init() throws {
        library = try PluginLibrary(path: "\(buildFolder)/libBeastsCPUReferenceBackend.so")
        context = try library.makeContext()
    }

    /// Memory with a structure in it and 64 bytes behind, all of them 0xee.
    private func withMemory<Structure, Result>(
        _ type: Structure.Type, size: Int,
        _ body: (UnsafeMutablePointer<Structure>, UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: MemoryLayout<Structure>.size + 64, alignment: 8)
        defer { memory.deallocate() }
        for index in memory.indices { memory[index] = 0xee }
        memory.storeBytes(of: UInt32(size), as: UInt32.self)
        return try body(memory.baseAddress!.assumingMemoryBound(to: Structure.self), memory)
    }

    @Test("are read as far as both sides know them") func reading() {
        let size = MemoryLayout<beasts_context_options>.size
        for given in [0, 4, 8, 12, 16, 24, 60] {
            withMemory(beasts_context_options.self, size: given) { pointer, _ in
                let read = readSized(UnsafePointer(pointer))
                let filler = Int32(bitPattern: 0xeeee_eeee)
                #expect(Int(read.struct_size) == (given >= 4 ? given : 0) && size == 16)
                #expect(read.device == (given >= 8 ? filler : 0))
                #expect(read.thread_count == (given >= 12 ? filler : 0))
                #expect(read.reserved == (given >= 16 ? filler : 0))
            }
        }
    }

    @Test("may be a status that is shorter than ours") func shortStatus() {
        for size in [0, 4, 8, 20, 100, 512] {
            withMemory(beasts_status.self, size: size) { status, memory in
                let code = library.table.synchronize?(nil, status)
                #expect(code == 1)
                let written = memory.indices.filter { memory[$0] != 0xee && $0 >= 4 }
                #expect(written.allSatisfy { $0 < max(4, size) }, "wrote up to byte \(written.max() ?? 0) of \(size)")
                if size >= 8 { #expect(status.pointee.code == 1) }
                if size > 8 {
                    let message = String(decoding: memory[8..<size].prefix { $0 != 0 }, as: UTF8.self)
                    #expect(memory[8..<size].contains(0) && "null context".hasPrefix(message) && !message.isEmpty)
                }
            }
        }
    }

    @Test("may be a probe result that is shorter than ours") func shortProbe() {
        for size in [4, 8, 32, 512, 520, 548] {
            withMemory(beasts_probe_result.self, size: size) { result, memory in
                #expect(library.table.probe?(-1, result, nil) == 0)
                if size >= 8 { #expect(result.pointee.score == 50) }
                #expect(Int(result.pointee.struct_size) == size)
                let limit = min(size, 520)
                #expect(memory[limit...].allSatisfy { $0 == 0xee })
            }
        }
    }

    @Test("may be arguments that are longer than ours") func longArguments() throws {
        let buffer = try context.makeBuffer(byteCount: 16)
        let arguments = FillArguments(output: TensorView(buffer: buffer, shape: [4]), value: 3).contract
        try call(.fill, arguments, size: 168 + 40, expecting: 0)
        var values = [Float](repeating: 0, count: 4)
        try values.withUnsafeMutableBytes { try context.download($0, from: buffer, byteOffset: 0) }
        #expect(values == [3, 3, 3, 3])
    }

    @Test("may be arguments that are shorter than ours, whose missing fields are zero") func shortArguments() throws {
        let buffer = try context.makeBuffer(byteCount: 16)
        let x = TensorView(buffer: buffer, shape: [2, 2])
        // Without key_length no key is seen: zeros.
        let softmax = SoftmaxArguments(output: x, input: x, keyLength: 2).contract
        try call(.softmax, softmax, size: 328, expecting: 0)
        var values = [Float](repeating: 9, count: 4)
        try values.withUnsafeMutableBytes { try context.download($0, from: buffer, byteOffset: 0) }
        #expect(values == [0, 0, 0, 0])
        // Without its input view the op has no input.
        try call(.softmax, softmax, size: 160, expecting: 1)
        try call(.softmax, softmax, size: 0, expecting: 1)
    }

    /// Calls the library's entry with a structure that claims a size; bytes beyond the structure are garbage.
    private func call<Contract>(_ op: BackendOp, _ contract: Contract, size: Int, expecting code: Int32) throws {
        typealias Create =
            @convention(c) (
                UnsafePointer<beasts_context_options>?, UnsafeMutablePointer<OpaquePointer?>?,
                UnsafeMutablePointer<beasts_status>?
            ) -> Int32
        typealias Entry =
            @convention(c) (OpaquePointer?, UnsafeRawPointer?, UnsafeMutablePointer<beasts_status>?) -> Int32
        let entry = try #require(
            withUnsafeBytes(of: library.table) { $0.loadUnaligned(fromByteOffset: op.tableOffset, as: Entry?.self) })
        withMemory(Contract.self, size: size) { pointer, _ in
            pointer.pointee = contract
            UnsafeMutableRawPointer(pointer).storeBytes(of: UInt32(size), as: UInt32.self)
            #expect(entry(context.context, UnsafeRawPointer(pointer), nil) == code)
        }
    }

    @Test("have a weight description whose parts lie as far apart as the first one says") func weightParts() throws {
        let elements: [Float] = [1, 2, 3, 4]
        let stride = MemoryLayout<beasts_weight_part>.size + 24
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * stride, alignment: 8)
        defer { memory.deallocate() }
        for index in memory.indices { memory[index] = 0xee }
        try elements.withUnsafeBytes { bytes in
            for number in 0..<2 {
                let tensor = HostTensor(
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[(number * 8)...]), dtype: .float32, shape: [1, 2],
                    strides: [2, 1])
                var part = tensor.contract
                part.struct_size = UInt32(stride)
                memory.baseAddress!.advanced(by: number * stride).storeBytes(of: part, as: beasts_weight_part.self)
            }
            var description: beasts_weight_description = sized {
                $0.kind = WeightKind.embedding.rawValue
                $0.target_dtype = DType.float32.rawValue
                $0.groups = 1
                $0.part_count = 2
            }
            description.parts = UnsafePointer(memory.baseAddress!.assumingMemoryBound(to: beasts_weight_part.self))
            var handle: UInt64 = 0
            #expect(library.table.prepare_weight?(context.context, &description, &handle, nil, nil) == 0)
            var values = [Float](repeating: 0, count: 4)
            try values.withUnsafeMutableBytes {
                try context.download($0, from: BufferHandle(rawValue: handle), byteOffset: 0)
            }
            #expect(values == elements)
        }
    }
}
