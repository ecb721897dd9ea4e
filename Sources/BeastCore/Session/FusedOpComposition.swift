// SPDX-License-Identifier: MIT

// Ops that are built from required ones where a backend does not have them.

extension AttentionArguments {
    public var mayNeedComposition: Bool { true }

    /// scores = query × keyᵀ; softmax in place; scores × value. In blocks of queries, so that a long clip does not need
    /// all its scores at once. Keys that are not seen are left out: behind them may lie a cache not yet written.
    public func compose(in session: Session) throws(BackendError) {
        let (heads, queries) = (query.shape[0] * query.shape[1], query.shape[2])
        guard heads > 0, queries > 0 else { return }
        let (key, value) = (key.slice(2, 0..<keyLength), value.slice(2, 0..<keyLength))
        let block = min(queries, max(1, session.scratchLimit / max(1, heads * keyLength)))
        for start in stride(from: 0, to: queries, by: block) {
            let rows = start..<min(queries, start + block)
            let scores = try session.makeTensor([query.shape[0], query.shape[1], rows.count, keyLength])
            try session.run(
                AttentionProbabilitiesArguments(
                    output: scores.view, query: query.slice(2, rows), key: key, scale: scale, isCausal: isCausal,
                    queryOffset: queryOffset + start, keyLength: keyLength))
            try session.run(MatmulArguments(output: output.slice(2, rows), left: scores.view, right: value))
        }
    }
}

extension AttentionProbabilitiesArguments {
    public var mayNeedComposition: Bool { true }

    /// Products with the keys that are seen, then the softmax in place, which fills the rest with zeros.
    public func compose(in session: Session) throws(BackendError) {
        let seen = 0..<keyLength
        try session.run(
            MatmulArguments(
                output: output.slice(3, seen), left: query, right: key.slice(2, seen).permuted(0, 1, 3, 2)))
        try session.run(
            SoftmaxArguments(
                output: output, input: output, scale: scale, isCausal: isCausal, queryOffset: queryOffset,
                keyLength: keyLength))
    }
}

extension ResidualLayerNormArguments {
    public var mayNeedComposition: Bool { true }

    public func compose(in session: Session) throws(BackendError) {
        try session.run(AddArguments(output: residual, left: residual, right: input))
        try session.run(
            LayerNormArguments(output: output, input: residual, weight: weight, bias: bias, epsilon: epsilon))
    }
}

extension LinearArguments: EpilogueArguments {
    public var mayNeedComposition: Bool { !epilogue.isEmpty || output.dtype != .float32 || input.dtype != .float32 }

    public func compose(in session: Session) throws(BackendError) { try composeEpilogue(in: session) }
}

extension Conv2dArguments: EpilogueArguments {
    public var mayNeedComposition: Bool { !epilogue.isEmpty || output.dtype != .float32 || input.dtype != .float32 }

    public func compose(in session: Session) throws(BackendError) { try composeEpilogue(in: session) }
}

extension PatchEmbeddingArguments {
    public var mayNeedComposition: Bool { true }

    /// One strided copy that gathers the patches, then a linear layer: with channels-last input no convolution is needed.
    public func compose(in session: Session) throws(BackendError) {
        let clip = input.rank == 5 ? input : input.insertingAxis(1)
        let (batch, channels) = (clip.shape[0], clip.shape[4])
        let grid = Extent3(clip.shape[1] / patch.time, clip.shape[2] / patch.height, clip.shape[3] / patch.width)
        var source = clip
        source.shape = [batch, grid.time, grid.height, grid.width, patch.time, patch.height, patch.width, channels]
        source.strides = [
            clip.strides[0], clip.strides[1] * patch.time, clip.strides[2] * patch.height,
            clip.strides[3] * patch.width,
            clip.strides[1], clip.strides[2], clip.strides[3], clip.strides[4],
        ]
        let patches = try session.makeTensor(source.shape, dtype: input.dtype)
        // Pixels of a row of a patch lie one behind the other in both, as a rule: copy them in one run.
        let merged: Shape = [
            batch, grid.time, grid.height, grid.width, patch.time, patch.height, patch.width * channels,
        ]
        if let mergedSource = source.reshaped(merged), let mergedTarget = patches.view.reshaped(merged) {
            try session.run(CopyArguments(output: mergedTarget, input: mergedSource))
        } else {
            try session.run(CopyArguments(output: patches.view, input: source))
        }
        let rows = try patches.reshaped([
            batch, grid.time * grid.height * grid.width, patch.time * patch.height * patch.width * channels,
        ])
        try session.run(
            LinearArguments(output: output, input: rows.view, weight: weight, epilogue: Epilogue(bias: bias)))
    }
}
