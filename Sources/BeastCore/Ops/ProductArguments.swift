// SPDX-License-Identifier: MIT
public import CBeasts

/// alpha * left × right, over up to two batch axes.
public struct MatmulArguments: OpArguments {
    public static var op: BackendOp { .matmul }
    /// [.., M, N]
    public var output: TensorView
    /// [.., M, K]
    public var left: TensorView
    /// [.., K, N]
    public var right: TensorView
    /// Multiplies the product or element.
    public var alpha: Float

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, left: TensorView, right: TensorView, alpha: Float = 1) {
        self.output = output
        self.left = left
        self.right = right
        self.alpha = alpha
    }

    public init(contract: beasts_matmul_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        left = try TensorView(contract: contract.left, "left")
        right = try TensorView(contract: contract.right, "right")
        alpha = contract.alpha
    }

    public var contract: beasts_matmul_arguments {
        sized {
            $0.alpha = alpha
            $0.output = beasts_view(output)
            $0.left = beasts_view(left)
            $0.right = beasts_view(right)
        }
    }

    public func validate() throws(BackendError) {
        let rank = output.rank
        try Checks.rank(output, "output", 2...4)
        try Checks.rank(left, "left", rank...rank)
        try Checks.rank(right, "right", rank...rank)
        guard left.shape[rank - 1] == right.shape[rank - 2] else {
            throw .invalid("inner dimensions differ, left \(left.shape), right \(right.shape)")
        }
        guard output.shape.dropLast() == left.shape.dropLast(), output.shape.dropLast(2) == right.shape.dropLast(2),
            output.shape[rank - 1] == right.shape[rank - 1]
        else { throw .invalid("output \(output.shape) does not fit left \(left.shape) and right \(right.shape)") }
        try Checks.floatingPointMatrix(output, "output")
        try Checks.floatingPointMatrix(left, "left")
        try Checks.floatingPointMatrix(right, "right")
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [left, right] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.matmul(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_matmul_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.matmul?(context, arguments, status) }
}

/// epilogue(alpha * input × weightᵀ)
public struct LinearArguments: OpArguments {
    public static var op: BackendOp { .linear }
    /// [.., N]
    public var output: TensorView
    /// [.., K]
    public var input: TensorView
    /// Prepared [N, K].
    public var weight: BufferHandle
    /// Multiplies the product or element.
    public var alpha: Float
    /// What is done to the product before it is stored.
    public var epilogue: Epilogue

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: BufferHandle, alpha: Float = 1, epilogue: Epilogue = Epilogue()
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.alpha = alpha
        self.epilogue = epilogue
    }

    public init(contract: beasts_linear_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = BufferHandle(rawValue: contract.weight)
        alpha = contract.alpha
        epilogue = try Epilogue(contract: contract.epilogue)
    }

    public var contract: beasts_linear_arguments {
        sized {
            $0.alpha = alpha
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = weight.rawValue
            $0.epilogue = beasts_epilogue(epilogue)
        }
    }

    public func validate() throws(BackendError) {
        let rank = output.rank
        try Checks.rank(output, "output", 1...Shape.maximumRank)
        try Checks.rank(input, "input", rank...rank)
        guard output.shape.dropLast() == input.shape.dropLast() else {
            throw .invalid(
                "output \(output.shape) does not fit input \(input.shape): all axes but the last must be equal")
        }
        try Checks.floatingPointRows(output, "output")
        try Checks.floatingPointRows(input, "input")
        try Checks.epilogue(epilogue, output: output)
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] + epilogue.inputs }
    public func run(on backend: any Backend) throws(BackendError) { try backend.linear(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_linear_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.linear?(context, arguments, status) }
}
