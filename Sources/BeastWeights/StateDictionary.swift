// SPDX-License-Identifier: MIT

/// Finds the state dictionary within a decoded checkpoint and names its tensors.
enum StateDictionary {
    struct Selection {
        let dictionary: PickleDictionary
        /// The top-level key it was found under; nil for the top level itself.
        let key: String?
        /// Keys that were looked for in vain.
        var absentCandidates: [String] = []

        var place: String { key.map { "“\($0)”" } ?? "the top level" }
    }

    static func select(_ candidates: [String]?, in tree: PickleValue) throws(WeightsError) -> Selection {
        guard case .dictionary(let top) = tree else {
            throw WeightsError(.wrongKind, "the top level is \(tree.kind) where a dictionary is needed")
        }
        for key in candidates ?? [] {
            let values = top.filter { if case .text(key) = $0.key { true } else { false } }.map(\.value)
            guard let value = values.first else { continue }
            guard values.count == 1 else {
                throw WeightsError(.duplicateKey, "the key “\(key)” occurs \(values.count) times at the top level")
            }
            guard case .dictionary(let dictionary) = value else {
                throw WeightsError(.wrongKind, "“\(key)” is \(value.kind) where a dictionary of tensors is needed")
            }
            guard dictionary.identity != top.identity else {
                throw WeightsError(.wrongKind, "“\(key)” is the dictionary that contains it")
            }
            return Selection(dictionary: dictionary, key: key)
        }
        return Selection(dictionary: top, key: nil, absentCandidates: candidates ?? [])
    }

    /// All tensors of the selected dictionary by their stripped names, and the kinds of all other entries.
    static func collect(
        _ selection: Selection, stripping substrings: [String]
    ) throws(WeightsError) -> (tensors: [String: TensorDescription], ignored: [String: String]) {
        var tensors: [String: TensorDescription] = [:]
        var ignored: [String: String] = [:]
        var originals: [String: String] = [:]
        for (key, value) in selection.dictionary {
            guard case .text(let original) = key else {
                if case .tensor = value {
                    throw WeightsError(
                        .wrongKind, "a tensor in \(selection.place) is named by \(key.kind) (\(key)), not by a text")
                }
                continue
            }
            if case .dictionary(let inner) = value, inner.identity == selection.dictionary.identity {
                throw WeightsError(
                    .wrongKind, "\(selection.place) contains itself under “\(original.shortened(to: 80))”")
            }
            let name = substrings.reduce(original) { removing($1, from: $0) }
            if let other = originals.updateValue(original, forKey: name) {
                throw WeightsError(
                    .duplicateKey,
                    other == original
                        ? "the key “\(name.shortened(to: 120))” occurs twice in \(selection.place)"
                        : "“\(other.shortened(to: 120))” and “\(original.shortened(to: 120))” both become "
                            + "“\(name.shortened(to: 120))”")
            }
            if case .tensor(let tensor) = value { tensors[name] = tensor } else { ignored[name] = value.kind }
        }
        guard !tensors.isEmpty else { throw nothingFound(selection) }
        return (tensors, ignored)
    }

    private static func nothingFound(_ selection: Selection) -> WeightsError {
        let found = selection.dictionary.prefix(6).map { key, value in
            "\(key.rendered(maximumDepth: 1, maximumItems: 1, maximumCharacters: 60)) (\(value.kind))"
        }
        let more = selection.dictionary.count > found.count ? ", …" : ""
        let content = found.isEmpty ? "is empty" : "holds \(found.joined(separator: ", "))\(more)"
        let absent = selection.absentCandidates.map { "“\($0)”" }.joined(separator: ", ")
        let hint = absent.isEmpty ? "" : "; there is no \(absent)"
        return WeightsError(.wrongKind, "no tensors are found: \(selection.place) \(content)\(hint)")
    }

    /// `text` without any occurrence of `substring`, found left to right and not again in the result.
    static func removing(_ substring: String, from text: String) -> String {
        let pattern = Array(substring.utf8)
        let source = Array(text.utf8)
        guard !pattern.isEmpty, source.count >= pattern.count else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == pattern[0], source[index...].starts(with: pattern) {
                index += pattern.count
            } else {
                result.append(source[index])
                index += 1
            }
        }
        return result.count == source.count ? text : String(decoding: result, as: UTF8.self)
    }
}
