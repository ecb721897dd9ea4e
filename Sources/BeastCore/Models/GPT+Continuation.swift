// SPDX-License-Identifier: MIT

extension GPT {
    /// Continues sequences code by code, all of them in the same step.
    ///
    /// Each step gives its logits to `choose`, row by row. A sequence that is longer than the transformer's positions is read
    /// again from its last ones at each step, as published; pictures never are.
    ///
    /// - Parameters:
    ///   - sequences: of equal length, at least one code each.
    ///   - copies: continuations of each; they share what reading it costs.
    ///   - steps: codes that are added.
    ///   - choose: gets the row (sequence times `copies` plus copy), the step and the logits; gives the code.
    ///   - didStep: told after each step how many are done; false ends it.
    /// - Returns: `copies` rows for each sequence, its own codes first; nil when `didStep` ended it.
    /// - Throws: ``ModelError`` for sequences of unequal length or codes that there are not; what `choose` throws.
    public func continuations(
        of sequences: [[Int32]], copies: Int = 1, steps: Int,
        choose: (_ row: Int, _ step: Int, UnsafeBufferPointer<Float>) throws -> Int32,
        didStep: (_ done: Int) -> Bool = { _ in true }
    ) throws -> [[Int32]]? {
        guard let length = sequences.first?.count, length > 0, sequences.allSatisfy({ $0.count == length }), copies > 0
        else {
            throw ModelError(.badInput, "continuations of \(sequences.count) sequences; they need one common length")
        }
        var rows = sequences.flatMap { Array(repeating: $0, count: copies) }
        for row in rows.indices { rows[row].reserveCapacity(length + steps) }
        guard steps > 0 else { return rows }
        let codeCount = configuration.codeCount
        let cache = try makeCache(
            rowCount: rows.count, capacity: min(configuration.blockLength, length + steps - 1))
        var next = [Int32](repeating: 0, count: rows.count)
        // Logits of the prefixes stand for all their copies, those of a step for one row each.
        var logits = try readPrefixes(
            sequences.flatMap { $0.suffix(configuration.blockLength) }, copies: copies, into: cache)
        var rowsOfLogits = copies
        for step in 0..<steps {
            try logits.withUnsafeBufferPointer { logits in
                for row in rows.indices {
                    let start = row / rowsOfLogits * codeCount
                    next[row] = try choose(
                        row, step, UnsafeBufferPointer(rebasing: logits[start..<start + codeCount]))
                    rows[row].append(next[row])
                }
            }
            guard didStep(step + 1) else { return nil }
            guard step + 1 < steps else { break }
            if rowsOfLogits > 1 || logits.count != rows.count * codeCount {
                logits = [Float](repeating: 0, count: rows.count * codeCount)
                rowsOfLogits = 1
            }
            if cache.length == configuration.blockLength {
                cache.truncate(to: 0)
                logits = try readPrefixes(
                    rows.flatMap { $0.suffix(configuration.blockLength) }, copies: 1, into: cache)
            } else {
                try session.download(try append(next, to: cache), into: &logits)
            }
        }
        return rows
    }
}
