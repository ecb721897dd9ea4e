// SPDX-License-Identifier: MIT

/// A name that a pickle imports. Only ever a pair of texts: nothing is looked up and nothing is called.
public struct Symbol: Hashable, Sendable, CustomStringConvertible {
    /// The Python module, as written.
    public let module: String
    /// The name in it; dots are kept and have no meaning.
    public let name: String

    /// Creates a symbol.
    public init(module: String, name: String) {
        self.module = module
        self.name = name
    }

    /// `module.name`, shortened where a file gives absurd lengths.
    public var description: String { "\(module.shortened(to: 120)).\(name.shortened(to: 120))" }
}

extension Symbol {
    /// True for names that a Python loader would call, or hand out, with effects beyond building a value.
    ///
    /// No honest checkpoint needs one. Unknown classes are not dangerous by themselves.
    public var isDangerous: Bool {
        if isInDangerousModule { return true }
        if Self.builtinModules.contains(module) {
            // Dotted names reach from any harmless name to everything: print.__self__.eval.
            return Self.dangerousBuiltins.contains(name) || name.utf8.contains(UInt8(ascii: "."))
        }
        if meaning == nil, name.split(separator: ".").contains(where: { $0.hasPrefix("__") && $0.hasSuffix("__") }) {
            return true
        }
        return Self.dangerousNames.contains(self)
    }

    /// The module itself or a package around it is dangerous.
    private var isInDangerousModule: Bool {
        // No entry of the table has more than three components, and a module's name may be long.
        var components = module.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).prefix(3)
        while !components.isEmpty {
            if Self.dangerousModules.contains(components.joined(separator: ".")) { return true }
            components.removeLast()
        }
        return false
    }

    static let builtinModules: Set<String> = ["builtins", "__builtin__", "__builtins__"]

    private static let dangerousModules: Set<String> = [
        "os", "posix", "posixpath", "nt", "ntpath", "subprocess", "commands", "sys", "runpy", "socket", "importlib",
        "imp", "pkgutil", "webbrowser", "shutil", "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "marshal",
        "pty", "ctypes", "cffi", "multiprocessing", "concurrent", "threading", "_thread", "asyncio", "code", "codeop",
        "pdb", "bdb", "timeit", "trace", "cProfile", "profile", "doctest", "idlelib", "lib2to3", "pip", "setuptools",
        "distutils", "ensurepip", "venv", "zipimport", "zipfile", "tarfile", "tempfile", "glob", "signal", "resource",
        "platform", "pydoc", "urllib", "urllib2", "httplib", "http", "requests", "aiohttp", "ftplib", "smtplib",
        "telnetlib", "ssl", "xmlrpc", "sqlite3", "ptyprocess", "pexpect", "sh", "paramiko", "torch.hub", "torch.jit",
        "torch.package", "torch._dynamo", "torch._inductor", "torch.utils.cpp_extension", "torch.distributed.run",
        "torch.utils.collect_env", "torch.utils.bottleneck", "torch.utils._config_module", "torch.onnx",
        "numpy.testing", "numpy.f2py", "numpy.distutils", "numpy.ctypeslib", "joblib", "pandas.io", "gc", "inspect",
        "atexit", "faulthandler", "readline", "cgitb", "logging.config", "torch.ops", "torch.classes",
    ]

    private static let dangerousBuiltins: Set<String> = [
        "eval", "exec", "execfile", "compile", "__import__", "getattr", "setattr", "delattr", "open", "file", "input",
        "raw_input", "apply", "reload", "breakpoint", "globals", "locals", "vars", "map", "filter", "reduce",
        "help", "exit", "quit",
    ]

    private static let dangerousNames: Set<Symbol> = {
        let names = [
            ("io", "open"), ("io", "open_code"), ("io", "FileIO"), ("_io", "open"), ("_io", "open_code"),
            ("_io", "FileIO"), ("codecs", "open"), ("operator", "attrgetter"), ("operator", "methodcaller"),
            ("_operator", "attrgetter"), ("_operator", "methodcaller"), ("functools", "reduce"), ("torch", "load"),
            ("torch.serialization", "load"), ("torch.storage", "_load_from_bytes"), ("torch", "compile"),
            ("torch", "save"), ("torch.serialization", "save"), ("numpy", "load"), ("numpy", "save"),
            ("numpy", "fromfile"), ("numpy", "loadtxt"), ("numpy", "genfromtxt"), ("numpy", "memmap"),
            ("types", "FunctionType"), ("types", "CodeType"), ("types", "MethodType"), ("types", "LambdaType"),
            ("pathlib", "Path.write_text"), ("pathlib", "Path.write_bytes"), ("pathlib", "Path.unlink"),
        ]
        return Set(names.map { Symbol(module: $0.0, name: $0.1) })
    }()
}
