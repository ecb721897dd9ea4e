// SPDX-License-Identifier: MIT

/// Ops that can be built from required ones where a backend does not have them.
protocol ComposableArguments: OpArguments {
    /// Whether the backend may lawfully not have it, so that it is asked.
    var mayNeedComposition: Bool { get }

    /// Does the op with required ops only.
    func compose(in session: Session) throws(BackendError)
}

extension ComposableArguments {
    var mayNeedComposition: Bool { true }
}

extension AttentionArguments: ComposableArguments {
    /// The scores of a block of queries take at most about this many elements.
    private static let scoreLimit = 16 << 20

    /// scores = query × keyᵀ; softmax in place; scores × value. In blocks of queries, so that a long clip does not need
    /// all its scores at once.
    func compose(in session: Session) throws(BackendError) {
        let (heads, queries, keys) = (query.shape[0] * query.shape[1], query.shape[2], key.shape[2])
        guard heads > 0, queries > 0 else { return }
        let block = min(queries, max(1, Self.scoreLimit / max(1, heads * keys)))
        for start in stride(from: 0, to: queries, by: block) {
            let rows = start..<min(queries, start + block)
            let scores = try session.makeTensor([query.shape[0], query.shape[1], rows.count, keys])
            try session.run(
                AttentionProbabilitiesArguments(
                    output: scores.view, query: query.slice(2, rows), key: key, scale: scale, isCausal: isCausal,
                    queryOffset: queryOffset + start, keyLength: keyLength))
            try session.run(MatmulArguments(output: output.slice(2, rows), left: scores.view, right: value))
        }
    }
}

extension AttentionProbabilitiesArguments: ComposableArguments {
    func compose(in session: Session) throws(BackendError) {
        try session.run(MatmulArguments(output: output, left: query, right: key.permuted(0, 1, 3, 2)))
        try session.run(
            SoftmaxArguments(
                output: output, input: output, scale: scale, isCausal: isCausal, queryOffset: queryOffset,
                keyLength: keyLength))
    }
}

extension ResidualLayerNormArguments: ComposableArguments {
    func compose(in session: Session) throws(BackendError) {
        try session.run(AddArguments(output: residual, left: residual, right: input))
        try session.run(
            LayerNormArguments(output: output, input: residual, weight: weight, bias: bias, epsilon: epsilon))
    }
}

extension LinearArguments: ComposableArguments {
    var mayNeedComposition: Bool { !epilogue.isEmpty || output.dtype != .float32 || input.dtype != .float32 }

    func compose(in session: Session) throws(BackendError) {
        try epilogue.compose(in: session, output: output) { (target) throws(BackendError) in
            try session.run(LinearArguments(output: target, input: input, weight: weight, alpha: alpha))
        }
    }
}

extension Conv2dArguments: ComposableArguments {
    var mayNeedComposition: Bool { !epilogue.isEmpty || output.dtype != .float32 || input.dtype != .float32 }

    func compose(in session: Session) throws(BackendError) {
        try epilogue.compose(in: session, output: output) { (target) throws(BackendError) in
            var plain = self
            plain.output = target
            plain.epilogue = Epilogue()
            try session.run(plain)
        }
    }
}

extension Epilogue {
    /// Bias, activation and residual as ops of their own, after a product without them.
    fileprivate func compose(
        in session: Session, output: TensorView, product: (TensorView) throws(BackendError) -> Void
    ) throws(BackendError) {
        guard !isEmpty else { throw BackendError(.unsupported, "this product is not supported for \(output.dtype)") }
        // The residual may be the output itself, which the bare product would overwrite.
        let scratch = residual == output ? try session.makeTensor(output.shape) : nil
        let target = scratch?.view ?? output
        try product(target)
        func activate() throws(BackendError) {
            if activation != .none { try session.run(ActivationArguments(output: target, input: target, activation: activation)) }
        }
        if let bias { try session.run(AddArguments(output: target, left: target, right: bias.broadcast(to: target.shape))) }
        if order == .activationThenResidual { try activate() }
        if let residual { try session.run(AddArguments(output: target, left: target, right: residual)) }
        if order == .residualThenActivation { try activate() }
        if scratch != nil { try session.run(CopyArguments(output: output, input: target)) }
    }
}

extension PatchEmbeddingArguments: ComposableArguments {
    /// One strided copy that gathers the patches, then a linear layer: with channels-last input no convolution is needed.
    func compose(in session: Session) throws(BackendError) {
        let clip = input.rank == 5 ? input : input.insertingAxis(1)
        let (batch, channels) = (clip.shape[0], clip.shape[4])
        let grid = Extent3(clip.shape[1] / patch.time, clip.shape[2] / patch.height, clip.shape[3] / patch.width)
        var source = clip
        source.shape = [batch, grid.time, grid.height, grid.width, patch.time, patch.height, patch.width, channels]
        source.strides = [
            clip.strides[0], clip.strides[1] * patch.time, clip.strides[2] * patch.height, clip.strides[3] * patch.width,
            clip.strides[1], clip.strides[2], clip.strides[3], clip.strides[4],
        ]
        let patches = try session.makeTensor(source.shape)
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
        try session.run(LinearArguments(output: output, input: rows.view, weight: weight, epilogue: Epilogue(bias: bias)))
    }
}

extension TensorView {
    /// The same elements with an axis of extent 1 before `axis`.
    func insertingAxis(_ axis: Int) -> TensorView {
        var view = self
        view.shape = Shape(Array(shape[..<axis]) + [1] + Array(shape[axis...]))
        view.strides = Shape(Array(strides[..<axis]) + [0] + Array(strides[axis...]))
        return view
    }
}
