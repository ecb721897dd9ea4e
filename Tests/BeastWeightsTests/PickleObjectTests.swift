// SPDX-License-Identifier: MIT

import Testing

@testable import BeastWeights

@Suite("Symbols and objects in pickles")
struct PickleObjectTests {
    private typealias Build = PickleBuilder

    @Test(
        "Known constructors give plain values",
        arguments: [
            ("collections", "OrderedDict", [0x29], "{}"),
            ("collections", "OrderedDict", [0x5D, 0x4B, 1, 0x4B, 2, 0x86, 0x61, 0x85], "{1: 2}"),
            ("collections", "Counter", [0x7D, 0x4B, 1, 0x4B, 2, 0x73, 0x85], "{1: 2}"),
            ("collections", "defaultdict", Build.global("builtins", "list") + [0x85], "{}"),
            ("builtins", "set", [0x5D, 0x4B, 1, 0x61, 0x85], "{1}"), ("__builtin__", "frozenset", [0x5D, 0x85], "{}"),
            ("builtins", "bytearray", [0x43, 1, 9, 0x85], "<1 bytes>"), ("__builtin__", "bytes", [0x29], "<0 bytes>"),
            ("_codecs", "encode", Build.text("é") + Build.text("latin1") + [0x86], "<1 bytes>"),
            ("torch", "Size", [0x4B, 3, 0x4B, 4, 0x86, 0x85], "(3, 4)"),
            ("torch", "device", Build.text("cuda") + [0x4B, 1, 0x86], "'cuda:1'"),
            ("torch.serialization", "_get_layout", Build.text("torch.strided") + [0x85], "'torch.strided'"),
            ("pathlib", "PosixPath", Build.text("/") + Build.text("a") + Build.text("b") + [0x87], "'/a/b'"),
            ("builtins", "complex", [0x4B, 1, 0x4B, 2, 0x86], "builtins.complex(1, 2)"),
            (
                "copy_reg", "_reconstructor",
                Build.global("a", "B") + Build.global("builtins", "object") + [0x4E, 0x87], "a.B()"
            ),
        ] as [(String, String, [UInt8], String)])
    func plainValues(module: String, name: String, arguments: [UInt8], expected: String) throws {
        let value = try decode(Build.reduce(Build.global(module, name), arguments) + Build.stop)
        #expect(value.description == expected)
    }

    @Test(
        "NumPy numbers decode under both module names", arguments: ["numpy.core.multiarray", "numpy._core.multiarray"])
    func numpyScalars(module: String) throws {
        func scalar(_ code: String, _ order: String, _ bytes: [UInt8]) throws -> String {
            let type = Build.reduce(
                Build.global("numpy", "dtype"), Build.tuple([Build.text(code), [0x89], [0x88]]))
            let state = Build.tuple([[0x4B, 3], Build.text(order), [0x4E]]) + [0x62]
            let data: [UInt8] = [0x43, UInt8(bytes.count)] + bytes
            return try decode(
                Build.reduce(Build.global(module, "scalar"), Build.tuple([type + state, data])) + Build.stop
            ).description
        }
        #expect(try scalar("f8", "<", le((0.5).bitPattern)) == "0.5")
        #expect(try scalar("f8", ">", le((0.5).bitPattern).reversed()) == "0.5")
        #expect(try scalar("f4", "<", le(Float(0.25).bitPattern)) == "0.25")
        #expect(try scalar("i8", "<", le(-3 as Int64)) == "-3")
        #expect(try scalar("i2", "<", le(-3 as Int16)) == "-3")
        #expect(try scalar("u4", "<", le(4_000_000_000 as UInt32)) == "4000000000")
        #expect(try scalar("b1", "|", [2]) == "True")
        #expect(try scalar("f8", "<", [1, 2]).hasPrefix(module))
    }

    @Test("Unknown classes become inert objects that show their fields")
    func inertObjects() throws {
        let object = Build.global("argparse", "Namespace") + [0x29, 0x81] + Build.named([("lr", [0x4B, 5])]) + [0x62]
        #expect(try decode(object + Build.stop).description == "argparse.Namespace(lr=5)")
        // An object takes items and entries, and may itself be called.
        let odd = Build.reduce(Build.global("a", "B"), [0x29]) + [0x4B, 1, 0x61] + Build.text("k") + [0x4B, 2, 0x73]
        #expect(try decode(odd + Build.stop).description == "a.B(2 items)")
        #expect(try decode(Build.reduce(odd, [0x29]) + Build.stop).description == "a.B(2 items)()")
        // A class as a key.
        #expect(
            try decode(Build.dictionary([(Build.global("a", "B"), [0x4E])]) + Build.stop).description == "{a.B: None}")
    }

    @Test("A dictionary's own state stays beside its entries")
    func dictionaryState() throws {
        let value = try decode(
            Build.reduce(Build.global("collections", "OrderedDict"), [0x29]) + Build.named([("_metadata", [0x4E])]) + [
                0x62, 0x2E,
            ])
        guard case .dictionary(let dictionary) = value else {
            Issue.record("\(value.kind)")
            return
        }
        #expect(dictionary.isEmpty)
        #expect(dictionary.state["_metadata"] != nil)
    }

    @Test(
        "Symbols with effects are dangerous",
        arguments: [
            ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("sys", "exit"),
            ("builtins", "eval"), ("__builtin__", "exec"), ("builtins", "__import__"), ("builtins", "getattr"),
            ("builtins", "compile"), ("builtins", "open"), ("builtins", "print.__class__.__base__"),
            ("runpy", "run_path"),
            ("socket", "socket"), ("importlib.util", "find_spec"), ("pkgutil", "resolve_name"), ("webbrowser", "open"),
            ("shutil", "rmtree"), ("torch.hub", "load"), ("torch.jit._script", "x"), ("pickle", "loads"),
            ("commands", "Popen"),
            ("mymodule", "A.__init__.__globals__"), ("torch", "load"),
        ])
    func dangerous(module: String, name: String) { #expect(Symbol(module: module, name: name).isDangerous) }

    @Test(
        "Symbols of honest checkpoints are not dangerous",
        arguments: [
            ("argparse", "Namespace"), ("torch._utils", "_rebuild_tensor_v2"), ("collections", "OrderedDict"),
            ("numpy.core.multiarray", "scalar"), ("numpy", "dtype"), ("_codecs", "encode"), ("copyreg", "__newobj__"),
            ("copy_reg", "_reconstructor"), ("builtins", "set"), ("builtins", "object"), ("datetime", "datetime"),
            ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), ("omegaconf.dictconfig", "DictConfig"),
            ("torch.optim.adamw", "AdamW"), ("functools", "partial"), ("oscilloscope", "Trace"), ("__main__", "Config"),
        ])
    func harmless(module: String, name: String) { #expect(!Symbol(module: module, name: name).isDangerous) }

    @Test("A dangerous symbol is recorded although its result is dropped, and only blocks weights")
    func droppedCall() throws {
        let folder = try TemporaryFolder()
        let call = Build.reduce(Build.global("posix", "system"), Build.text("touch \(folder.path("marker"))") + [0x85])
        let value = call + [0x30] + Build.named([("w", Build.tensor(count: 2, sizes: [2], strides: [1]))])
        let path = try folder.write(makeCheckpoint(value, storages: [("0", bytes(of: [1, 2] as [Float]))]))
        let checkpoint = try Checkpoint.open(path: path)
        #expect(checkpoint.dangerousSymbols == [Symbol(module: "posix", name: "system")])
        expectError(.dangerousSymbols, "posix.system") { _ = try checkpoint.weights() }
        #expect(try elements("w", of: checkpoint.weights(allowForeign: true)) == [1, 2])
        #expect(folder.names == ["file"])
    }
}
