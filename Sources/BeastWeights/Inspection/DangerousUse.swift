// SPDX-License-Identifier: MIT

/// How a file uses a name that a Python loader would have imported or called with effect. Here nothing ever is.
public struct DangerousUse: Hashable, Sendable {
    /// The function or class.
    public let symbol: Symbol
    /// The call that a Python loader would have made, close to Python's own spelling, control characters escaped and
    /// cut where it gets long; nil where the name is only imported.
    public let call: String?
}

extension PickleGraph {
    private static let maximumCalls = 32
    private static let maximumCharacters = 400

    /// Every dangerous symbol of the pickle with the calls made of it, dropped results included.
    var dangerousUses: [DangerousUse] {
        let dangerous = arena.symbols.map(\.isDangerous)
        guard dangerous.contains(true) else { return [] }
        var uses: [DangerousUse] = []
        var called: Set<Int> = []
        for position in arena.objects.indices {
            guard uses.count < Self.maximumCalls, let root = rootSymbol(of: position), dangerous[root] else { continue }
            let object = value(.object(Int32(position)))
            let call = object.rendered(
                maximumDepth: 6, maximumItems: 8, maximumCharacters: Self.maximumCharacters)
            uses.append(DangerousUse(symbol: arena.symbols[root], call: call))
            called.insert(root)
        }
        for position in arena.symbols.indices where dangerous[position] && !called.contains(position) {
            uses.append(DangerousUse(symbol: arena.symbols[position], call: nil))
        }
        return uses
    }

    /// The symbol at the start of a chain of calls, as in `getattr(…)(…)`.
    private func rootSymbol(of object: Int) -> Int? {
        var callee = arena.objects[object].callee
        for _ in 0..<8 {
            switch callee {
            case .symbol(let position): return Int(position)
            case .object(let position): callee = arena.objects[Int(position)].callee
            default: return nil
            }
        }
        return nil
    }
}

extension WeightsError {
    /// The same error with what was found before it.
    func with(_ uses: [DangerousUse]) -> WeightsError {
        var copy = self
        copy.dangerousUses += uses
        return copy
    }
}
