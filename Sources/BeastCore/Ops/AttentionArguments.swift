// SPDX-License-Identifier: MIT
public import CBeasts

/// softmax(scale * query × keyᵀ) × value.
public struct AttentionArguments: OpArguments {
    public static var op: BackendOp { .attention }
    /// [B, heads, M, d]
    public var output: TensorView
    /// [B, heads, M, d]
    public var query: TensorView
    /// [B, heads, N, d]
    public var key: TensorView
    /// [B, heads, N, d]
    public var value: TensorView
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
        output: TensorView, query: TensorView, key: TensorView, value: TensorView, scale: Float, isCausal: Bool = false,
        queryOffset: Int = 0, keyLength: Int
    ) {
        self.output = output
        self.query = query
        self.key = key
        self.value = value
        self.scale = scale
        self.isCausal = isCausal
        self.queryOffset = queryOffset
        self.keyLength = keyLength
    }

    public init(contract: beasts_attention_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        query = try TensorView(contract: contract.query, "query")
        key = try TensorView(contract: contract.key, "key")
        value = try TensorView(contract: contract.value, "value")
        scale = contract.scale
        isCausal = try flag(contract.causal, "causal")
        queryOffset = Int(contract.query_offset)
        keyLength = Int(contract.key_length)
    }

    public var contract: beasts_attention_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.query = beasts_view(query)
            $0.key = beasts_view(key)
            $0.value = beasts_view(value)
            $0.scale = scale
            $0.causal = isCausal ? 1 : 0
            $0.query_offset = Int64(queryOffset)
            $0.key_length = Int64(keyLength)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.attention(query: query, key: key)
        try Checks.equal(value, "value", key, "key")
        try Checks.equal(output, "output", query, "query")
        try Checks.floatingPoint(value, "value")
        try Checks.floatingPoint(output, "output")
        try Checks.unitMatrixStride(value, "value")
        try Checks.unitMatrixStride(output, "output")
        try Checks.mask(queryOffset: queryOffset, keyLength: keyLength, keys: key.shape[2])
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [query, key, value] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.attention(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_attention_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.attention?(context, arguments, status) }
}

/// softmax(scale * query × keyᵀ): the attention maps.
public struct AttentionProbabilitiesArguments: OpArguments {
    public static var op: BackendOp { .attentionProbabilities }
    /// [B, heads, M, N]
    public var output: TensorView
    /// [B, heads, M, d]
    public var query: TensorView
    /// [B, heads, N, d]
    public var key: TensorView
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
        output: TensorView, query: TensorView, key: TensorView, scale: Float, isCausal: Bool = false,
        queryOffset: Int = 0, keyLength: Int
    ) {
        self.output = output
        self.query = query
        self.key = key
        self.scale = scale
        self.isCausal = isCausal
        self.queryOffset = queryOffset
        self.keyLength = keyLength
    }

    public init(contract: beasts_attention_probabilities_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        query = try TensorView(contract: contract.query, "query")
        key = try TensorView(contract: contract.key, "key")
        scale = contract.scale
        isCausal = try flag(contract.causal, "causal")
        queryOffset = Int(contract.query_offset)
        keyLength = Int(contract.key_length)
    }

    public var contract: beasts_attention_probabilities_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.query = beasts_view(query)
            $0.key = beasts_view(key)
            $0.scale = scale
            $0.causal = isCausal ? 1 : 0
            $0.query_offset = Int64(queryOffset)
            $0.key_length = Int64(keyLength)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.attention(query: query, key: key)
        guard output.shape == [query.shape[0], query.shape[1], query.shape[2], key.shape[2]] else {
            throw .invalid("output \(output.shape) does not fit query \(query.shape) and key \(key.shape)")
        }
        try Checks.floatingPoint(output, "output")
        try Checks.unitLastStride(output, "output")
        try Checks.mask(queryOffset: queryOffset, keyLength: keyLength, keys: key.shape[2])
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [query, key] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.attentionProbabilities(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_attention_probabilities_arguments>,
        _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.attention_probabilities?(context, arguments, status) }
}
