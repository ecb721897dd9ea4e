// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastWeights

extension FixtureRunner {
    func compareTransformer(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        let configuration = try fixture.transformerConfiguration()
        guard let input = fixture.inputs?.image else { throw FixtureError("the manifest gives no input picture") }
        for checkpoint in fixture.checkpoints ?? [] {
            do {
                let model = try VisionTransformer(
                    configuration, weights: try weights(checkpoint, fixture), session: session)
                let pictures = try channelsLast(input)
                for (name, output) in try fixture.sortedOutputs() {
                    if name == "pos_embed" {
                        let (rows, columns) = (input.shape[2], input.shape[3])
                        let positions = try model.positionRows(height: rows, width: columns)
                        try comparison.compare(
                            "\(checkpoint) \(name)", positions,
                            shape: [1, positions.count / configuration.width, configuration.width], with: output)
                        continue
                    }
                    let result = try compute(name, model, pictures)
                    try comparison.compare(
                        "\(checkpoint) \(name)", try session.download(result), shape: Array(result.shape), with: output)
                }
            } catch {
                throw FixtureError("\(checkpoint): \(error)")
            }
        }
    }

    func compute(_ name: String, _ model: VisionTransformer, _ pictures: Tensor) throws -> Tensor {
        if name == "cls" { return try model(pictures) }
        if name == "attn_last" { return try model.lastAttention(pictures) }
        let depth = model.configuration.depth
        let places = ["layer_prev": depth - 2, "layer_last": depth - 1]
        guard name.hasPrefix("layer"), let index = places[name] ?? Int(name.dropFirst(5)),
            let tokens = try model.layers([.block(index, isNormalised: true)], pictures).first
        else { throw FixtureError("unknown output '\(name)'") }
        return tokens
    }

    /// Position tables alone. The outputs are named after the cases of the same folder whose picture sizes they are for.
    func comparePositions(
        _ fixture: FixtureCase, _ manifest: FixtureManifest, _ comparison: inout FixtureComparison
    ) throws {
        let configuration = try fixture.transformerConfiguration()
        let family = fixture.id.split(separator: "/").first ?? ""
        for checkpoint in fixture.checkpoints ?? [] {
            let model = try VisionTransformer(
                configuration, weights: try weights(checkpoint, fixture), session: session)
            for (name, output) in try fixture.sortedOutputs() {
                guard let shape = manifest.cases.first(where: { $0.id == "\(family)/\(name)" })?.inputs?.image?.shape,
                    shape.count == 4
                else {
                    throw FixtureError("output '\(name)': there is no case \(family)/\(name) to take the size from")
                }
                let rows = try model.positionRows(height: shape[2], width: shape[3])
                try comparison.compare(
                    name, rows, shape: [1, rows.count / configuration.width, configuration.width], with: output)
            }
        }
    }

    func weights(_ checkpoint: String, _ fixture: FixtureCase) throws -> CheckpointWeights {
        try weights(atPath: "\(folder)/\(checkpoint)", fixture)
    }

    func weights(atPath path: String, _ fixture: FixtureCase) throws -> CheckpointWeights {
        let keys = fixture.load?.select.map { [$0] } ?? ["teacher"]
        return try Checkpoint.open(path: path)
            .weights(select: keys, stripping: fixture.load?.strip ?? ["module.", "backbone.", "encoder."])
    }

    /// Files hold pictures channels-first; this is the model's edge, where that changes.
    func channelsLast(_ input: FixtureCase.Inputs.Array) throws -> Tensor {
        let array = try NumpyArray.read(path: "\(folder)/\(input.file)")
        guard array.shape.count == 4 else { throw FixtureError("\(input.file): shape \(array.shape), expected rank 4") }
        let first = try session.makeTensor(array.floats(), shape: Shape(array.shape)).permuted(0, 2, 3, 1)
        let pictures = try session.makeTensor(first.shape)
        try session.run(CopyArguments(output: pictures.view, input: first.view))
        return pictures
    }
}

extension FixtureCase {
    func transformerConfiguration() throws -> VisionTransformer.Configuration {
        guard let config, let imageSize = config.img_size, let patchSize = config.patch_size,
            let width = config.embed_dim,
            let depth = config.depth, let headCount = config.num_heads, let ratio = config.mlp_ratio,
            let epsilon = config.ln_eps, config.qkv_bias != false
        else { throw FixtureError("the manifest does not give the sizes of a vision transformer") }
        return VisionTransformer.Configuration(
            imageSize: imageSize, patchSize: patchSize, width: width, depth: depth, headCount: headCount,
            hiddenWidth: Int(Double(width) * ratio), epsilon: epsilon, resamplesPositionsAtLoad: arch == "mae_vit")
    }
}
