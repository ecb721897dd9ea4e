// SPDX-License-Identifier: MIT

/// Looks up a model's parameters by the checkpoint's own key paths and hands them to the backend.
///
/// Every tensor is checked before it is read: a missing one or one of another shape is an error that names the key, both
/// shapes and the file. Nothing is ever left at a random value.
struct Parameters {
    let source: any WeightSource
    let session: Session
    /// What stands in front of every name, with its dot; empty at the top.
    private var path = ""

    init(_ source: any WeightSource, session: Session) {
        self.source = source
        self.session = session
    }

    /// The parameters below `name`, such as `blocks.3.attn`.
    subscript(_ name: String) -> Parameters {
        var inner = self
        inner.path += name + "."
        return inner
    }

    private func check(_ name: String, _ shape: [Int]) throws -> String {
        let key = path + name
        guard let found = source.shape(of: key) else {
            let found = source.otherKind(of: key).map { "is needed, and the file has \($0) there" } ?? "is missing"
            throw ModelError(.missingTensor, "\(source.origin): tensor '\(key)' \(Shape(shape)) \(found)")
        }
        guard found == shape else {
            throw ModelError(
                .wrongShape, "\(source.origin): tensor '\(key)' has shape \(found), this model needs \(shape)")
        }
        return key
    }

    /// A tensor of any use, prepared for that use.
    /// - Parameter target: what it is kept as.
    func weight(_ name: String, _ shape: [Int], as kind: WeightKind, _ target: DType = .float32) throws -> Weight {
        try source.withTensor(try check(name, shape)) { try session.prepareWeight(kind, [$0], target: target) }
    }

    /// A matrix that the checkpoint stores with other axes, such as a convolution kernel read as a linear layer.
    func weight(
        _ name: String, _ shape: [Int], permuted order: [Int], as kind: WeightKind, _ target: DType = .float32
    ) throws -> Weight {
        try source.withTensor(try check(name, shape)) { tensor in
            try session.prepareWeight(kind, [tensor.permuted(order)], target: target)
        }
    }

    /// `name.weight` [outputs, inputs] and `name.bias` [outputs].
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) throws -> Linear {
        let inner = self[name]
        return Linear(
            weight: try inner.weight("weight", [outputs, inputs], as: .linear, session.precision.matrices),
            bias: try inner.weight("bias", [outputs], as: .vector).tensor)
    }

    /// Layers of the same input as one: `name.weight` [outputs, inputs] and `name.bias` [outputs] of each, one below the other.
    func joinedLinear(_ names: [String], _ inputs: Int, _ outputs: Int) throws -> Linear {
        Linear(
            weight: try joined(names, "weight", [outputs, inputs], as: .linear, session.precision.matrices),
            bias: try joined(names, "bias", [outputs], as: .vector, .float32).tensor)
    }

    /// `NAME.part` of each name as one weight; all are lent at the same time.
    func joined(
        _ names: [String], _ part: String, _ shape: [Int], as kind: WeightKind, _ target: DType
    ) throws -> Weight {
        func lend(_ names: ArraySlice<String>, _ lent: [HostTensor]) throws -> Weight {
            guard let name = names.first else { return try session.prepareWeight(kind, lent, target: target) }
            let inner = self[name]
            return try source.withTensor(try inner.check(part, shape)) { try lend(names.dropFirst(), lent + [$0]) }
        }
        return try lend(names[...], [])
    }

    /// `name.weight` and `name.bias`, [width] each.
    func layerNorm(_ name: String, _ width: Int, epsilon: Float) throws -> LayerNorm {
        let inner = self[name]
        return LayerNorm(
            weight: try inner.weight("weight", [width], as: .vector).tensor,
            bias: try inner.weight("bias", [width], as: .vector).tensor, epsilon: epsilon)
    }

    /// The elements on the host, for what is computed there once, such as position tables.
    func elements(_ name: String, _ shape: [Int]) throws -> [Float] {
        try source.withTensor(try check(name, shape)) { $0.elements() }
    }
}
