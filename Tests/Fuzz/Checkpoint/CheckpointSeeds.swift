// SPDX-License-Identifier: MIT
import FuzzSupport

/// Small checkpoints of every kind that need no other file.
enum CheckpointSeeds {
    static func all() -> [(name: String, bytes: [UInt8])] {
        var seeds: [(name: String, bytes: [UInt8])] = [
            ("seed-training.pth", zip(training)), ("seed-legacy.pth", legacy),
            ("seed-big.pth", zip(training, byteOrder: "big")), ("seed.safetensors", safetensors),
            ("seed.index.json", Array(#"{"metadata":{"n":[1,2.5e3,true,null]},"weight_map":{"a":"b"}}"#.utf8)),
            ("seed.npy", array),
        ]
        for (index, value) in PickleParts.values.enumerated() {
            seeds.append(("seed-value-\(index).pth", zip(PickleParts.dictionary([("model", value)]))))
        }
        for (index, operation) in PickleParts.operations.enumerated() {
            seeds.append(("seed-operation-\(index).pth", zip([0x5D, 0x71, 0, 0x4B, 1, 0x61] + operation)))
        }
        for (index, body) in protocols.enumerated() { seeds.append(("seed-protocol-\(index).pth", zip(Array(body)))) }
        return seeds
    }

    private static let six = [0, 1, 2, 3, 4, 5].flatMap { littleEndian(Float($0).bitPattern) }

    private static func zip(_ value: [UInt8], byteOrder: String = "little") -> [UInt8] {
        let members: [(String, [UInt8])] = [
            ("data.pkl", PickleParts.pickle(value)), ("byteorder", Array(byteOrder.utf8)), ("data/0", six),
            ("data/1", Array(six.prefix(12))), ("data/2", six), ("version", Array("3\n".utf8)),
        ]
        return CheckpointFile.archive(members.map { (Array("archive/\($0)".utf8), $1) })
    }

    /// What a training run saves.
    private static let training: [UInt8] = {
        let state = PickleParts.dictionary([
            ("module.backbone.w", PickleParts.tensor(sizes: [2, 3], strides: [3, 1])),
            ("module.backbone.t", PickleParts.tensor(sizes: [3, 2], strides: [1, 3])),
            ("h", PickleParts.tensor("HalfStorage", key: "1", sizes: [6], strides: [1])),
            ("d", PickleParts.tensor("DoubleStorage", key: "2", count: 3, sizes: [3], strides: [1])),
        ])
        return PickleParts.dictionary([
            ("teacher", state), ("epoch", [0x4B, 3]), ("args", PickleParts.values[14]),
            ("losses", [0x5D, 0x28, 0x47, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0x4B, 2, 0x86, 0x65]),
        ])
    }()

    private static let legacy: [UInt8] = {
        let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        let version = PickleParts.pickle([0x4D, 0xE9, 3])
        let system = PickleParts.pickle(PickleParts.dictionary([("little_endian", [0x88])]))
        let tensor = PickleParts.tensor(sizes: [2, 3], strides: [3, 1])
        let object = PickleParts.pickle(PickleParts.dictionary([("model", PickleParts.dictionary([("w", tensor)]))]))
        let keys = PickleParts.pickle([0x5D] + PickleParts.text("0") + [0x61])
        return magic + version + system + object + keys + littleEndian(6 as UInt64) + six
    }()

    private static let safetensors: [UInt8] = {
        let header =
            #"{"__metadata__":{"format":"p\u0074"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
            + #""b":{"shape":[4],"dtype":"BF16","data_offsets":[16,24],"more":[{"x":-1.5e2},false]}}"#
        return littleEndian(UInt64(header.utf8.count)) + header.utf8 + six
    }()

    private static let array: [UInt8] = {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndian(UInt16(header.utf8.count)) + header.utf8 + six
    }()

    /// Values in the spelling of other protocols.
    private static let protocols = [
        Array("(dp0\nS'epoch'\np1\nI3\nsS'list'\np2\n(lp3\nF1.5\naL7L\nasV\\u00e9\np4\ng3\ns".utf8),
        [0x80, 4, 0x95] + littleEndian(20 as UInt64) + [0x7D, 0x94, 0x28, 0x8C, 5] + Array("epoch".utf8)
            + [0x94, 0x4B, 3, 0x8C, 1, 0x73, 0x94, 0x8F, 0x94, 0x28, 0x4B, 1, 0x4B, 2, 0x90, 0x75],
        [0x80, 5, 0x8C, 11] + Array("collections".utf8) + [0x8C, 11] + Array("OrderedDict".utf8)
            + [0x93, 0x29, 0x52, 0x96] + littleEndian(2 as UInt64) + [1, 2, 0x28, 0x4B, 1, 0x91, 0x73],
        [0x28, 0x4B, 1, 0x30, 0x30, 0x28, 0x4E, 0x31, 0x5D, 0x32, 0x61],
    ]
}
