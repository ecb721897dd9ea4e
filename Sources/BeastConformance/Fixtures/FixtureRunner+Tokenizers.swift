// SPDX-License-Identifier: MIT
internal import BeastConfigurations
internal import BeastCore
internal import BeastWeights

extension FixtureRunner {
    /// Outputs are channels-first: `encoder_out`, `z`, `zq` (the vectors of the codes), `decoded`; and `indices`.
    func compareTokenizer(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        for checkpoint in fixture.checkpoints ?? [] {
            let tokenizer = try tokenizer(checkpoint, fixture)
            let codes: Tensor
            var features: Tensor?
            if let input = fixture.inputs?.codes {
                codes = try self.codes(input, tokenizer)
            } else if let input = fixture.inputs?.image {
                let pictures = try channelsLast(input)
                if let output = fixture.outputs?["encoder_out"] {
                    try compare("\(checkpoint) encoder_out", tokenizer.encoderOutput(of: pictures), output, &comparison)
                }
                features = try tokenizer.features(of: pictures)
                codes = try tokenizer.codes(of: try tokenizer.features(of: pictures))
            } else {
                throw FixtureError("the manifest gives neither codes nor a picture")
            }
            for (name, output) in try fixture.sortedOutputs() {
                let name = "\(checkpoint) \(name)"
                switch name.split(separator: " ").last {
                case "encoder_out": break
                case "z":
                    guard let features else { throw FixtureError("there is no picture to encode") }
                    try compare(name, features, output, &comparison)
                case "zq": try compare(name, tokenizer.vectors(of: codes), output, &comparison)
                case "decoded": try compare(name, tokenizer.decode(codes), output, &comparison)
                case "indices":
                    let found = try session.downloadIntegers(codes)
                    let shape = [codes.shape[0], codes.shape[1] * codes.shape[2]]
                    try comparison.compare(name, found, shape: shape, with: output) { index, expected in
                        guard let features else { return false }
                        return try areTied(tokenizer, features, index, Int(found[index]), expected)
                    }
                default: throw FixtureError("unknown output '\(name)'")
                }
            }
        }
    }

    /// Whether two codes are as near to a feature vector as rounding can tell.
    private func areTied(_ tokenizer: VQGAN, _ features: Tensor, _ index: Int, _ found: Int, _ expected: Int) throws
        -> Bool
    {
        let width = tokenizer.configuration.codeWidth
        let rows = try session.download(features)
        let pair = try session.makeTensor([Int32(found), Int32(expected)], shape: [2])
        let vectors = try session.download(try tokenizer.vectors(of: pair))
        func distance(_ row: Int) -> Double {
            (0..<width).reduce(0.0) { sum, axis in
                let difference = Double(rows[index * width + axis]) - Double(vectors[row * width + axis])
                return sum + difference * difference
            }
        }
        return distance(0) - distance(1) <= 2e-5 * distance(1)
    }

    func tokenizer(_ checkpoint: String, _ fixture: FixtureCase) throws -> VQGAN {
        guard let file = fixture.config_file else { throw FixtureError("the manifest names no configuration file") }
        let configuration = try VQGANConfiguration(contentsOfFile: "\(folder)/\(file)")
        let weights = try Checkpoint.open(path: "\(folder)/\(checkpoint)").weights(select: ["state_dict"])
        return try VQGAN(configuration, weights: weights, session: session)
    }

    /// - Returns: [batch, rows, columns] of the tokeniser's own square grid.
    private func codes(_ input: FixtureCase.Inputs.Array, _ tokenizer: VQGAN) throws -> Tensor {
        let codes = try codes(input)
        let side = tokenizer.configuration.gridSize
        return try session.makeTensor(codes.flatMap { $0 }, shape: [codes.count, side, side])
    }

    /// The rows of an array of codes.
    func codes(_ input: FixtureCase.Inputs.Array?) throws -> [[Int32]] {
        guard let input else { throw FixtureError("the manifest gives no codes") }
        let array = try NumpyArray.read(path: "\(folder)/\(input.file)")
        guard let integers = array.integers(), array.shape.count == 2, array.shape[1] > 0 else {
            throw FixtureError("\(input.file): \(array.element) \(array.shape), expected rows of codes")
        }
        let length = array.shape[1]
        return (0..<array.shape[0]).map { row in
            integers[row * length..<(row + 1) * length].map { Int32(truncatingIfNeeded: $0) }
        }
    }

    /// Compares a map [batch, rows, columns, channels] with a file that has channels first.
    private func compare(
        _ name: String, _ map: Tensor, _ output: FixtureCase.Output, _ comparison: inout FixtureComparison
    ) throws {
        let first = map.permuted(0, 3, 1, 2)
        try comparison.compare(name, try session.download(first), shape: Array(first.shape), with: output)
    }
}
