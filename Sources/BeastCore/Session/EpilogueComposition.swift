// SPDX-License-Identifier: MIT

/// A product that something is done to before it is stored.
protocol EpilogueArguments: OpArguments {
    var output: TensorView { get set }
    var epilogue: Epilogue { get set }
}

extension EpilogueArguments {
    /// Runs the op without its epilogue, and then that. A product that is refused without any is refused for good.
    func composeEpilogue(in session: Session) throws(BackendError) {
        guard !epilogue.isEmpty else {
            throw BackendError(
                .unsupported, "\(Self.op.name): the backend refuses it for elements of type \(output.dtype)")
        }
        try epilogue.apply(in: session, to: output) { (target) throws(BackendError) in
            var plain = self
            plain.output = target
            plain.epilogue = Epilogue()
            try session.run(plain)
        }
    }
}

extension Epilogue {
    /// Bias, activation and residual as ops of their own, after a product without them.
    /// - Parameter product: writes the bare product to the view it is given.
    func apply(
        in session: Session, to output: TensorView, after product: (TensorView) throws(BackendError) -> Void
    ) throws(BackendError) {
        // The residual may be the output itself, which the bare product would overwrite.
        let scratch =
            residual?.buffer == output.buffer ? try session.makeTensor(output.shape, dtype: output.dtype) : nil
        var current = scratch?.view ?? output
        func activate() throws(BackendError) {
            if activation == .none { return }
            try session.run(ActivationArguments(output: current, input: current, activation: activation))
        }
        try product(current)
        if let bias {
            try session.run(AddArguments(output: current, left: current, right: bias.broadcast(to: current.shape)))
        }
        if order == .activationThenResidual { try activate() }
        if let residual {
            try session.run(AddArguments(output: output, left: current, right: residual))
            current = output
        }
        if order == .residualThenActivation { try activate() }
    }
}
