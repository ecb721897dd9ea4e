// SPDX-License-Identifier: MIT
public import CBeasts

/// Softmax of scale * input over the last axis, with the masks of attention.
public struct SoftmaxArguments: OpArguments {
    public static var op: BackendOp { .softmax }
    /// [.., M, N]
    public var output: TensorView
    /// What is read.
    public var input: TensorView
    /// Multiplies the scores before the softmax.
    public var scale: Float
    /// Query row m sees the keys up to m + queryOffset only.
    public var isCausal: Bool
    /// The place of the first query among the keys, 0 or more.
    public var queryOffset: Int
    /// Keys from this one on are not seen.
    public var keyLength: Int

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, scale: Float = 1, isCausal: Bool = false, queryOffset: Int = 0,
        keyLength: Int
    ) {
        self.output = output
        self.input = input
        self.scale = scale
        self.isCausal = isCausal
        self.queryOffset = queryOffset
        self.keyLength = keyLength
    }

    public init(contract: beasts_softmax_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        scale = contract.scale
        isCausal = try flag(contract.causal, "causal")
        queryOffset = Int(contract.query_offset)
        keyLength = Int(contract.key_length)
    }

    public var contract: beasts_softmax_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.scale = scale
            $0.causal = isCausal ? 1 : 0
            $0.query_offset = Int64(queryOffset)
            $0.key_length = Int64(keyLength)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 2...4)
        try Checks.pointwise(output: output, input: input)
        try Checks.mask(queryOffset: queryOffset, keyLength: keyLength, keys: input.shape[input.rank - 1])
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.softmax(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_softmax_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.softmax?(context, arguments, status) }
}

/// Normalisation over the last axis, then weight, bias and activation.
public struct LayerNormArguments: OpArguments {
    public static var op: BackendOp { .layerNorm }
    /// [.., D]
    public var output: TensorView
    /// What is read.
    public var input: TensorView
    /// [D]
    public var weight: TensorView
    /// [D]
    public var bias: TensorView
    /// Added to the variance, 0 or more.
    public var epsilon: Float
    /// none or silu
    public var activation: Activation

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: TensorView, bias: TensorView, epsilon: Float,
        activation: Activation = .none
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
        self.activation = activation
    }

    public init(contract: beasts_layer_norm_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = try TensorView(contract: contract.weight, "weight")
        bias = try TensorView(contract: contract.bias, "bias")
        epsilon = contract.epsilon
        activation = try enumeration(contract.activation, "activation")
    }

    public var contract: beasts_layer_norm_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = beasts_view(weight)
            $0.bias = beasts_view(bias)
            $0.epsilon = epsilon
            $0.activation = activation.rawValue
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 1...Shape.maximumRank)
        try Checks.norm(
            output: output, input: input, weight: weight, bias: bias, epsilon: epsilon, activation: activation)
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input, weight, bias] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.layerNorm(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_layer_norm_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.layer_norm?(context, arguments, status) }
}

/// Normalisation over all positions and the channels of a group.
public struct GroupNormArguments: OpArguments {
    public static var op: BackendOp { .groupNorm }
    /// [B, .., C]
    public var output: TensorView
    /// What is read.
    public var input: TensorView
    /// [C]
    public var weight: TensorView
    /// [C]
    public var bias: TensorView
    /// Added to the variance, 0 or more.
    public var epsilon: Float
    /// Of channels; divides their number.
    public var groups: Int
    /// none or silu
    public var activation: Activation

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: TensorView, bias: TensorView, epsilon: Float, groups: Int,
        activation: Activation = .none
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
        self.groups = groups
        self.activation = activation
    }

    public init(contract: beasts_group_norm_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = try TensorView(contract: contract.weight, "weight")
        bias = try TensorView(contract: contract.bias, "bias")
        epsilon = contract.epsilon
        groups = Int(contract.groups)
        activation = try enumeration(contract.activation, "activation")
    }

    public var contract: beasts_group_norm_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = beasts_view(weight)
            $0.bias = beasts_view(bias)
            $0.epsilon = epsilon
            $0.groups = Int32(clamping: groups)
            $0.activation = activation.rawValue
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 2...5)
        try Checks.norm(
            output: output, input: input, weight: weight, bias: bias, epsilon: epsilon, activation: activation)
        guard groups > 0, input.shape[input.rank - 1] % groups == 0 else {
            throw .invalid("\(input.shape[input.rank - 1]) channels cannot be split into \(groups) groups")
        }
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input, weight, bias] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.groupNorm(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_group_norm_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.group_norm?(context, arguments, status) }
}

/// residual += input, then output = layer norm of the residual.
public struct ResidualLayerNormArguments: OpArguments {
    public static var op: BackendOp { .residualLayerNorm }
    /// [.., D]
    public var output: TensorView
    /// [.., D]; read and written
    public var residual: TensorView
    /// What is read.
    public var input: TensorView
    /// [D]
    public var weight: TensorView
    /// [D]
    public var bias: TensorView
    /// Added to the variance, 0 or more.
    public var epsilon: Float

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, residual: TensorView, input: TensorView, weight: TensorView, bias: TensorView,
        epsilon: Float
    ) {
        self.output = output
        self.residual = residual
        self.input = input
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
    }

    public init(contract: beasts_residual_layer_norm_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        residual = try TensorView(contract: contract.residual, "residual")
        input = try TensorView(contract: contract.input, "input")
        weight = try TensorView(contract: contract.weight, "weight")
        bias = try TensorView(contract: contract.bias, "bias")
        epsilon = contract.epsilon
    }

    public var contract: beasts_residual_layer_norm_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.residual = beasts_view(residual)
            $0.input = beasts_view(input)
            $0.weight = beasts_view(weight)
            $0.bias = beasts_view(bias)
            $0.epsilon = epsilon
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 1...Shape.maximumRank)
        try Checks.pointwise(output: residual, input: input)
        try Checks.norm(
            output: output, input: residual, weight: weight, bias: bias, epsilon: epsilon, activation: .none)
    }

    public var outputs: [TensorView] { [output, residual] }
    public var inputs: [TensorView] { [input, weight, bias] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.residualLayerNorm(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_residual_layer_norm_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.residual_layer_norm?(context, arguments, status) }
}
