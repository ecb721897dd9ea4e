// SPDX-License-Identifier: MIT

import BeastCore
import Testing

@testable import BeastWeights

@Suite("safetensors")
struct SafetensorsTests {
    private func file(_ json: String, data: [UInt8] = []) -> [UInt8] {
        le(UInt64(json.utf8.count)) + json.utf8 + data
    }

    private func open(_ content: [UInt8]) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        return try Checkpoint.open(path: folder.write(content))
    }

    private let four = [UInt8](repeating: 0, count: 4)

    @Test(
        "Legal headers are read",
        arguments: [
            ("{}", 0), (" {} ", 0), ("{ }\n", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0),
            (
                "{\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]},\"a\":{\"dtype\":\"I8\",\"shape\":[2,2],\"data_offsets\":[0,4]}}",
                8
            ),
            (
                "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"data_offsets\":[0,4],\"shape\":[1],\"dtype\":\"F32\",\"x\":[1.5e3,true,null]}}",
                4
            ),
            ("{\"a\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2),
            ("{\"a\":{\"dtype\":\"X9\",\"shape\":[4],\"data_offsets\":[0,2]}}", 2),
            ("{\"\\u00e9\\ud83d\\udc3b\\n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1),
        ])
    func legal(json: String, dataCount: Int) throws {
        let checkpoint = try open(file(json, data: [UInt8](repeating: 0, count: dataCount)))
        #expect(checkpoint.container == .safetensors)
    }

    @Test(
        "Illegal headers are refused",
        arguments: [
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "gap"),
            (
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
                6, "overlaps"
            ),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "appended"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "cut short"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "occupies 4"),
            (
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4611686018427387904],\"data_offsets\":[0,4]}}",
                4, "64 bits"
            ),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "not a count"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "not a count"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", 4, "damaged"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "offsets"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4, "more than 2"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks"),
            ("{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "occupies"),
            ("{\"__metadata__\":{\"a\":1}}", 0, "missing"),
            ("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "twice"),
            (
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                0, "twice"
            ),
            ("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "twice"),
            ("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":[[1]]}}", 0, "nested"),
            ("{\"a\":[1]}", 0, "missing"), ("{} x", 0, "follows"), ("{\"a\"", 0, "missing"),
            ("{\"a\\q\":1}", 0, "escape"),
            ("{\"a\\ud800\":1}", 0, "surrogate"), ("{\"a\u{1}\":1}", 0, "control"), ("{\"a", 0, "does not end"),
            ("{,}", 0, "missing"),
        ])
    func illegal(json: String, dataCount: Int, message: String) {
        do {
            _ = try open(file(json, data: [UInt8](repeating: 0, count: dataCount)))
            Issue.record("no error; expected “\(message)”")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test("Lengths beyond the file or the limit and invalid UTF-8 are refused")
    func lengths() {
        expectError(.malformedContainer, "would have") { _ = try open(le(100_000_001 as UInt64) + Array("{}".utf8)) }
        expectError(.malformedContainer, "would have") { _ = try open(le(UInt64.max) + Array("{}".utf8)) }
        expectError(.malformedContainer, "UTF-8") {
            _ = try open(le(8 as UInt64) + [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D, 0x20])
        }
    }

    @Test("A tensor of unknown type is listed and refused when asked for")
    func unknownType() throws {
        let weights = try open(
            file("{\"a\":{\"dtype\":\"X9\",\"shape\":[4],\"data_offsets\":[0,2]}}", data: [1, 2])
        ).weights()
        #expect(weights.shape(of: "a") == [4])
        expectError(.unsupportedElementType, "X9") { try weights.withTensor("a") { _ in } }
    }

    @Test("What is written is read back, aligned and sorted")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("out.safetensors")
        let entries = [
            SafetensorsEntry(name: "byte", elementType: .uint8, shape: [3]),
            SafetensorsEntry(name: "b", elementType: .float32, shape: [2, 3]),
            SafetensorsEntry(name: "a\"\\\n", elementType: .float32, shape: []),
            SafetensorsEntry(name: "half", elementType: .float16, shape: [1]),
            SafetensorsEntry(name: "none", elementType: .float32, shape: [0]),
        ]
        let header = try SafetensorsHeader(entries: entries, metadata: ["k": "v\u{1}", "a": "b"])
        #expect(header.entries.map(\.name) == ["a\"\\\n", "b", "none", "half", "byte"])
        let data =
            bytes(of: [7] as [Float]) + bytes(of: [0, 2, 4, 1, 3, 5] as [Float]) + bytes(of: [0x3C00] as [UInt16]) + [
                1, 2, 3,
            ]
        #expect(header.ranges.last?.upperBound == data.count)
        try folder.write(header.encoded() + data, to: "out.safetensors")

        let checkpoint = try Checkpoint.open(path: path)
        let weights = try checkpoint.weights()
        #expect(try elements("b", of: weights) == [0, 2, 4, 1, 3, 5])
        #expect(try elements("a\"\\\n", of: weights) == [7])
        #expect(try elements("half", of: weights) == [1])
        #expect(try weights.withTensor("b") { UInt(bitPattern: $0.bytes.baseAddress) % 4 } == 0)
        guard case .dictionary(let tree) = checkpoint.tree else {
            Issue.record("\(checkpoint.tree.kind)")
            return
        }
        #expect(tree.state["k"]?.description == "'v\\u{1}'")
        #expect(try fileBytes(path)[0] % 8 == 0)
    }

    @Test("Odd entries are refused")
    func misuse() {
        let entry = SafetensorsEntry(name: "a", elementType: .float32, shape: [1])
        expectError(.invalidOutput, "occurs twice") { _ = try SafetensorsHeader(entries: [entry, entry]) }
        expectError(.unsupportedElementType, "complex128") {
            _ = try SafetensorsHeader(entries: [SafetensorsEntry(name: "a", elementType: .complex128, shape: [1])])
        }
    }

    @Test("A header padded for more rows is read as well", arguments: [0, 1, 12_345])
    func padded(rows: Int) throws {
        let folder = try TemporaryFolder()
        func header(_ rows: Int) throws -> SafetensorsHeader {
            try SafetensorsHeader(
                entries: [SafetensorsEntry(name: "embeddings", elementType: .float32, shape: [rows, 3])],
                metadata: ["model": "x"])
        }
        let room = try header(1_000_000).encoded().count
        let bytes = try header(rows).encoded(minimumByteCount: room)
        #expect(bytes.count == room)
        let data = BeastWeightsTests.bytes(of: (0..<rows).flatMap { [Float($0), 1, 2] })
        let path = try folder.write(bytes + data, to: "rows.safetensors")
        let weights = try Checkpoint.open(path: path).weights()
        #expect(weights.shape(of: "embeddings") == [rows, 3])
        let values = try elements("embeddings", of: weights)
        #expect(values.suffix(3) == (rows == 0 ? [] : [Float(rows - 1), 1, 2]))
    }
}
