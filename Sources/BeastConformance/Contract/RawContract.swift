// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CBeasts
private import Glibc

/// A context of a backend library, used through the C contract alone: nothing of BeastCore's host side stands between,
/// so what a library does with malformed calls can be seen.
final class RawContract {
    /// The library's table, zero beyond its size.
    let table: beasts_backend_table
    let context: OpaquePointer

    init(library: PluginLibrary) throws(CaseStop) {
        // It is open already; this gives the same library once more.
        let path = library.path.contains("/") ? library.path : "./" + library.path
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(handle, "beasts_backend_query")
        else { throw .failed("\(library.path) cannot be opened a second time") }
        let query = unsafeBitCast(symbol, to: beasts_backend_query_function.self)
        var found: UnsafePointer<beasts_backend_table>?
        var code: Int32 = -1
        "conformance".withCString { description in
            var host = beasts_host_info()
            host.struct_size = UInt32(MemoryLayout<beasts_host_info>.size)
            host.abi_major = BEASTS_ABI_MAJOR
            host.abi_minor = BEASTS_ABI_MINOR
            host.description = description
            code = query(&host, &found, nil)
        }
        guard code == 0, let found else { throw .failed("a second query failed with code \(code)") }
        var copy = beasts_backend_table()
        withUnsafeMutableBytes(of: &copy) { bytes in
            let count = min(Int(found.pointee.struct_size), bytes.count)
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: found, count: count))
        }
        table = copy
        var options = beasts_context_options()
        options.struct_size = UInt32(MemoryLayout<beasts_context_options>.size)
        options.device = -1
        var context: OpaquePointer?
        guard copy.create_context?(&options, &context, nil) == 0, let context else {
            throw .failed("create_context failed, called without a status")
        }
        self.context = context
    }

    deinit { _ = table.destroy_context?(context, nil) }

    /// The code and message of a call.
    struct Answer {
        var code: Int32
        var message: String
    }

    /// Calls with a status to fill in.
    func answer(_ body: (UnsafeMutablePointer<beasts_status>) -> Int32?) -> Answer {
        var status = beasts_status()
        status.struct_size = UInt32(MemoryLayout<beasts_status>.size)
        let code = body(&status) ?? BackendError.Code.unsupported.rawValue
        let message = withUnsafeBytes(of: status.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return Answer(code: code, message: message)
    }

    /// A call that must be refused, with a sentence, and whether a status is given or not.
    func refuse(
        _ what: String, _ codes: Set<BackendError.Code> = [.invalidArgument],
        _ body: (UnsafeMutablePointer<beasts_status>?) -> Int32?
    ) throws(CaseStop) {
        let answer = answer { body($0) }
        guard codes.contains(where: { $0.rawValue == answer.code }) else {
            throw .failed("\(what): code \(answer.code) instead of \(codes.map(\.rawValue).sorted())")
        }
        if answer.message.isEmpty { throw .failed("\(what): refused without a message") }
        guard body(nil) == answer.code else { throw .failed("\(what): another code when called without a status") }
    }

    /// Calls an op's entry with any address, or none.
    func call(
        _ op: BackendOp, _ arguments: UnsafeRawPointer?, context: OpaquePointer?,
        status: UnsafeMutablePointer<beasts_status>?
    ) -> Int32? {
        typealias Entry =
            @convention(c) (OpaquePointer?, UnsafeRawPointer?, UnsafeMutablePointer<beasts_status>?) -> Int32
        let offset = Int(beasts_op_descriptions()[Int(op.rawValue) - 1].table_offset)
        // The entries of the table are function pointers that differ in the type of one pointer argument only.
        let entry = withUnsafeBytes(of: table) { $0.loadUnaligned(fromByteOffset: offset, as: Entry?.self) }
        return entry?(context, arguments, status)
    }

    /// Calls an op with the bytes of an arguments structure.
    func run(_ op: BackendOp, _ bytes: [UInt8]) -> Answer {
        // 8 for the alignment of what is inside.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(8, bytes.count), alignment: 8)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return answer { call(op, UnsafeRawPointer(copy.baseAddress), context: context, status: $0) }
    }

    func makeBuffer(_ bytes: [UInt8]) throws(CaseStop) -> UInt64 {
        var handle: UInt64 = 0
        var code = table.create_buffer?(context, UInt64(bytes.count), &handle, nil)
        guard code == 0, handle != 0 else { throw .failed("create_buffer of \(bytes.count) bytes: code \(code ?? -1)") }
        code = bytes.withUnsafeBytes { table.upload?(context, handle, 0, $0.baseAddress, UInt64(bytes.count), nil) }
        guard code == 0 else { throw .failed("upload of \(bytes.count) bytes: code \(code ?? -1)") }
        return handle
    }

    func download(_ handle: UInt64, byteCount: Int) throws(CaseStop) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let code = bytes.withUnsafeMutableBytes {
            table.download?(context, handle, 0, $0.baseAddress, UInt64(byteCount), nil)
        }
        guard code == 0 else { throw .failed("download of \(byteCount) bytes: code \(code ?? -1)") }
        return bytes
    }

    /// A part of float32 elements of 0.25, dense, and a description with this one part; `change` may spoil both.
    func prepare(
        _ kind: WeightKind, _ shape: [Int], groups: Int32 = 1,
        _ change: (inout beasts_weight_description, inout beasts_weight_part) -> Void = { _, _ in }
    ) -> (answer: Answer, weight: UInt64) {
        let elements = [Float](repeating: 0.25, count: shape.reduce(1, *))
        var handle: UInt64 = 0
        let answer = elements.withUnsafeBytes { bytes in
            var part = beasts_weight_part()
            part.struct_size = UInt32(MemoryLayout<beasts_weight_part>.size)
            part.dtype = DType.float32.rawValue
            part.data = bytes.baseAddress
            part.byte_count = UInt64(bytes.count)
            part.rank = Int32(shape.count)
            store(shape, to: &part.shape)
            store(Array(Shape(shape).denseStrides), to: &part.stride)
            var description = beasts_weight_description()
            description.struct_size = UInt32(MemoryLayout<beasts_weight_description>.size)
            description.kind = kind.rawValue
            description.target_dtype = DType.float32.rawValue
            description.groups = groups
            description.part_count = 1
            return withUnsafeMutablePointer(to: &part) { part in
                description.parts = UnsafePointer(part)
                change(&description, &part.pointee)
                return self.answer { table.prepare_weight?(context, &description, &handle, nil, $0) }
            }
        }
        return (answer, handle)
    }
}

/// Writes extents or strides into a structure of the contract.
func store<Extents>(_ values: [Int], to extents: inout Extents) {
    withUnsafeMutableBytes(of: &extents) { bytes in
        for (axis, value) in values.enumerated() {
            bytes.storeBytes(of: Int64(value), toByteOffset: axis * 8, as: Int64.self)
        }
    }
}
