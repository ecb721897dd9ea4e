// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastWeights
private import Glibc

// Transformers over codes, and how codes are drawn.
extension FixtureRunner {
    /// Logits of known codes, read all at once and one after the other.
    func compareLogits(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let codes = try codes(fixture.inputs?.idx)
        for checkpoint in fixture.checkpoints ?? [] {
            let transformer = try transformer(checkpoint, fixture)
            guard let output = fixture.outputs?["logits"] else { throw FixtureError("the manifest gives no logits") }
            let logits = try transformer.logits(codes.flatMap { $0 }, rows: codes.count)
            try comparison.compare(
                "\(checkpoint) logits", try session.download(logits), shape: Array(logits.shape), with: output)
            let (rows, length, count) = (codes.count, codes[0].count, transformer.configuration.codeCount)
            let cache = try transformer.makeCache(rowCount: rows, capacity: length)
            var stepped = [Float](repeating: 0, count: rows * length * count)
            for position in 0..<length {
                let found = try session.download(try transformer.append(codes.map { $0[position] }, to: cache))
                for row in 0..<rows {
                    let start = (row * length + position) * count
                    stepped.replaceSubrange(start..<start + count, with: found[row * count..<(row + 1) * count])
                }
            }
            try comparison.compare(
                "\(checkpoint) logits by steps", stepped, shape: [rows, length, count], with: output)
        }
    }

    /// The mean cross-entropy of all positions, and that of each sequence.
    func compareLoss(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let (codes, targets) = (try codes(fixture.inputs?.idx), try codes(fixture.inputs?.targets))
        for checkpoint in fixture.checkpoints ?? [] {
            let transformer = try transformer(checkpoint, fixture)
            let logits = try session.download(try transformer.logits(codes.flatMap { $0 }, rows: codes.count))
            let count = transformer.configuration.codeCount
            let flat = targets.flatMap { $0 }
            let losses = flat.indices.map { position in
                let row = logits[position * count..<(position + 1) * count].map { Double($0) }
                let highest = row.max() ?? 0
                return highest + log(row.reduce(0) { $0 + exp($1 - highest) }) - row[Int(flat[position])]
            }
            let perSequence = stride(from: 0, to: losses.count, by: targets[0].count).map { start in
                Float(losses[start..<start + targets[0].count].reduce(0, +) / Double(targets[0].count))
            }
            for (name, output) in try fixture.sortedOutputs() {
                let values =
                    name == "loss" ? [Float(losses.reduce(0, +) / Double(losses.count))] : perSequence
                try comparison.compare("\(checkpoint) \(name)", values, shape: [values.count], with: output)
            }
        }
    }

    /// Sequences that are continued, greedily or by given uniform numbers; the pictures of the codes where they are asked for.
    func compareSampling(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let prompts = try codes(fixture.inputs?.prompt ?? fixture.inputs?.first_tokens)
        let isGreedy = fixture.kind == "gpt_greedy"
        let uniforms = try fixture.inputs?.uniforms.map { try NumpyArray.read(path: "\(folder)/\($0.file)") }
        guard let checkpoint = fixture.checkpoints?.first else {
            throw FixtureError("the manifest names no checkpoint")
        }
        let transformer = try transformer(checkpoint, fixture)
        let steps = fixture.steps ?? transformer.configuration.blockLength
        guard isGreedy || uniforms?.shape == [prompts.count, steps] else {
            throw FixtureError("there are no uniform numbers for \(prompts.count) sequences and \(steps) steps")
        }
        let numbers = uniforms?.doubles() ?? []
        var sampler = CodeSampler(
            SamplingRule(temperature: isGreedy ? 0 : fixture.temperature ?? 1, topK: isGreedy ? nil : fixture.top_k))
        let count = transformer.configuration.codeCount
        var probabilities = [Float](repeating: 0, count: prompts.count * steps * count)
        let rows = try transformer.continuations(
            of: prompts, steps: steps,
            choose: { row, step, logits in
                if fixture.outputs?["probs"] != nil {
                    let found = try sampler.probabilities(logits).map { Float($0) }
                    let start = (row * steps + step) * count
                    probabilities.replaceSubrange(start..<start + count, with: found)
                }
                return try sampler.draw(logits, uniform: isGreedy ? 0 : numbers[row * steps + step]).code
            })
        guard let rows else { throw FixtureError("the continuation ended early") }
        for (name, output) in try fixture.sortedOutputs() {
            switch name {
            case "tokens":
                try comparison.compare(name, rows.flatMap { $0 }, shape: [rows.count, rows[0].count], with: output)
            case "probs":
                try comparison.compare(name, probabilities, shape: [rows.count, steps, count], with: output)
            case "image":
                guard let file = fixture.checkpoints?.last else { throw FixtureError("there is no tokeniser") }
                let tokenizer = try tokenizer(file, fixture)
                let side = tokenizer.configuration.gridSize
                let codes = try session.makeTensor(rows.flatMap { $0 }, shape: [rows.count, side, side])
                let pictures = try tokenizer.decode(codes).permuted(0, 3, 1, 2)
                try comparison.compare(
                    name, try session.download(pictures), shape: Array(pictures.shape), with: output)
            default: throw FixtureError("unknown output '\(name)'")
            }
        }
    }

    /// Probabilities of given logits.
    func compareFilter(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        guard let input = fixture.inputs?.logits, let output = fixture.outputs?["probs"] else {
            throw FixtureError("the manifest gives no logits or no probabilities")
        }
        let array = try NumpyArray.read(path: "\(folder)/\(input.file)")
        var sampler = CodeSampler(SamplingRule(topK: fixture.top_k))
        let found = try array.floats().withUnsafeBufferPointer { try sampler.probabilities($0) }
        try comparison.compare("probs", found.map { Float($0) }, shape: array.shape, with: output)
    }

    private func transformer(_ checkpoint: String, _ fixture: FixtureCase) throws -> GPT {
        guard let config = fixture.config, let codes = config.vocab_size, let block = config.block_size,
            let depth = config.n_layer, let heads = config.n_head, let width = config.n_embd
        else { throw FixtureError("the manifest does not give the sizes of a transformer") }
        let weights = try Checkpoint.open(path: "\(folder)/\(checkpoint)").weights(select: ["model_state_dict"])
        return try GPT(
            GPT.Configuration(
                codeCount: codes, blockLength: block, depth: depth, headCount: heads, width: width,
                epsilon: config.ln_eps ?? 1e-5), weights: weights, session: session)
    }
}
