// SPDX-License-Identifier: MIT
import Testing

/// Files that would cost a careless reader far more memory or time than their size: made where they are needed, since
/// they are large.
struct Flood: Sendable, CustomTestStringConvertible {
    let name: String
    /// Makes the file's bytes; `size` is about how many of them repeat.
    let make: @Sendable (_ size: Int) -> [UInt8]

    var testDescription: String { name }

    static let all = pickles + safetensors + [members]

    // MARK: - Pickles

    /// A zip whose pickle is a start, a unit as often as it fits, and an end.
    private static func pickle(
        _ name: String, _ start: String = "", _ unit: String, _ end: String = "."
    ) -> Flood {
        Flood(name: name) { size in
            let start = [0x80, 2] + bytes(start)
            let unit = bytes(unit)
            return archive([("data.pkl", start + repeated(unit, upTo: size) + bytes(end))])
        }
    }

    private static let pickles: [Flood] = [
        pickle("marks", "", "("), pickle("marks that are dropped", "", "(1", "N."), pickle("lists", "", "]0", "N."),
        pickle("copies", "N", "20"), pickle("memo reads", "]q\u{0}", "h\u{0}0"),
        pickle("memo writes", "N", "\u{94}"),
        pickle("small numbers", "]", "(\(String(repeating: "K\u{1}", count: 500))e"),
        pickle("appended numbers", "]", "K\u{1}a"),
        pickle("floats", "]", "(\(String(repeating: "G12345678", count: 500))e"),
        pickle("short texts", "]", "(\(String(repeating: "U\u{1}a", count: 500))e"),
        pickle("texts", "]", "(\(String(repeating: "U\u{14}aaaaaaaaaaaaaaaaaaaa", count: 500))e"),
        pickle("dropped texts", "", "U\u{1}a0", "N."), pickle("byte strings", "", "C\u{1}a0", "N."),
        pickle("dictionaries", "", "}0", "N."), pickle("entries", "}", "K\u{1}K\u{2}s"),
        pickle("sets", "\u{8F}", "(\(String(repeating: "K\u{1}", count: 500))\u{90}"),
        pickle("tuples", "]", "(\(String(repeating: "K\u{1}K\u{2}\u{86}", count: 500))e"),
        pickle("dropped tuples", "N", "\u{85}0N"), pickle("nesting", "]", "]"), pickle("nested tuples", ")", "\u{85}"),
        pickle("doubling", "]q\u{0}", "](h\u{0}h\u{0}eq\u{0}"), pickle("symbols", "", "cx\ny\n0", "N."),
        pickle("long symbols", "", "c" + String(repeating: "a.", count: 500) + "\ny\n0", "N."),
        pickle("objects", "cx\ny\nq\u{0}0]", "(h\u{0})Rh\u{0})Rh\u{0})Re"),
        pickle("payloads", "cos\nsystem\nq\u{0}0]", "(h\u{0})Rh\u{0})Rh\u{0})Re"),
        pickle("items of an object", "cx\ny\n)R", "NNs"), pickle("states", "}q\u{0}", "h\u{0}b"),
        pickle(
            "copies of a list",
            "ccollections\nOrderedDict\nq\u{0}]q\u{1}(\(String(repeating: ")", count: 9000))e]\u{85}q\u{2}",
            "h\u{0}h\u{2}R0"),
        pickle(
            "copies of a tuple", "cx\ny\nq\u{0}0(\(String(repeating: "K\u{1}", count: 9000))tq\u{1}0",
            "h\u{0}h\u{1}R0", "N."),
        pickle(
            "wrong pairs",
            "ccollections\nOrderedDict\nq\u{0}](K\u{1}K\u{1}\u{86}q\u{3}\(String(repeating: "h\u{3}", count: 9000))K\u{1}e\u{85}q\u{2}",
            "h\u{0}h\u{2}R0"),
        pickle(
            "paths", "cpathlib\nPosixPath\nq\u{0}(\(String(repeating: "K\u{1}", count: 900))tq\u{2}", "h\u{0}h\u{2}R0"),
        pickle("lines", "", "I1\n0", "N."), pickle("escapes", "", "V\\u0041\\u0042\n0", "N."),
        pickle("quotes", "", "S'a\\n'\n0", "N."),
        pickle("big integers", "", "\u{8A}\u{FF}" + String(repeating: "U", count: 255) + "0", "N."),
        Flood(name: "memo numbers") { size in
            var body: [UInt8] = [0x80, 2, 0x4E]
            for index in 0..<UInt32(size / 5) { body += [0x72] + little(index &* 7919 &+ 12345) }
            return archive([("data.pkl", body + [0x2E])])
        },
        Flood(name: "different names") { size in
            var body: [UInt8] = [0x80, 2, 0x7D, 0x28]
            for index in 0..<UInt32(size / 10) {
                // The low three bytes count in ASCII; entries are set in batches, as Python does.
                let name = 0x2020_2020 | index & 0x3F | (index << 2 & 0x3F00) | (index << 4 & 0x3F_0000)
                body += [0x58, 4, 0, 0, 0] + little(name) + [0x4E] + (index % 500 == 499 ? [0x75, 0x28] : [])
            }
            return archive([("data.pkl", body + [0x75, 0x2E])])
        },
        Flood(name: "one text") { size in
            archive([("data.pkl", [0x80, 2, 0x58] + little(UInt32(size)) + repeated([0x61], upTo: size) + [0x2E])])
        },
    ]

    // MARK: - safetensors

    private static func header(_ name: String, _ make: @escaping @Sendable (_ size: Int) -> [UInt8]) -> Flood {
        Flood(name: name) { size in
            let json = make(size)
            return little(UInt64(json.count)) + json
        }
    }

    private static func tensor(_ name: String, shape: String = "0") -> String {
        "\"\(name)\":{\"dtype\":\"U8\",\"shape\":[\(shape)],\"data_offsets\":[0,0]}"
    }

    private static let safetensors: [Flood] = [
        header("tensor names") { size in
            Array("{\((0..<size / 60).map { tensor("\($0)") }.joined(separator: ","))}".utf8)
        },
        header("ranks") { size in
            let shape = String(repeating: "0,", count: 63) + "0"
            return Array("{\((0..<size / 190).map { tensor("\($0)", shape: shape) }.joined(separator: ","))}".utf8)
        },
        header("spaces") { bytes("{") + repeated([0x20], upTo: $0) + bytes("}") },
        header("one name") { bytes("{\"") + repeated([0x61], upTo: $0) + bytes("\":{}}") },
        header("one escaped name") { bytes("{\"") + repeated(bytes("\\n"), upTo: $0) + bytes("\":{}}") },
        header("ignored values") { bytes("{\"a\":{\"z\":[") + repeated(bytes("1,"), upTo: $0) + bytes("1]}}") },
        header("metadata") { bytes("{\"__metadata__\":{\"a\":\"") + repeated([0x61], upTo: $0) + bytes("\"}}") },
    ]

    // MARK: - Zip members

    private static let members = Flood(name: "members") { size in
        archive([("data.pkl", [0x80, 2, 0x7D, 0x2E])] + (0..<size / 128).map { ("data/\($0)", []) })
    }

    /// An archive without checksums, which is legal; with a 64-bit end record where there are many members.
    private static func archive(_ members: [(String, [UInt8])]) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        file.reserveCapacity(members.reduce(4096) { $0 + $1.1.count + 256 })
        for (name, content) in members {
            let name = Array("archive/\(name)".utf8)
            let offset = little(UInt32(file.count))
            file += [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + little(UInt16(name.count)) + [0, 0] + name
            file += content
            directory += [0x50, 0x4B, 1, 2] + [UInt8](repeating: 0, count: 16) + little(UInt32(content.count))
            directory += little(UInt32(content.count)) + little(UInt16(name.count)) + [UInt8](repeating: 0, count: 12)
            directory += offset + name
        }
        let start = file.count
        file += directory
        let end = file.count
        file += [0x50, 0x4B, 6, 6] + little(44 as UInt64) + [UInt8](repeating: 0, count: 12)
        file += little(UInt64(members.count)) + little(UInt64(members.count)) + little(UInt64(directory.count))
        file += little(UInt64(start)) + [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + little(UInt64(end)) + little(1 as UInt32)
        return file + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12) + [0, 0]
    }

    // MARK: - Bytes

    /// Each scalar is one byte.
    private static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
    }

    /// Doubles, so that it is quick without optimisation too.
    private static func repeated(_ unit: [UInt8], upTo size: Int) -> [UInt8] {
        var result = unit
        while result.count * 2 <= size { result += result }
        let rest = (size - result.count) / unit.count * unit.count
        return rest > 0 ? result + result.prefix(rest) : result
    }
}
