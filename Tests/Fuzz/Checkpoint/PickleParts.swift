// SPDX-License-Identifier: MIT
import FuzzSupport

/// Pieces of pickles: for seeds, and to be put anywhere by the mutator.
enum PickleParts {
    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
    static func text(_ value: String) -> [UInt8] { [0x58] + littleEndian(UInt32(value.utf8.count)) + value.utf8 }
    static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + littleEndian(value) }
    static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.flatMap { $0 } + [0x74] }
    static func dictionary(_ items: [(String, [UInt8])]) -> [UInt8] {
        [0x7D, 0x28] + items.flatMap { text($0.0) + $0.1 } + [0x75]
    }
    static func reduce(_ callee: [UInt8], _ arguments: [[UInt8]]) -> [UInt8] { callee + tuple(arguments) + [0x52] }
    static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [PickleScanner.stop] }

    static func storage(_ type: String, key: String, count: Int, view: [[UInt8]] = []) -> [UInt8] {
        tuple([text("storage"), global("torch", type), text(key), text("cpu"), integer(count)] + view) + [0x51]
    }

    static func tensor(
        _ type: String = "FloatStorage", key: String = "0", count: Int = 6, offset: Int = 0, sizes: [Int],
        strides: [Int]
    ) -> [UInt8] {
        reduce(
            global("torch._utils", "_rebuild_tensor_v2"),
            [
                storage(type, key: key, count: count), integer(offset), tuple(sizes.map(integer)),
                tuple(strides.map(integer)), [0x89], reduce(global("collections", "OrderedDict"), []),
            ])
    }

    private static let named: [(String, String)] = [
        ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_tensor_v3"), ("torch._utils", "_rebuild_parameter"),
        ("torch._tensor", "_rebuild_from_type_v2"), ("torch", "FloatStorage"), ("torch.cuda", "HalfStorage"),
        ("torch.storage", "UntypedStorage"), ("torch", "float16"), ("torch", "Size"), ("torch", "device"),
        ("torch.serialization", "_get_layout"), ("collections", "OrderedDict"), ("collections", "Counter"),
        ("collections", "defaultdict"), ("__builtin__", "dict"), ("builtins", "list"), ("builtins", "tuple"),
        ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "bytearray"), ("builtins", "bytes"),
        ("_codecs", "encode"), ("pathlib", "PosixPath"), ("copy_reg", "_reconstructor"), ("copyreg", "__newobj__"),
        ("numpy.core.multiarray", "scalar"), ("numpy", "dtype"), ("numpy._core.multiarray", "_reconstruct"),
        ("argparse", "Namespace"), ("os", "system"), ("builtins", "eval"), ("a.b.c.d", "E.f"),
    ]

    static let globals = named.map { global($0.0, $0.1) }

    /// Every operation in a form that is well-formed by itself.
    static let operations: [[UInt8]] =
        [
            0x28, 0x30, 0x31, 0x32, 0x4E, 0x88, 0x89, 0x29, 0x74, 0x85, 0x86, 0x87, 0x5D, 0x6C, 0x61, 0x65, 0x7D,
            0x64, 0x73, 0x75, 0x8F, 0x90, 0x91, 0x94, 0x93, 0x52, 0x62, 0x81, 0x92, 0x51, 0x6F, 0x97, 0x98,
        ].map { [$0] }
        + [
            [0x4B, 2], [0x4B, 0xFF], [0x4D, 0, 1], [0x4A, 0xFE, 0xFF, 0xFF, 0xFF], [0x8A, 0], [0x8A, 1, 0x80],
            [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x81], [0x8B, 2, 0, 0, 0, 1, 2], [0x47, 0x40, 9, 0, 0, 0, 0, 0, 0],
            [0x68, 0], [0x68, 1], [0x68, 7], [0x6A, 1, 0, 0, 0], [0x71, 0], [0x71, 1], [0x71, 7], [0x72, 1, 0, 0, 0],
            [0x72, 0, 0, 0, 0xF0], [0x80, 2], [0x80, 5], [0x82, 1], [0x83, 1, 0], [0x84, 1, 0, 0, 0],
            [0x95] + littleEndian(0 as UInt64), [0x43, 2, 0, 0xFF], [0x42, 1, 0, 0, 0, 7], [0x8C, 1, 0x61],
            [0x8D] + littleEndian(1 as UInt64) + [0x62], [0x8E] + littleEndian(1 as UInt64) + [0x63],
            [0x96] + littleEndian(2 as UInt64) + [1, 2], [0x55, 1, 0x64], [0x54, 1, 0, 0, 0, 0x80],
        ]
        + [
            "I7\n", "I01\n", "I00\n", "I99999999999999999999\n", "L-5L\n", "F-1e300\n", "Fnan\n", "S'a\\x41\\n\\''\n",
            "S\"\\t\\r\\a\\b\\f\\v\\\\\"\n", "V\\u00e9\\U0001F600\\x\n", "p1\n", "g1\n", "Pid\n",
            "(lp0\n", "(dp1\n", "iposix\nsystem\n",
        ].map { Array($0.utf8) }
        + ["storage", "module", "latin1", "0", "k", "/", "f8", "<", "cuda"].map(text)

    /// Those that push a value and take none.
    static let leaves = operations.filter(PickleScanner.makesValue) + globals

    /// Whole values.
    static let values: [[UInt8]] = [
        tensor(sizes: [2, 3], strides: [3, 1]), tensor("HalfStorage", key: "1", sizes: [6], strides: [1]),
        tensor(offset: 1, sizes: [1 << 40, 2], strides: [0, 1]), storage("DoubleStorage", key: "2", count: 3),
        storage("FloatStorage", key: "0", count: 6, view: [tuple([text("1"), integer(2), integer(3)])]),
        reduce(global("_codecs", "encode"), [text("é\u{0}"), text("latin1")]),
        reduce(global("collections", "OrderedDict"), [[0x5D] + tuple([[0x4B, 1], [0x4B, 2]]) + [0x61]]),
        reduce(global("collections", "defaultdict"), [global("builtins", "list"), [0x7D]]),
        reduce(global("builtins", "set"), [[0x5D, 0x4B, 1, 0x61]]),
        reduce(global("builtins", "bytearray"), [[0x5D, 0x4B, 1, 0x61]]),
        reduce(global("pathlib", "PosixPath"), [text("/"), text("data")]),
        reduce(global("torch", "device"), [text("cuda"), [0x4B, 0]]),
        reduce(
            global("numpy.core.multiarray", "scalar"),
            [
                reduce(global("numpy", "dtype"), [text("f8"), [0x4B, 0], [0x4B, 1]])
                    + tuple([[0x4B, 3], text("<"), [0x4E]]) + [0x62],
                [0x43, 8, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F],
            ]),
        reduce(global("copy_reg", "_reconstructor"), [global("a", "B"), global("builtins", "object"), [0x4E]])
            + [0x7D] + text("x") + [0x4B, 1, 0x73, 0x62],
        global("argparse", "Namespace") + [0x29, 0x81, 0x7D] + text("lr") + [0x47, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0]
            + [0x73, 0x62],
        global("a", "B") + [0x29, 0x7D, 0x92] + [0x28, 0x4B, 1, 0x4B, 2, 0x65],
        reduce(global("os", "system"), [text("true")]),
        reduce(
            global("torch._utils", "_rebuild_tensor_v3"),
            [
                storage("UntypedStorage", key: "0", count: 24), integer(2), tuple([integer(4)]), tuple([integer(2)]),
                [0x89], [0x4E], global("torch", "float16"),
            ]),
        reduce(
            global("torch._tensor", "_rebuild_from_type_v2"),
            [
                global("torch._utils", "_rebuild_tensor"), global("a", "B"),
                tuple([
                    storage("FloatStorage", key: "0", count: 6), integer(0), tuple([integer(6)]), tuple([integer(1)]),
                ]),
                [0x7D],
            ]),
    ]
}
