// SPDX-License-Identifier: MIT
internal import Yams

/// A mapping within a configuration file, asked by key. Every error names the file, the key's path and what was found.
struct ConfigurationSection {
    let file: String
    /// `model.params`, say; empty at the top.
    let name: String
    private let values: [(key: String, value: Node)]

    /// The top level of a file.
    /// - Throws: ``ConfigurationError`` for what the structure check or the parser refuses.
    init(parsing file: ConfigurationFile) throws(ConfigurationError) {
        try StructureCheck.check(file)
        let root: Node?
        do {
            // No rules: every plain value stays text, and no regular expression is compiled.
            root = try Parser(yaml: file.text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw ConfigurationError(.malformed, "cannot be parsed as YAML: \(error.line)", path: file.path)
        } catch {
            throw ConfigurationError(.malformed, "cannot be parsed as YAML: \(error)", path: file.path)
        }
        guard let root else { throw ConfigurationError(.malformed, "holds no YAML document", path: file.path) }
        try self.init(root, file: file.path, name: "")
    }

    private init(_ node: Node, file: String, name: String) throws(ConfigurationError) {
        guard case .mapping(let mapping) = node, mapping.tag.isImplicit(or: .map) else {
            let place = name.isEmpty ? "the top level" : name
            throw ConfigurationError(.wrongKind, "\(place) is \(node.kind), keys with values are needed", path: file)
        }
        self.file = file
        self.name = name
        values = mapping.compactMap { key, value in key.plainText.map { ($0, value) } }
    }

    /// Every key that is text, in the file's order.
    var keys: [String] { values.map(\.key) }

    /// The full path of a key, for messages.
    func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    func error(_ code: ConfigurationError.Code, _ message: String) -> ConfigurationError {
        ConfigurationError(code, message, path: file)
    }

    /// Whether a key is there with a value other than null.
    func hasValue(_ key: String) -> Bool {
        guard let node = values.first(where: { $0.key == key })?.value else { return false }
        return !node.isNull
    }

    func section(_ key: String) throws(ConfigurationError) -> ConfigurationSection {
        try ConfigurationSection(try value(key), file: file, name: path(key))
    }

    func text(_ key: String) throws(ConfigurationError) -> String {
        let node = try value(key)
        guard let text = node.plainText else { throw wrongKind(path(key), node, "a text") }
        return text
    }

    func integer(_ key: String) throws(ConfigurationError) -> Int { try integer(try value(key), path(key)) }

    func integers(_ key: String) throws(ConfigurationError) -> [Int] {
        let node = try value(key)
        guard case .sequence(let sequence) = node, sequence.tag.isImplicit(or: .seq) else {
            throw wrongKind(path(key), node, "a list of whole numbers")
        }
        var result: [Int] = []
        for (index, element) in sequence.enumerated() { result.append(try integer(element, "\(path(key))[\(index)]")) }
        return result
    }

    func number(_ key: String) throws(ConfigurationError) -> Double {
        let node = try value(key)
        // Only what JSON writes too: no names for infinity or NaN, no hexadecimal.
        guard let text = node.unquotedText, text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
            let number = Double(text), number.isFinite
        else { throw wrongKind(path(key), node, "a number") }
        return number
    }

    func truth(_ key: String) throws(ConfigurationError) -> Bool {
        let node = try value(key)
        switch node.unquotedText {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default: throw wrongKind(path(key), node, "true or false")
        }
    }

    private func value(_ key: String) throws(ConfigurationError) -> Node {
        guard let node = values.first(where: { $0.key == key })?.value else {
            throw error(.missingKey, "\(path(key)) is missing")
        }
        return node
    }

    private func integer(_ node: Node, _ path: String) throws(ConfigurationError) -> Int {
        guard let text = node.unquotedText else { throw wrongKind(path, node, "a whole number") }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        // A leading zero means octal to some readers of YAML and nothing to others.
        guard let first = digits.first, digits.allSatisfy({ (0x30...0x39).contains($0) }), text.utf8.count <= 20,
            first != UInt8(ascii: "0") || digits.count == 1, let number = Int(text)
        else { throw wrongKind(path, node, "a whole number") }
        return number
    }

    private func wrongKind(_ path: String, _ node: Node, _ needed: String) -> ConfigurationError {
        error(.wrongKind, "\(path) is \(node.kind), \(needed) is needed")
    }
}

extension Node {
    /// A scalar without an explicit tag other than that of text.
    fileprivate var plainText: String? {
        guard case .scalar(let scalar) = self, scalar.tag.isImplicit(or: .str) else {
            return nil
        }
        return scalar.string
    }

    /// A scalar that stands there without quotes; only such a one can be a number or a truth value.
    fileprivate var unquotedText: String? {
        guard case .scalar(let scalar) = self, scalar.style == .plain, scalar.tag.isImplicit() else { return nil }
        return scalar.string
    }

    fileprivate var isNull: Bool {
        guard let text = unquotedText else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What it is, for messages: short however long it is.
    fileprivate var kind: String {
        switch self {
        case .mapping: return "a set of keys with values"
        case .sequence: return "a list"
        case .alias: return "an alias"
        case .scalar(let scalar):
            guard scalar.tag.isImplicit(or: .str) else {
                return "a value with the tag \(scalar.tag.description.prefix(40))"
            }
            if isNull { return "empty" }
            return scalar.string.count > 40 ? "'\(scalar.string.prefix(40))…'" : "'\(scalar.string)'"
        }
    }
}

extension Tag {
    /// Whether the text names no tag, or that of the node's own kind.
    fileprivate func isImplicit(or own: Name = .implicit) -> Bool {
        description == Name.implicit.rawValue || description == own.rawValue
    }
}

extension YamlError {
    /// One line with the place, without the text around it.
    fileprivate var line: String {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return "line \(mark.line), column \(mark.column): \(problem)"
        case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem), .representer(let problem):
            return problem
        case .duplicatedKeysInMapping(let duplicates, _):
            return "the key '\((duplicates.first ?? "").prefix(40))' occurs more than once"
        case .memory: return "out of memory"
        case .no, .dataCouldNotBeDecoded: return "the parser gave no reason"
        }
    }
}
