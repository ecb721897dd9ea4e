// SPDX-License-Identifier: MIT

/// What building a value from a symbol yields, for the symbols that have a meaning to a checkpoint reader.
enum SymbolMeaning {
    case rebuildTensor(RebuildFunction)
    /// Arguments start with the tensor.
    case rebuildParameter
    /// Arguments are (function, type, arguments, state).
    case rebuildFromType
    case storage(ElementType)
    case elementType(ElementType)
    case dictionary
    /// `defaultdict`: the first argument is the factory.
    case defaultDictionary
    case list
    case tuple
    case set
    case byteArray
    case encode
    case path
    case device
    case layout
    case reconstructor
    case newObject
    case numpyScalar
}

/// The functions that make a tensor from a storage; they differ in their arguments.
enum RebuildFunction {
    case first, second, third
}

extension Symbol {
    /// Nil for everything that becomes an inert object.
    var meaning: SymbolMeaning? {
        if let known = Self.meanings[self] { return known }
        switch module {
        case "torch", "torch.cuda":
            if name.hasSuffix("Storage") {
                return .storage(ElementType.storageNames[String(name.dropLast(7))] ?? .unknown(name))
            }
            if module == "torch", let type = ElementType.torchNames[name] { return .elementType(type) }
            return nil
        case "__builtin__": return Self.meanings[Symbol(module: "builtins", name: name)]
        default: return nil
        }
    }

    private static let meanings: [Symbol: SymbolMeaning] = {
        var table: [Symbol: SymbolMeaning] = [:]
        func add(_ module: String, _ name: String, _ meaning: SymbolMeaning) {
            table[Symbol(module: module, name: name)] = meaning
        }
        add("torch._utils", "_rebuild_tensor", .rebuildTensor(.first))
        add("torch._utils", "_rebuild_tensor_v2", .rebuildTensor(.second))
        add("torch._utils", "_rebuild_tensor_v3", .rebuildTensor(.third))
        add("torch._utils", "_rebuild_parameter", .rebuildParameter)
        add("torch._utils", "_rebuild_parameter_with_state", .rebuildParameter)
        add("torch._tensor", "_rebuild_from_type_v2", .rebuildFromType)
        for name in ["UntypedStorage", "TypedStorage", "_UntypedStorage", "_TypedStorage"] {
            add("torch.storage", name, .storage(.uint8))
        }
        for module in ["torch", "torch.cuda"] {
            add(module, "UntypedStorage", .storage(.uint8))
            add(module, "TypedStorage", .storage(.uint8))
        }
        add("torch", "device", .device)
        add("torch", "Size", .tuple)
        add("torch.serialization", "_get_layout", .layout)
        add("collections", "OrderedDict", .dictionary)
        add("collections", "Counter", .dictionary)
        add("collections", "defaultdict", .defaultDictionary)
        add("builtins", "dict", .dictionary)
        add("builtins", "list", .list)
        add("builtins", "tuple", .tuple)
        add("builtins", "set", .set)
        add("builtins", "frozenset", .set)
        add("builtins", "bytearray", .byteArray)
        add("builtins", "bytes", .byteArray)
        add("_codecs", "encode", .encode)
        for name in ["PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "Path", "PurePath"] {
            add("pathlib", name, .path)
        }
        for module in ["copyreg", "copy_reg"] {
            add(module, "_reconstructor", .reconstructor)
            add(module, "__newobj__", .newObject)
        }
        for module in ["numpy.core.multiarray", "numpy._core.multiarray"] {
            add(module, "scalar", .numpyScalar)
        }
        return table
    }()
}
