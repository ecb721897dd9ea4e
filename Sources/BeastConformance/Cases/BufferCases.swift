// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CBeasts

/// Buffers, transfers and contexts: what every op rests on.
struct BufferCase: CaseBody {
    enum Kind: String, Sendable, CaseIterable {
        case roundTrip = "upload and download, whole and in parts"
        case order = "uploads and ops happen in the order of the calls"
        case many = "many buffers alive at once"
        case empty = "a buffer of 0 bytes"
        case mapped = "map shows what download gives"
        case contexts = "two contexts know nothing of each other"
        case misuse = "malformed calls through the C contract"
    }

    var kind: Kind

    var op: BackendOp? { nil }
    var subject: String { "buffers" }
    var parameters: String { kind.rawValue }
    var tolerance: String { kind == .misuse ? Tolerance.code : Tolerance.exact }

    static var all: [BufferCase] { Kind.allCases.map { BufferCase(kind: $0) } }

    func run(_ bench: Workbench) throws(CaseStop) {
        switch kind {
        case .roundTrip: try roundTrip(bench)
        case .order: try order(bench)
        case .many: try many(bench)
        case .empty: try empty(bench)
        case .mapped: try mapped(bench)
        case .contexts: try contexts(bench)
        case .misuse: try misuse(bench)
        }
    }

    private func roundTrip(_ bench: Workbench) throws(CaseStop) {
        let operand = try bench.input("bytes", [1001], .integers(0...255), dtype: .uint8, layout: .offset(1))
        var expected = operand.image
        let patch: [UInt8] = [1, 2, 3, 4, 5]
        var part = [UInt8](repeating: 0, count: 7)
        try bench.calling("transfers in parts") { () throws(BackendError) in
            try upload(patch, to: operand.view.buffer, at: 333, bench.backend)
            try download(&part, from: operand.view.buffer, at: 332, bench.backend)
            try bench.backend.synchronize()
        }
        expected.replaceSubrange(333..<338, with: patch)
        guard part == Array(expected[332..<339]) else { throw .failed("a part came back as \(part)") }
        var whole: [UInt8] = []
        try bench.calling("download") { () throws(BackendError) in whole = try operand.download(from: bench.backend) }
        guard whole == expected else { throw .failed("the whole came back different") }
        try bench.calling("upload") { () throws(BackendError) in
            try upload(operand.image, to: operand.view.buffer, at: 0, bench.backend)
        }
    }

    private func order(_ bench: Workbench) throws(CaseStop) {
        let source = try bench.input("source", [300, 7], .normal())
        let first = try bench.output("first", [300, 7])
        let second = try bench.output("second", [300, 7])
        try bench.calling("a chain of ops") { () throws(BackendError) in
            try bench.backend.fill(FillArguments(output: first.view, value: 1))
            try bench.backend.add(AddArguments(output: first.view, left: first.view, right: source.view))
            try bench.backend.copy(CopyArguments(output: second.view, input: first.view))
            try bench.backend.fill(FillArguments(output: first.view, value: -3))
            try bench.backend.add(AddArguments(output: second.view, left: second.view, right: first.view))
        }
        let expected = source.array.values.map { Estimate.exact($0).plus(.exact(1)).plus(.exact(-3)) }
        try bench.expect(second, expected)
        try bench.expect(first, source.array.values.map { _ in .exact(-3) })
    }

    private func many(_ bench: Workbench) throws(CaseStop) {
        var operands: [Operand] = []
        for number in 0..<200 { operands.append(try bench.output("buffer \(number)", [number + 1])) }
        guard Set(operands.map(\.view.buffer)).count == operands.count else {
            throw .failed("a handle was given out twice")
        }
        for (number, operand) in operands.enumerated() {
            try bench.run(FillArguments(output: operand.view, value: Double(number)))
        }
        for (number, operand) in operands.enumerated() {
            try bench.expect(operand, [Estimate](repeating: .exact(Double(number)), count: number + 1))
        }
    }

    private func empty(_ bench: Workbench) throws(CaseStop) {
        try bench.calling("a buffer of 0 bytes") { () throws(BackendError) in
            let buffer = try bench.backend.makeBuffer(byteCount: 0)
            try upload([], to: buffer, at: 0, bench.backend)
            var nothing: [UInt8] = []
            try download(&nothing, from: buffer, at: 0, bench.backend)
            try bench.backend.destroyBuffer(buffer)
        }
    }

    private func mapped(_ bench: Workbench) throws(CaseStop) {
        let operand = try bench.output("output", [77])
        try bench.run(FillArguments(output: operand.view, value: 0.375))
        try bench.expect(operand, [Estimate](repeating: .exact(0.375), count: 77))
        var address: UnsafeMutableRawPointer?
        try bench.calling("map") { () throws(BackendError) in
            try bench.backend.synchronize()
            address = try bench.backend.map(operand.view.buffer)
        }
        guard let address else { return }
        let bytes = UnsafeRawBufferPointer(start: address, count: operand.image.count)
        for offset in operand.elementOffsets where bytes.loadUnaligned(fromByteOffset: offset, as: Float.self) != 0.375
        {
            throw .failed("byte \(offset) of the mapped buffer is not what was written")
        }
    }

    private func contexts(_ bench: Workbench) throws(CaseStop) {
        guard let library = bench.library else { throw .unsupported("needs a library") }
        let mine = try bench.output("output", [5])
        let other: any Backend
        do throws(BackendError) { other = try library.makeContext() } catch {
            throw .failed("a second context: \(error)")
        }
        try bench.run(FillArguments(output: mine.view, value: 1))
        try bench.calling("an op on a second context") { () throws(BackendError) in
            let buffer = try other.makeBuffer(byteCount: 20)
            try other.fill(FillArguments(output: TensorView(buffer: buffer, shape: [5]), value: 2))
            var bytes = [UInt8](repeating: 0, count: 20)
            try download(&bytes, from: buffer, at: 0, other)
            guard bytes == (0..<5).flatMap({ _ in [0, 0, 0, 0x40] as [UInt8] }) else {
                throw BackendError(.internal, "the second context computed \(bytes)")
            }
        }
        try bench.expect(mine, [Estimate](repeating: .exact(1), count: 5))
    }

    private func misuse(_ bench: Workbench) throws(CaseStop) {
        guard let library = bench.library else { throw .unsupported("needs a library") }
        let raw = try RawContract(library: library)
        let (table, context) = (raw.table, raw.context)
        let content: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        let buffer = try raw.makeBuffer(content)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { memory.deallocate() }
        let address = memory.baseAddress
        try raw.refuse("upload to an unknown buffer") { table.upload?(context, 0xdead_beef, 0, address, 1, $0) }
        try raw.refuse("upload to buffer 0") { table.upload?(context, 0, 0, address, 1, $0) }
        try raw.refuse("upload of one byte too many") { table.upload?(context, buffer, 0, address, 9, $0) }
        try raw.refuse("upload behind the end") { table.upload?(context, buffer, 9, address, 0, $0) }
        try raw.refuse("upload with an offset that wraps") { table.upload?(context, buffer, .max, address, 2, $0) }
        try raw.refuse("upload from nowhere") { table.upload?(context, buffer, 0, nil, 4, $0) }
        try raw.refuse("download from an unknown buffer") { table.download?(context, 0xdead_beef, 0, address, 1, $0) }
        try raw.refuse("download of one byte too many") { table.download?(context, buffer, 1, address, 8, $0) }
        try raw.refuse("download with a count that wraps") {
            table.download?(context, buffer, 4, address, .max - 2, $0)
        }
        try raw.refuse("download to nowhere") { table.download?(context, buffer, 0, nil, 4, $0) }
        try raw.refuse("destroying an unknown buffer") { table.destroy_buffer?(context, 0xdead_beef, $0) }
        try raw.refuse("destroying buffer 0") { table.destroy_buffer?(context, 0, $0) }
        try raw.refuse("releasing a buffer as a weight") { table.release_weight?(context, buffer, $0) }
        try raw.refuse("create_buffer without a result") { table.create_buffer?(context, 8, nil, $0) }
        try raw.refuse("synchronize without a context") { table.synchronize?(nil, $0) }
        try raw.refuse("a buffer of 2^63 bytes", [.invalidArgument, .outOfMemory]) { status in
            var handle: UInt64 = 0
            return table.create_buffer?(context, 1 << 63, &handle, status)
        }
        if let supports = table.supports {
            var answer: Int32 = 0
            try raw.refuse("supports for an unknown op") { supports(context, 999, address, &answer, $0) }
            try raw.refuse("supports without arguments") { supports(context, 1, nil, &answer, $0) }
        }
        if let map = table.map {
            var mapped: UnsafeMutableRawPointer?
            try raw.refuse("map of an unknown buffer") { map(context, 0xdead_beef, &mapped, $0) }
        }
        guard try raw.download(buffer, byteCount: 8) == content else {
            throw .failed("a refused call changed a buffer")
        }
        guard table.destroy_buffer?(context, buffer, nil) == 0 else { throw .failed("destroy_buffer fails") }
        try raw.refuse("destroying a buffer twice") { table.destroy_buffer?(context, buffer, $0) }
        try raw.refuse("download from a destroyed buffer") { table.download?(context, buffer, 0, address, 4, $0) }
    }
}

private func upload(_ bytes: [UInt8], to buffer: BufferHandle, at offset: Int, _ backend: any Backend)
    throws(BackendError)
{
    var failure: BackendError?
    bytes.withUnsafeBytes { source in
        do throws(BackendError) { try backend.upload(source, to: buffer, byteOffset: offset) } catch { failure = error }
    }
    if let failure { throw failure }
}

private func download(
    _ bytes: inout [UInt8], from buffer: BufferHandle, at offset: Int, _ backend: any Backend
) throws(BackendError) {
    var failure: BackendError?
    bytes.withUnsafeMutableBytes { target in
        do throws(BackendError) { try backend.download(target, from: buffer, byteOffset: offset) } catch {
            failure = error
        }
    }
    if let failure { throw failure }
}
