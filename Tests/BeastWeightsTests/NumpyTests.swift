// SPDX-License-Identifier: MIT

import Testing

@testable import BeastWeights

@Suite("npy files")
struct NumpyTests {
    private func file(_ header: String, version: UInt8 = 1, data: [UInt8]) -> [UInt8] {
        let length = version == 1 ? le(UInt16(header.utf8.count)) : le(UInt32(header.utf8.count))
        return NumpyHeader.magic + [version, 0] + length + header.utf8 + data
    }

    private func read(_ content: [UInt8]) throws -> NumpyArray {
        let folder = try TemporaryFolder()
        return try NumpyArray.read(path: folder.write(content))
    }

    @Test("Versions 1 to 3 and any order of keys are read", arguments: [1, 2, 3] as [UInt8])
    func versions(version: UInt8) throws {
        let header = "{\"shape\" : (2, 1,) ,'fortran_order':False, 'descr': '<i2'}   \n"
        let array = try read(file(header, version: version, data: [1, 0, 0xFF, 0xFF]))
        #expect(array.shape == [2, 1])
        #expect(array.integers() == [1, -1])
        #expect(array.floats() == [1, -1])
        let scalar = try read(
            file("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", version: version, data: [9]))
        #expect(scalar.shape == [] && scalar.integers() == [9] && scalar.count == 1)
    }

    @Test(
        "Damaged and foreign files are refused",
        arguments: [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "objects"),
            ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4, "little-endian"),
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4, "column"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, "announces 2"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5, "announces 1"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 4, "64 bits"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }", 4, "announces"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "tuple of sizes"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': [1], }", 4, "missing"),
            ("{'descr': '<f4', 'fortran_order': False, }", 4, "missing"),
            ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4, "twice"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "records"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, "<c8"),
            ("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", 16, "<U4"),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", 4, "neither True nor False"),
            ("__import__('os')", 4, "missing"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + 1", 4, "follows"),
        ])
    func refused(header: String, dataCount: Int, message: String) {
        do {
            _ = try read(file(header, data: [UInt8](repeating: 0, count: dataCount)))
            Issue.record("no error; expected “\(message)”")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test("Prefixes of a file are errors")
    func truncations() throws {
        let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", data: [0, 0, 0, 0])
        for length in whole.indices {
            #expect(throws: WeightsError.self) { _ = try read(Array(whole[..<length])) }
        }
        expectError(.unsupportedContainer, "version 4") { _ = try read(NumpyHeader.magic + [4, 0, 0, 0, 0, 0]) }
        expectError(.limitExceeded, "header of") { _ = try read(NumpyHeader.magic + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF]) }
    }

    @Test("Headers are those of numpy.save")
    func header() throws {
        // numpy.lib.format pads to a multiple of 64 with room for a growing first axis; for this shape that is 128.
        let expected = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
        let bytes = try NumpyHeader(element: .float32, shape: [3, 4]).reservedBytes()
        #expect(bytes.count == 128)
        #expect(bytes[8] == 118 && bytes[9] == 0 && bytes.last == 10)
        #expect(String(decoding: bytes[10..<10 + expected.utf8.count], as: UTF8.self) == expected)
        #expect(try NumpyHeader(element: .uint8, shape: [5]).encoded().count % 64 == 0)
        #expect(try NumpyHeader(element: .uint8, shape: []).encoded().count % 64 == 0)
        #expect(try NumpyHeader(element: .uint8, shape: [Int.max, 1_024]).reservedBytes().count == 128)
        #expect(throws: WeightsError.self) {
            try NumpyHeader(element: .uint8, shape: [Int](repeating: .max, count: 5)).reservedBytes()
        }
        #expect(throws: WeightsError.self) { try NumpyHeader(element: .uint8, shape: [-1]).encoded() }
    }

    @Test("Every element type survives writing and reading", arguments: NumpyElement.allCases)
    func roundTrip(element: NumpyElement) throws {
        let folder = try TemporaryFolder()
        let data = (0..<6 * element.byteCount).map { UInt8(truncatingIfNeeded: element == .bool ? $0 & 1 : $0 * 3) }
        try folder.write(NumpyHeader(element: element, shape: [2, 3]).encoded() + data, to: "a.npy")
        let array = try NumpyArray.read(path: folder.path("a.npy"))
        #expect(array.element == element && array.shape == [2, 3] && array.bytes == data && array.floats().count == 6)
        expectError(.invalidOutput) { _ = try NumpyHeader(element: element, shape: [-1]).encoded() }
    }

    @Test("A reserved header has room for any row count", arguments: [0, 1, 1_000, Int(Int32.max)])
    func reserved(rows: Int) throws {
        let folder = try TemporaryFolder()
        let header = try NumpyHeader(element: .float32, shape: [rows, 2]).reservedBytes()
        #expect(header.count == NumpyHeader.reservedByteCount)
        guard rows <= 1_000 else { return }
        let data = bytes(of: (0..<rows).flatMap { [Float($0), -1] })
        try folder.write(header + data, to: "a.npy")
        let array = try NumpyArray.read(path: folder.path("a.npy"))
        #expect(array.shape == [rows, 2])
        #expect(array.floats() == (0..<rows).flatMap { [Float($0), -1] })
    }
}

@Suite("Half precision")
struct HalfPrecisionTests {
    @Test("All 65536 halves widen as the hardware does and come back")
    func halves() {
        for bits in 0...UInt16.max {
            let expected = Float(Float16(bitPattern: bits))
            let value = HalfPrecision.float(fromHalf: bits)
            if expected.isNaN {
                #expect(value.isNaN)
            } else if value.bitPattern != expected.bitPattern || HalfPrecision.half(from: value) != bits {
                Issue.record("\(bits): \(value), expected \(expected)")
            }
        }
    }

    @Test("Rounding to half agrees with Float16, to bfloat16 with round-half-even")
    func rounding() {
        var state: UInt32 = 1
        for _ in 0..<200_000 {
            state = state &* 1_664_525 &+ 1_013_904_223
            let value = Float(bitPattern: state ^ state >> 13)
            if value.isNaN {
                #expect(HalfPrecision.float(fromHalf: HalfPrecision.half(from: value)).isNaN)
                #expect(HalfPrecision.float(fromBFloat: HalfPrecision.bfloat(from: value)).isNaN)
                continue
            }
            if HalfPrecision.half(from: value) != Float16(value).bitPattern { Issue.record("\(value)") }
            let down = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
            let rounded = HalfPrecision.float(fromBFloat: HalfPrecision.bfloat(from: value))
            if value.bitPattern & 0xFFFF == 0, rounded != down { Issue.record("\(value)") }
        }
        #expect(HalfPrecision.bfloat(from: Float(bitPattern: 0x3F80_8000)) == 0x3F80)
        #expect(HalfPrecision.bfloat(from: Float(bitPattern: 0x3F81_8000)) == 0x3F82)
        #expect(HalfPrecision.bfloat(from: Float(bitPattern: 0x3F80_8001)) == 0x3F81)
        #expect(HalfPrecision.half(from: 65_519.996) == 0x7BFF)
        #expect(HalfPrecision.half(from: 65_520) == 0x7C00)
    }
}
