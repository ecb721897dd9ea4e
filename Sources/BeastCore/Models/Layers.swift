// SPDX-License-Identifier: MIT

// The layers that several architectures share. A layer is called like a function and reads like the formula.

/// y = x Wᵀ + b. What enters has the session's type of activations, and so has what comes out unless it says otherwise.
struct Linear {
    /// Prepared [outputs, inputs].
    let weight: Weight
    /// [outputs]
    let bias: Tensor?

    /// - Parameter x: [.., inputs].
    /// - Returns: activation(x Wᵀ + b), [.., outputs].
    func callAsFunction(
        _ x: Tensor, then activation: Activation = .none, as dtype: DType? = nil
    ) throws(BackendError) -> Tensor {
        var shape = x.shape
        shape[shape.rank - 1] = weight.shape[0]
        let output = try x.session.makeTensor(shape, dtype: dtype ?? x.dtype)
        try run(x, output, Epilogue(bias: bias?.view, activation: activation))
        return output
    }

    /// output = activation(x Wᵀ + b), into a tensor that is there already.
    func callAsFunction(_ x: Tensor, into output: Tensor, then activation: Activation = .none) throws(BackendError) {
        try run(x, output, Epilogue(bias: bias?.view, activation: activation))
    }

    /// residual += x Wᵀ + b, in place; the residual stream is float32.
    func add(_ x: Tensor, to residual: Tensor) throws(BackendError) {
        try run(x, residual, Epilogue(bias: bias?.view, residual: residual.view))
    }

    private func run(_ x: Tensor, _ output: Tensor, _ epilogue: Epilogue) throws(BackendError) {
        try x.session.run(
            LinearArguments(output: output.view, input: x.view, weight: weight.handle, epilogue: epilogue))
    }
}

/// (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axis.
struct LayerNorm {
    let weight: Tensor
    let bias: Tensor
    let epsilon: Float

    /// - Parameter dtype: the session's type of activations where a product follows.
    func callAsFunction(_ x: Tensor, as dtype: DType = .float32) throws(BackendError) -> Tensor {
        let output = try x.session.makeTensor(x.shape, dtype: dtype)
        try self(x, into: output)
        return output
    }

    /// The same into a tensor that is there already.
    func callAsFunction(_ x: Tensor, into output: Tensor) throws(BackendError) {
        try x.session.run(
            LayerNormArguments(
                output: output.view, input: x.view, weight: weight.view, bias: bias.view, epsilon: epsilon))
    }
}
