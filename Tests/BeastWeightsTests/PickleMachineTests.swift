// SPDX-License-Identifier: MIT

import Testing

@testable import BeastWeights

/// Decodes a pickle that stands alone.
func decode(_ bytes: [UInt8], limits: PickleLimits = PickleLimits()) throws -> PickleValue {
    try bytes.withUnsafeBytes { buffer in
        var machine = PickleMachine(buffer, name: "test", storages: StorageTable(.absent), limits: limits)
        let node = try machine.run()
        return PickleGraph(arena: machine.arena, storages: machine.storages).value(node)
    }
}

@Suite("Pickle operations")
struct PickleMachineTests {
    /// What Python's repr would say, from Python-made pickles and hand-made ones.
    @Test(
        "Values of every protocol decode",
        arguments: [
            // Protocol 0, as Python's pickle.dumps(value, 0) writes it.
            ("I5\n.", "5"), ("I01\n.", "True"), ("I00\n.", "False"),
            ("L12345678901234567890123L\n.", "12345678901234567890123"),
            ("L-7L\n.", "-7"), ("F1.5\n.", "1.5"), ("Fnan\n.", "nan"), ("F-inf\n.", "-inf"), ("N.", "None"),
            ("S'a\\'\\x41\\n'\np0\n.", "'a'A\\u{a}'"), ("Va\\u00e9\\\\u0041\np0\n.", "'aé\\\\u0041'"),
            ("V\\U0001f43b\n.", "'🐻'"),
            ("(lp0\nI1\naI2\na.", "[1, 2]"), ("(dp0\nS'a'\nI1\ns.", "{'a': 1}"), ("(I1\nI2\nt.", "(1, 2)"),
            ("(S'k'\nI1\nd.", "{'k': 1}"), ("(I1\nI2\nl.", "[1, 2]"), ("cfoo\nBar\n.", "foo.Bar"),
        ])
    func textProtocols(pickle: String, expected: String) throws {
        #expect(try decode(Array(pickle.utf8)).description == expected)
    }

    @Test(
        "Binary operations decode",
        arguments: [
            ([0x4A, 0xFE, 0xFF, 0xFF, 0xFF, 0x2E], "-2"), ([0x4B, 0xFF, 0x2E], "255"),
            ([0x4D, 0x01, 0x02, 0x2E], "513"),
            ([0x8A, 0, 0x2E], "0"), ([0x8A, 1, 0x80, 0x2E], "-128"), ([0x8B, 2, 0, 0, 0, 0xFF, 0x00, 0x2E], "255"),
            ([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2E], "0x10000000000000000"),
            ([0x8A, 9, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x2E], "-0x10000000000000001"),
            ([0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0x2E], "1.5"), ([0x88, 0x2E], "True"), ([0x89, 0x2E], "False"),
            ([0x55, 1, 0x61, 0x2E], "'a'"), ([0x55, 1, 0xE9, 0x2E], "<1 bytes>"),
            ([0x54, 1, 0, 0, 0, 0x61, 0x2E], "'a'"),
            ([0x58, 2, 0, 0, 0, 0xC3, 0xA9, 0x2E], "'é'"), ([0x8C, 1, 0x61, 0x2E], "'a'"),
            ([0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x2E], "'a'"), ([0x43, 2, 1, 2, 0x2E], "<2 bytes>"),
            ([0x42, 1, 0, 0, 0, 1, 0x2E], "<1 bytes>"), ([0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x2E], "<1 bytes>"),
            ([0x96, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0x2E], "<1 bytes>"), ([0x29, 0x2E], "()"),
            ([0x4E, 0x85, 0x2E], "(None,)"),
            ([0x4E, 0x88, 0x86, 0x2E], "(None, True)"), ([0x4B, 1, 0x4B, 2, 0x4B, 3, 0x87, 0x2E], "(1, 2, 3)"),
            ([0x5D, 0x4B, 1, 0x61, 0x2E], "[1]"), ([0x5D, 0x28, 0x4B, 1, 0x4B, 2, 0x65, 0x2E], "[1, 2]"),
            ([0x7D, 0x4B, 1, 0x4B, 2, 0x73, 0x2E], "{1: 2}"), ([0x8F, 0x28, 0x4B, 1, 0x90, 0x2E], "{1}"),
            ([0x28, 0x4B, 1, 0x91, 0x2E], "{1}"), ([0x4B, 1, 0x32, 0x86, 0x2E], "(1, 1)"),
            ([0x4B, 1, 0x4B, 2, 0x30, 0x2E], "1"),
            ([0x4B, 1, 0x28, 0x4B, 2, 0x31, 0x2E], "1"), ([0x4B, 1, 0x28, 0x30, 0x2E], "1"),
            ([0x4B, 7, 0x71, 0, 0x30, 0x68, 0, 0x2E], "7"),
            ([0x4B, 7, 0x72, 9, 0, 0, 0, 0x30, 0x6A, 9, 0, 0, 0, 0x2E], "7"),
            ([0x4B, 7, 0x94, 0x30, 0x68, 0, 0x2E], "7"),
            ([0x80, 4, 0x95, 2, 0, 0, 0, 0, 0, 0, 0, 0x4B, 7, 0x2E], "7"),
            ([0x8C, 1, 0x61, 0x8C, 1, 0x62, 0x93, 0x2E], "a.b"),
        ] as [([UInt8], String)])
    func binaryOperations(pickle: [UInt8], expected: String) throws {
        #expect(try decode(pickle).description == expected)
    }

    @Test(
        "Damaged and refused pickles give an error",
        arguments: [
            ([], "ends without STOP"), ([0xFF], "unknown operation 0xFF"), ([0x2E], "empty stack"),
            ([0x30, 0x2E], "empty stack"),
            ([0x74, 0x2E], "a mark is missing"), ([0x28, 0x61, 0x2E], "empty stack"),
            ([0x68, 5, 0x2E], "memo entry 5"),
            ([0x80, 6, 0x2E], "protocol 6"), ([0x82, 1, 0x2E], "refused"), ([0x83, 1, 0, 0x2E], "refused"),
            ([0x84, 1, 0, 0, 0, 0x2E], "refused"), ([0x97, 0x2E], "refused"), ([0x98, 0x2E], "refused"),
            ([0x6F, 0x2E], "refused"),
            (Array("(iposix\nsystem\n.".utf8), "refused"),
            ([0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x61], "4294967295 bytes are announced"),
            ([0x8D, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x61], "where 1 are left"),
            ([0x8B, 0xFB, 0xFF, 0xFF, 0xFF], "an integer of -5"),
            ([0x8B, 0xFF, 0xFF, 0xFF, 0x7F], "at most 1024"), ([0x54, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], "-1 bytes"),
            ([0x58, 1, 0, 0, 0, 0xFF, 0x2E], "not valid UTF-8"),
            ([0x95, 9, 0, 0, 0, 0, 0, 0, 0, 0x4E, 0x2E], "a frame of 9"),
            ([0x4B, 1, 0x4B, 2, 0x61, 0x2E], "appended to an integer"),
            ([0x4B, 1, 0x28, 0x4B, 2, 0x4B, 3, 0x75, 0x2E], "items are set on an integer"),
            ([0x7D, 0x28, 0x4B, 2, 0x75, 0x2E], "a key without a value"),
            ([0x29, 0x4E, 0x62, 0x2E], "a state is set on a tuple"),
            ([0x5D, 0x28, 0x4B, 1, 0x90, 0x2E], "members are added to a list"),
            ([0x4B, 1, 0x29, 0x52, 0x2E], "built from an integer"),
            (Array("cos\nsystem\nN".utf8) + [0x52, 0x2E], "arguments are None"),
            ([0x4E, 0x51, 0x2E], "persistent id is None"),
            (Array("Pabc\n.".utf8), "persistent id “abc”"), (Array("Ix\n.".utf8), "not an integer"),
            (Array("F\n.".utf8), "not a number"),
            (Array("S'abc\n.".utf8), "quotes"), (Array("Vabc".utf8), "inside a line"),
            (Array("S'\\x4'\n.".utf8), "announced"),
            (Array("V\\ud800\n.".utf8), "no character"), ([0x4B, 1, 0x4B, 2, 0x93, 0x2E], "two texts"),
            (Array("g-1\n.".utf8), "not a memo number"),
        ] as [([UInt8], String)])
    func refusals(pickle: [UInt8], message: String) {
        do {
            _ = try decode(pickle)
            Issue.record("no error; expected “\(message)”")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
            #expect("\(error)".contains("byte "), "\(error)")
        }
    }

    @Test("Twenty megabytes of what a data set keeps are read")
    func honest() throws {
        // Paths with labels, put into the memo as Python does, and appended a thousand at a time.
        let path = "/data/pictures/train/n01440764/n01440764_10026.JPEG"
        let sample: [UInt8] =
            PickleBuilder.text(path) + [0x72, 1, 0, 0, 0, 0x4D, 0xE7, 3, 0x86, 0x72, 2, 0, 0, 0]
        let samples = [[UInt8]](repeating: sample, count: 1_000).flatMap { $0 }
        let batch: [UInt8] = [0x28] + samples + [0x65]
        let batchCount = 20_000_000 / batch.count
        let batches = [[UInt8]](repeating: batch, count: batchCount).flatMap { $0 }
        let pickle: [UInt8] = [0x80, 2, 0x5D, 0x71, 0] + batches + PickleBuilder.stop
        guard case .list(let list) = try decode(pickle), case .tuple(let last) = list.last else {
            Issue.record("no list of tuples")
            return
        }
        #expect(list.count == 1_000 * batchCount)
        #expect(PickleValue.tuple(last).description == "('\(path)', 999)")
    }

    @Test("Limits hold")
    func limits() {
        var small = PickleLimits()
        small.operations = 100
        small.stackDepth = 10
        small.nesting = 5
        small.memoEntries = 3
        small.textBytes = 8
        small.totalTextBytes = 20
        let list: [UInt8] = [0x5D]
        let flood: [(String, [UInt8])] = [
            (
                "operations",
                [UInt8](repeating: 0x4E, count: 1) + [UInt8]((0..<200).flatMap { _ in [0x4E, 0x30] as [UInt8] })
            ),
            ("the stack is deeper", [UInt8](repeating: 0x4E, count: 20)),
            ("marks", [UInt8](repeating: 0x28, count: 20)),
            ("nested deeper", list + [UInt8](repeating: 0x85, count: 10)),
            ("memo entries", [0x4E] + (0..<9).flatMap { [0x71, UInt8($0)] }),
            ("a text of 9 bytes", PickleBuilder.text("123456789")),
            ("bytes of text in all", (0..<4).flatMap { _ in PickleBuilder.text("1234567") }),
        ]
        for (message, pickle) in flood {
            expectError(.limitExceeded, message) { _ = try decode(pickle + PickleBuilder.stop, limits: small) }
        }
        var tiny = PickleLimits()
        tiny.baseMemory = 10_000
        tiny.memoryFactor = 1
        // A tuple of ten put into a memo and copied over and over.
        let copies =
            PickleBuilder.integers(Array(0..<10)) + [0x71, 0, 0x30]
            + (0..<200).flatMap { _ in
                PickleBuilder.reduce(PickleBuilder.global("builtins", "list"), [0x68, 0, 0x85]) + [0x30]
            }
        expectError(.limitExceeded, "MiB") { _ = try decode(copies + [0x4E, 0x2E], limits: tiny) }
    }

    @Test("Sparse memo numbers cost no memory in proportion to the number")
    func sparseMemo() throws {
        let pickle: [UInt8] = [0x4B, 7, 0x72, 0xFF, 0xFF, 0xFF, 0xFF, 0x30, 0x6A, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E]
        #expect(try decode(pickle).description == "7")
    }

    @Test("A list that holds itself can be printed and is freed")
    func cycle() throws {
        // l = []; l.append(l); l.append({'l': l})
        let pickle: [UInt8] =
            [0x5D, 0x71, 0, 0x68, 0, 0x61, 0x7D] + PickleBuilder.text("l") + [0x68, 0, 0x73, 0x61, 0x2E]
        weak var graph: PickleGraph?
        do {
            let value = try decode(pickle)
            #expect(value.description == "[[…], {'l': […]}]")
            guard case .list(let list) = value else { throw WeightsError(.wrongKind, value.kind) }
            graph = list.graph
            #expect(graph != nil)
        }
        #expect(graph == nil)
    }

    @Test("Sixty levels of a list that holds its predecessor twice print quickly")
    func sharing() throws {
        var pickle: [UInt8] = [0x5D, 0x71, 0]
        for level in 0..<60 {
            pickle += [0x5D, 0x28, 0x68, UInt8(level), 0x68, UInt8(level), 0x65, 0x71, UInt8(level + 1)]
        }
        let text = try decode(pickle + [0x2E]).rendered(maximumDepth: 500, maximumItems: 100, maximumCharacters: 5_000)
        #expect(text.utf8.count < 6_000)
    }

    @Test("Nesting that grows after a value was stored cannot overflow the stack when printed")
    func lateNesting() throws {
        // Each new list is put into the previous one, whose own holder knows nothing of it.
        var pickle: [UInt8] = [0x5D, 0x72] + le(0 as UInt32)
        for level in 0..<100_000 as Range<UInt32> {
            pickle += [0x6A] + le(level) + [0x5D, 0x72] + le(level + 1) + [0x61, 0x30, 0x6A] + le(level + 1)
        }
        pickle += [0x30, 0x6A] + le(0 as UInt32) + [0x2E]
        var limits = PickleLimits()
        limits.stackDepth = 1_000_000
        let text = try decode(pickle, limits: limits).rendered(
            maximumDepth: .max, maximumItems: 10, maximumCharacters: 1_000_000)
        #expect(text.utf8.count < 2_000)
    }
}
