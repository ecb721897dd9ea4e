// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CBeasts

/// A call that must be refused.
struct Malformed {
    var what: String
    /// The arguments structure.
    var bytes: [UInt8]
    /// An element type that an op need not take may be answered with either.
    var mayBeUnsupported = false

    init(_ what: String, _ bytes: [UInt8], mayBeUnsupported: Bool = false) {
        self.what = what
        self.bytes = bytes
        self.mayBeUnsupported = mayBeUnsupported
    }

    /// The C form of arguments, spoilt by `change`.
    init<Arguments: OpArguments>(
        _ what: String, _ arguments: Arguments, mayBeUnsupported: Bool = false,
        _ change: (inout Arguments.Contract) -> Void = { _ in }
    ) {
        var contract = arguments.contract
        change(&contract)
        self.init(what, Array(withUnsafeBytes(of: &contract) { Array($0) }), mayBeUnsupported: mayBeUnsupported)
    }
}

extension ConformanceCase {
    static func misuse(of op: BackendOp) -> [any CaseBody] {
        op == .gatherRows ? [MisuseCase(op: op), GatherRangeCase()] : [MisuseCase(op: op)]
    }
}

/// Calls an op through the C contract with arguments that are wrong in every way one can think of. Each must be refused
/// with a code and a sentence, must write nothing, and must leave the context as able as before.
struct MisuseCase: CaseBody {
    let op: BackendOp?

    var parameters: String { "malformed calls through the C contract" }
    var tolerance: String { Tolerance.code }

    func run(_ bench: Workbench) throws(CaseStop) {
        guard let library = bench.library, let op else { throw .unsupported("needs a library") }
        guard library.hasEntry(op) else { throw .unsupported("the library does not have this op") }
        let raw = try RawContract(library: library)
        let stage = try MisuseStage(raw, op)
        let valid = Malformed("valid arguments", stage.valid(op)).bytes

        try expect(raw.run(op, valid), code: 0, "valid arguments, before any malformed call")
        let contents = try stage.contents()
        for malformed in generic(valid, op) + stage.malformed(op) {
            let answer = raw.run(op, malformed.bytes)
            if !(malformed.mayBeUnsupported && answer.code == BackendError.Code.unsupported.rawValue) {
                try expect(answer, code: BackendError.Code.invalidArgument.rawValue, malformed.what)
            }
            if answer.message.isEmpty { throw .failed("\(malformed.what): refused without a message") }
        }
        let nothing = raw.answer { raw.call(op, nil, context: raw.context, status: $0) }
        try expect(nothing, code: BackendError.Code.invalidArgument.rawValue, "null arguments")
        if raw.call(op, nil, context: nil, status: nil) == 0 {
            throw .failed("null context, arguments and status: no error")
        }
        guard raw.table.synchronize?(raw.context, nil) == 0 else {
            throw .failed("synchronize fails after refused calls")
        }
        guard try stage.contents() == contents else { throw .failed("a refused call wrote into a buffer") }
        try expect(raw.run(op, valid), code: 0, "valid arguments, after the malformed calls")
        guard try stage.contents() == contents else { throw .failed("another result after refused calls") }
    }

    private func expect(_ answer: RawContract.Answer, code: Int32, _ what: String) throws(CaseStop) {
        guard answer.code != code else { return }
        throw .failed(
            "\(what): code \(answer.code) instead of \(code)"
                + (answer.message.isEmpty ? "" : ", message: \(answer.message)"))
    }

    /// Where the fields of a view lie; pinned by `static_assert` in CBeasts and by the layout of C.
    private enum Field {
        static let buffer = 0
        static let offset = 8
        static let dtype = 16
        static let rank = 20
        static let firstExtent = 24
        static let firstStride = 88
        static let size = 152
    }

    /// What can be wrong with the structure and its first two views in every op.
    private func generic(_ valid: [UInt8], _ op: BackendOp) -> [Malformed] {
        func spoilt<Value: FixedWidthInteger>(_ what: String, _ offset: Int, _ value: Value) -> Malformed {
            var bytes = valid
            withUnsafeBytes(of: value.littleEndian) { source in
                for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
            }
            return Malformed(what, bytes)
        }
        let first = op == .patchEmbedding ? 16 : 8
        var list = [
            spoilt("a structure of 0 bytes", 0, UInt32(0)),
            spoilt("a structure that ends before its first view", 0, UInt32(8)),
            spoilt("a structure that ends within its first view", 0, UInt32(first + 40)),
            spoilt("an output of unknown element type 99", first + Field.dtype, Int32(99)),
            spoilt("an output that overlaps itself", first + Field.firstStride, Int64(0)),
        ]
        let views =
            op == .fill ? [("first view", first)] : [("first view", first), ("second view", first + Field.size)]
        for (name, start) in views {
            list += [
                spoilt("\(name): no buffer", start + Field.buffer, UInt64(0)),
                spoilt("\(name): unknown buffer", start + Field.buffer, 0x00de_adbe_ef08 as UInt64),
                spoilt("\(name): negative offset", start + Field.offset, Int64(-1)),
                spoilt("\(name): beyond its buffer", start + Field.offset, Int64(1) << 40),
                spoilt("\(name): largest offset", start + Field.offset, Int64.max),
                spoilt("\(name): element type 0", start + Field.dtype, Int32(0)),
                spoilt("\(name): rank -1", start + Field.rank, Int32(-1)),
                spoilt("\(name): rank 9", start + Field.rank, Int32(9)),
                spoilt("\(name): rank 0x7fffffff", start + Field.rank, Int32.max),
                spoilt("\(name): negative extent", start + Field.firstExtent, Int64(-2)),
                spoilt("\(name): smallest extent", start + Field.firstExtent, Int64.min),
                spoilt("\(name): largest extent", start + Field.firstExtent, Int64.max),
                spoilt("\(name): negative stride", start + Field.firstStride, Int64(-1)),
                spoilt("\(name): stride 2^60", start + Field.firstStride, Int64(1) << 60),
                spoilt("\(name): largest stride", start + Field.firstStride, Int64.max),
            ]
        }
        return list
    }
}

/// Indices outside the table must be reported, at the latest when the queue is drained; and the context goes on.
struct GatherRangeCase: CaseBody {
    var op: BackendOp? { .gatherRows }
    var parameters: String { "indices outside the table" }
    var tolerance: String { Tolerance.code }

    func run(_ bench: Workbench) throws(CaseStop) {
        for index in [-1, 5, 1_000_000_000, -2_147_483_648] {
            let table = try bench.input("table", [5, 7])
            let indices = try bench.input("indices", [3], .list([1, Double(index), 4]), dtype: .int32)
            let output = try bench.output([3, 7])
            output.isOutput = true
            try bench.runExpecting(
                [.invalidArgument], "index \(index) of 5 rows",
                GatherRowsArguments(output: output.view, table: table.view, indices: indices.view))
            // The failure must have been reported once and be over.
            let target = try bench.output([5, 7])
            try bench.run(CopyArguments(output: target.view, input: table.view))
            try bench.expect(target, Oracle.cast(table.array.values, to: .float32))
        }
    }
}

extension Malformed {
    init(_ what: String, _ arguments: any OpArguments) { self.init(what, Malformed.bytes(arguments)) }

    private static func bytes(_ arguments: some OpArguments) -> [UInt8] {
        withUnsafeBytes(of: arguments.contract) { Array($0) }
    }
}
