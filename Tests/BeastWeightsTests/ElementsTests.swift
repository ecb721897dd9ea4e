// SPDX-License-Identifier: MIT

import Testing

@testable import BeastWeights

@Suite("Elements as the file has them")
struct ElementsTests {
    private typealias Build = PickleBuilder

    private func weights(
        _ entries: [(String, [UInt8])], storages: [(String, [UInt8])], padding: Int = 0, byteOrder: String? = nil,
        _ change: (inout ZipBuilder) -> Void = { _ in }
    ) throws -> CheckpointWeights {
        let folder = try TemporaryFolder()
        let content = makeCheckpoint(
            Build.named(entries), storages: storages, padding: padding, byteOrder: byteOrder, change)
        return try Checkpoint.open(path: folder.write(content)).weights()
    }

    private func dense(_ name: String, _ weights: CheckpointWeights) throws -> [UInt8] {
        var result: [UInt8] = []
        try weights.withElements(of: name) { result += $0 }
        return result
    }

    @Test("Views come out dense, whatever their strides and alignment", arguments: [0, 1, 2, 3])
    func views(padding: Int) throws {
        let six = bytes(of: [0, 1, 2, 3, 4, 5] as [Float])
        let weights = try weights(
            [
                ("dense", Build.tensor(count: 6, sizes: [2, 3], strides: [3, 1])),
                ("transposed", Build.tensor(count: 6, sizes: [3, 2], strides: [1, 3])),
                ("column", Build.tensor(count: 6, offset: 1, sizes: [2], strides: [3])),
                ("repeated", Build.tensor(count: 6, offset: 4, sizes: [2, 3], strides: [1, 0])),
                ("scalar", Build.tensor(count: 6, offset: 5, sizes: [], strides: [])),
                ("empty", Build.tensor(count: 6, sizes: [0, 3], strides: [3, 1])),
            ], storages: [("0", six)], padding: padding)
        for (name, expected) in [
            ("dense", [0, 1, 2, 3, 4, 5]), ("transposed", [0, 3, 1, 4, 2, 5]), ("column", [1, 4]),
            ("repeated", [4, 4, 4, 5, 5, 5]), ("scalar", [5]), ("empty", []),
        ] as [(String, [Float])] {
            #expect(try dense(name, weights) == bytes(of: expected), "\(name)")
        }
        expectError(.tensorNotFound, "none") { _ = try dense("none", weights) }
    }

    @Test("Every element type stays what it is, in either byte order", arguments: ["little", "big"])
    func types(byteOrder: String) throws {
        func stored(_ words: [[UInt8]]) -> [UInt8] { words.flatMap { byteOrder == "big" ? $0.reversed() : $0 } }
        func words<Value: BitwiseCopyable>(_ values: [Value]) -> [[UInt8]] { values.map { bytes(of: [$0]) } }
        let content: [(type: String, words: [[UInt8]])] = [
            ("DoubleStorage", words([1.5, -2.25] as [Double])), ("FloatStorage", words([0.1, -7] as [Float])),
            ("HalfStorage", words([0x3C00, 0xBC01] as [UInt16])),
            ("BFloat16Storage", words([0x3F80, 0xBF81] as [UInt16])),
            ("LongStorage", words([-5, 1 << 40] as [Int64])), ("IntStorage", words([-5, 70000] as [Int32])),
            ("ShortStorage", words([-5, 300] as [Int16])), ("CharStorage", words([-5, 7] as [Int8])),
            ("ByteStorage", words([250, 7] as [UInt8])), ("BoolStorage", words([0, 1] as [UInt8])),
        ]
        let weights = try weights(
            content.enumerated().flatMap { index, entry in
                [
                    ("t\(index)", Build.tensor(entry.type, key: "\(index)", count: 2, sizes: [2], strides: [1])),
                    (
                        "r\(index)",
                        Build.tensor(entry.type, key: "\(index)", count: 2, sizes: [2, 2], strides: [0, 1])
                    ),
                ]
            }, storages: content.enumerated().map { ("\($0)", stored($1.words)) }, byteOrder: byteOrder)
        for (index, entry) in content.enumerated() {
            let plain = entry.words.flatMap { $0 }
            #expect(try dense("t\(index)", weights) == plain, "\(entry.type)")
            #expect(try dense("r\(index)", weights) == plain + plain, "\(entry.type)")
        }
    }

    @Test("The two numbers of a complex element are swapped apart", arguments: ["little", "big"])
    func complex(byteOrder: String) throws {
        let numbers = [1, 2, 3, 4] as [Float]
        let content = numbers.flatMap { byteOrder == "big" ? bytes(of: [$0]).reversed() : bytes(of: [$0]) }
        let weights = try weights(
            [("z", Build.tensor("ComplexFloatStorage", count: 2, offset: 0, sizes: [2], strides: [1]))],
            storages: [("0", content)], byteOrder: byteOrder)
        #expect(try dense("z", weights) == bytes(of: numbers))
    }

    @Test("Large views come in pieces that fit together")
    func pieces() throws {
        // 9 MiB, beyond two pieces; sizes that no piece divides.
        let (rows, columns) = (1531, 1549)
        let values = (0..<rows * columns).map { Float($0) }
        let weights = try weights(
            [
                ("dense", Build.tensor(count: values.count, sizes: [rows, columns], strides: [columns, 1])),
                ("transposed", Build.tensor(count: values.count, sizes: [columns, rows], strides: [1, columns])),
                ("long", Build.tensor(count: values.count, sizes: [2, values.count], strides: [0, 1])),
            ], storages: [("0", bytes(of: values))], padding: 3)
        #expect(try dense("dense", weights) == bytes(of: values))
        var largest = 0
        var transposed: [UInt8] = []
        try weights.withElements(of: "transposed") {
            largest = max(largest, $0.count)
            transposed += $0
        }
        #expect(largest <= 4 << 20)
        let expected = (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
        #expect(transposed == bytes(of: expected))
        #expect(try dense("long", weights) == bytes(of: values + values))
    }

    @Test("A wrong checksum and numbers that are none are refused before a byte is handed out")
    func refusals() throws {
        let tensor = [("w", Build.tensor(count: 2, sizes: [2], strides: [1]))]
        let damaged = try weights(tensor, storages: [("0", bytes(of: [1, 2] as [Float]))]) { zip in
            zip.members[zip.members.count - 1].checksum = 7
        }
        expectError(.checksumMismatch, "archive/data/0") {
            try damaged.withElements(of: "w") { _ in Issue.record("bytes were handed out") }
        }
        for byteOrder in ["little", "big"] {
            let pattern = bytes(of: [Float.nan.bitPattern])
            let content = bytes(of: [1 as Float]) + (byteOrder == "big" ? pattern.reversed() : pattern)
            let weights = try weights(tensor, storages: [("0", content)], byteOrder: byteOrder)
            expectError(.notFinite, "w") {
                try weights.withElements(of: "w") { _ in Issue.record("bytes were handed out") }
            }
        }
    }
}
