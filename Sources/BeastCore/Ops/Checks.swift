// SPDX-License-Identifier: MIT

/// The shape checks that several ops share. Each throws `invalidArgument` and names both sides of a mismatch.
enum Checks {
    static func equal(_ left: TensorView, _ leftName: StaticString, _ right: TensorView, _ rightName: StaticString)
        throws(BackendError)
    {
        guard left.shape == right.shape else {
            throw .invalid("\(leftName) has shape \(left.shape), \(rightName) has \(right.shape)")
        }
    }

    static func rank(_ view: TensorView, _ name: StaticString, _ ranks: ClosedRange<Int>) throws(BackendError) {
        guard ranks.contains(view.rank) else {
            let expected = ranks.count == 1 ? "\(ranks.lowerBound)" : "\(ranks.lowerBound) to \(ranks.upperBound)"
            throw .invalid("\(name) \(view.shape): rank \(view.rank), expected \(expected)")
        }
    }

    /// The last axis must be walked with stride 1.
    static func unitLastStride(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        guard view.rank > 0, view.shape[view.rank - 1] > 1, view.strides[view.rank - 1] != 1 else { return }
        throw .invalid("\(name) \(view.shape): stride \(view.strides[view.rank - 1]) on the last axis, expected 1")
    }

    /// An operand of a matrix product: stride 1 on either of its last two axes.
    static func unitMatrixStride(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        let isUnit = (view.rank - 2..<view.rank).contains { view.strides[$0] == 1 || view.shape[$0] <= 1 }
        guard isUnit else {
            throw .invalid("\(name) \(view.shape): strides \(view.strides), expected 1 on one of the last two axes")
        }
    }

    /// A vector of parameters, one for each channel.
    static func vector(_ view: TensorView?, _ name: StaticString, count: Int) throws(BackendError) {
        guard let view else { return }
        guard view.rank == 1, view.shape[0] == count else {
            throw .invalid("\(name) has shape \(view.shape), expected [\(count)]")
        }
        try unitLastStride(view, name)
    }

    static func dtype(_ view: TensorView, _ name: StaticString, _ dtype: DType) throws(BackendError) {
        guard view.dtype == dtype else {
            throw .invalid("\(name) has elements of type \(view.dtype), expected \(dtype)")
        }
    }

    static func floatingPoint(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        guard view.dtype.isFloatingPoint else {
            throw .invalid("\(name) has elements of type \(view.dtype), expected floating point")
        }
    }

    /// Floating-point elements, the last axis walked with stride 1.
    static func floatingPointRows(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        try floatingPoint(view, name)
        try unitLastStride(view, name)
    }

    /// Floating-point elements, the last axis walked with stride 1, or with 0 to repeat one element along it.
    static func broadcastRows(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        try floatingPoint(view, name)
        if view.rank == 0 || view.strides[view.rank - 1] != 0 { try unitLastStride(view, name) }
    }

    /// Floating-point elements, either of the last two axes walked with stride 1.
    static func floatingPointMatrix(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        try floatingPoint(view, name)
        try unitMatrixStride(view, name)
    }

    /// An output must not overlap itself: walking its axes from the smallest stride on, each must clear those before.
    static func writable(_ view: TensorView, _ name: StaticString) throws(BackendError) {
        guard view.elementCount > 0 else { return }
        var reach = 0
        var rest = Shape(0..<view.rank)
        while let position = rest.indices.min(by: { view.strides[rest[$0]] < view.strides[rest[$1]] }) {
            let axis = rest[position]
            rest.remove(at: position)
            if view.shape[axis] == 1 { continue }
            guard view.strides[axis] > reach else {
                throw .invalid("\(name) \(view.shape), strides \(view.strides): an output must not overlap itself")
            }
            reach += (view.shape[axis] - 1) * view.strides[axis]
        }
    }

    static func epilogue(_ epilogue: Epilogue, output: TensorView) throws(BackendError) {
        guard let channels = output.shape.last else { throw .invalid("output is a scalar, expected at least one axis") }
        try vector(epilogue.bias, "bias", count: channels)
        guard let residual = epilogue.residual else { return }
        try equal(residual, "residual", output, "output")
        try unitLastStride(residual, "residual")
    }

    /// The extent of an output axis of a convolution or pooling; nil where no window fits.
    static func windowCount(extent: Int, kernel: Int, stride: Int, before: Int, after: Int) -> Int? {
        guard kernel > 0, stride > 0, before >= 0, after >= 0 else { return nil }
        let (padded, overflow) = extent.addingReportingOverflow(before + after)
        guard !overflow, padded >= kernel else { return nil }
        return (padded - kernel) / stride + 1
    }
}

extension Checks {
    /// One floating-point view becomes another of the same shape.
    static func pointwise(output: TensorView, input: TensorView) throws(BackendError) {
        try equal(input, "input", output, "output")
        try floatingPoint(output, "output")
        try floatingPoint(input, "input")
        try unitLastStride(output, "output")
        try unitLastStride(input, "input")
        try writable(output, "output")
    }

    /// A norm: pointwise, with a weight and a bias for each channel.
    static func norm(
        output: TensorView, input: TensorView, weight: TensorView, bias: TensorView, epsilon: Float,
        activation: Activation
    ) throws(BackendError) {
        try pointwise(output: output, input: input)
        guard let channels = input.shape.last else { throw .invalid("input is a scalar, expected at least one axis") }
        try vector(weight, "weight", count: channels)
        try vector(bias, "bias", count: channels)
        guard epsilon >= 0 else { throw .invalid("epsilon is \(epsilon), expected 0 or more") }
        guard activation == .none || activation == .silu else {
            throw .invalid("activation \(activation) after a norm, expected none or silu")
        }
    }

    /// The masking parameters of softmax and attention.
    static func mask(queryOffset: Int, keyLength: Int, keys: Int) throws(BackendError) {
        guard queryOffset >= 0, queryOffset <= Int(Int32.max) else {
            throw .invalid("query offset \(queryOffset), expected 0 or more")
        }
        guard keyLength >= 0, keyLength <= keys else {
            throw .invalid("key length \(keyLength), expected 0 to \(keys)")
        }
    }

    /// Query [B, heads, M, d] against key [B, heads, N, d].
    static func attention(query: TensorView, key: TensorView) throws(BackendError) {
        try rank(query, "query", 4...4)
        try rank(key, "key", 4...4)
        guard query.shape[0] == key.shape[0], query.shape[1] == key.shape[1], query.shape[3] == key.shape[3] else {
            throw .invalid(
                "query \(query.shape) does not fit key \(key.shape): batch, heads and head dimension must be equal")
        }
        guard query.shape[3] <= 512 else { throw .invalid("head dimension \(query.shape[3]), at most 512 is allowed") }
        try floatingPoint(query, "query")
        try floatingPoint(key, "key")
        try unitMatrixStride(query, "query")
        try unitMatrixStride(key, "key")
    }
}
