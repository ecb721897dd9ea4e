// SPDX-License-Identifier: MIT

extension PickleValue: CustomStringConvertible {
    /// The value on one line, cut where it gets long.
    public var description: String { rendered(maximumDepth: 6, maximumItems: 12, maximumCharacters: 2_000) }

    /// The value as one line of text, close to what Python would print.
    ///
    /// A container that contains itself is shown as `…` where it recurs. The output is bounded whatever the file holds:
    /// beyond a bound there is `…`. Control characters are escaped.
    ///
    /// - Parameters:
    ///   - maximumDepth: how many levels of containers are shown, at most 500.
    ///   - maximumItems: how many items of each container are shown.
    ///   - maximumCharacters: about how long the result may get.
    public func rendered(maximumDepth: Int, maximumItems: Int, maximumCharacters: Int) -> String {
        var renderer = ValueRenderer(
            maximumDepth: min(maximumDepth, PickleLimits().nesting), maximumItems: maximumItems,
            maximumBytes: maximumCharacters)
        renderer.write(self, depth: 0)
        return renderer.text
    }
}

/// Writes values until one of its bounds is met.
private struct ValueRenderer {
    let maximumDepth: Int
    let maximumItems: Int
    let maximumBytes: Int
    var text = ""
    private var open: Set<ValueIdentity> = []

    init(maximumDepth: Int, maximumItems: Int, maximumBytes: Int) {
        self.maximumDepth = maximumDepth
        self.maximumItems = maximumItems
        self.maximumBytes = maximumBytes
    }

    mutating func write(_ value: PickleValue, depth: Int) {
        guard text.utf8.count < maximumBytes else { return }
        switch value {
        case .none: text += "None"
        case .bool(let value): text += value ? "True" : "False"
        case .integer(let value): text += String(value)
        case .bigInteger(let digits): text += digits.shortened(to: 80)
        case .float(let value): text += String(value)
        case .text(let value): write(quoted: value)
        case .bytes(let bytes): text += "<\(bytes.count) bytes>"
        case .symbol(let symbol): text += symbol.description.escapingControlCharacters()
        case .tensor(let tensor): text += tensor.description.escapingControlCharacters()
        case .storage(let key, let type, let count):
            text += "storage \(key.shortened(to: 20)) (\(count) × \(type))".escapingControlCharacters()
        case .tuple(let sequence): write(sequence, "(", sequence.count == 1 ? ",)" : ")", depth)
        case .list(let sequence): write(sequence, "[", "]", depth)
        case .set(let sequence): write(sequence, "{", "}", depth)
        case .dictionary(let dictionary):
            nested(dictionary.identity, "{", "}", depth) { renderer in
                renderer.list(dictionary) { $0.write(entry: $1, depth + 1) }
            }
        case .object(let object): write(object, depth)
        }
    }

    private mutating func write(quoted value: String) {
        text += "'" + value.shortened(to: 200).escapingControlCharacters() + "'"
    }

    private mutating func write(_ sequence: PickleSequence, _ opening: String, _ closing: String, _ depth: Int) {
        nested(sequence.identity, opening, closing, depth) { renderer in
            renderer.list(sequence) { $0.write($1, depth: depth + 1) }
        }
    }

    private mutating func write(entry: (key: PickleValue, value: PickleValue), _ depth: Int) {
        write(entry.key, depth: depth)
        text += ": "
        write(entry.value, depth: depth)
    }

    private mutating func write(_ object: PickleObject, _ depth: Int) {
        if let array = numpyArray(object) {
            text += array
            return
        }
        if case .object = object.callee, depth >= maximumDepth {
            text += "…"
        } else {
            write(object.callee, depth: depth + 1)
        }
        nested(object.identity, "(", ")", depth) { renderer in
            var separator = ""
            if case .tuple(let arguments) = object.arguments, !arguments.isEmpty {
                renderer.list(arguments) { $0.write($1, depth: depth + 1) }
                separator = ", "
            }
            if case .dictionary(let state) = object.state {
                renderer.text += separator
                separator = ", "
                renderer.list(state) { renderer, entry in
                    if case .text(let name) = entry.key {
                        renderer.text += name.shortened(to: 200).escapingControlCharacters()
                    } else {
                        renderer.write(entry.key, depth: depth + 1)
                    }
                    renderer.text += "="
                    renderer.write(entry.value, depth: depth + 1)
                }
            } else if case .none = object.state {
            } else {
                renderer.text += separator + "state="
                separator = ", "
                renderer.write(object.state, depth: depth + 1)
            }
            let more = object.items.count + object.entries.count
            if more > 0 { renderer.text += separator + "\(more) items" }
        }
    }

    /// A NumPy array is built by `_reconstruct` and a state of (version, shape, dtype, is column-major, bytes).
    private func numpyArray(_ object: PickleObject) -> String? {
        guard case .symbol(let symbol) = object.callee, symbol.name == "_reconstruct",
            symbol.module.hasPrefix("numpy."),
            case .tuple(let state) = object.state, state.count == 5, case .tuple(let shape) = state[1],
            shape.count <= 64
        else { return nil }
        var sizes: [String] = []
        for size in shape {
            guard case .integer(let size) = size else { return nil }
            sizes.append(String(size))
        }
        return "numpy.ndarray[\(sizes.joined(separator: ", "))]"
    }

    private mutating func nested(
        _ identity: ValueIdentity, _ opening: String, _ closing: String, _ depth: Int,
        _ content: (inout ValueRenderer) -> Void
    ) {
        text += opening
        if depth < maximumDepth, open.insert(identity).inserted {
            content(&self)
            open.remove(identity)
        } else {
            text += "…"
        }
        text += closing
    }

    private mutating func list<Items: Collection>(
        _ items: Items, _ write: (inout ValueRenderer, Items.Element) -> Void
    ) {
        var isFirst = true
        for item in items.prefix(maximumItems) {
            guard text.utf8.count < maximumBytes else { break }
            if !isFirst { text += ", " }
            isFirst = false
            write(&self, item)
        }
        if items.count > maximumItems || text.utf8.count >= maximumBytes { text += ", …" }
    }
}
