// SPDX-License-Identifier: MIT
public import CBeasts

/// Every element of the output becomes one value.
public struct FillArguments: OpArguments {
    public static var op: BackendOp { .fill }
    /// What is written.
    public var output: TensorView
    /// What every element becomes, rounded to nearest even and saturated for integers.
    public var value: Double

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, value: Double) {
        self.output = output
        self.value = value
    }

    public init(contract: beasts_fill_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        value = contract.value
    }

    public var contract: beasts_fill_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.value = value
        }
    }

    public func validate() throws(BackendError) { try Checks.writable(output, "output") }
    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.fill(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_fill_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.fill?(context, arguments, status) }
}

/// Copies, casts, permutes, concatenates, slices, broadcasts.
public struct CopyArguments: OpArguments {
    public static var op: BackendOp { .copy }
    /// What is written.
    public var output: TensorView
    /// What is read.
    public var input: TensorView

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, input: TensorView) {
        self.output = output
        self.input = input
    }

    public init(contract: beasts_copy_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
    }

    public var contract: beasts_copy_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.equal(output, "output", input, "input")
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.copy(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_copy_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.copy?(context, arguments, status) }
}

/// Rows of a table by number.
public struct GatherRowsArguments: OpArguments {
    public static var op: BackendOp { .gatherRows }
    /// [n, D]
    public var output: TensorView
    /// [R, D]
    public var table: TensorView
    /// [n], int32
    public var indices: TensorView

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, table: TensorView, indices: TensorView) {
        self.output = output
        self.table = table
        self.indices = indices
    }

    public init(contract: beasts_gather_rows_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        table = try TensorView(contract: contract.table, "table")
        indices = try TensorView(contract: contract.indices, "indices")
    }

    public var contract: beasts_gather_rows_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.table = beasts_view(table)
            $0.indices = beasts_view(indices)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 2...2)
        try Checks.rank(table, "table", 2...2)
        try Checks.rank(indices, "indices", 1...1)
        try Checks.dtype(indices, "indices", .int32)
        try Checks.dtype(table, "table", output.dtype)
        guard output.shape[0] == indices.shape[0], output.shape[1] == table.shape[1] else {
            throw .invalid("output \(output.shape) does not fit indices \(indices.shape) and table \(table.shape)")
        }
        try Checks.unitLastStride(output, "output")
        try Checks.unitLastStride(table, "table")
        try Checks.unitLastStride(indices, "indices")
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [table, indices] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.gatherRows(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_gather_rows_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.gather_rows?(context, arguments, status) }
}

/// Two views joined element by element.
public protocol BinaryArguments: OpArguments where Contract == beasts_add_arguments {
    var output: TensorView { get }
    var left: TensorView { get }
    var right: TensorView { get }
    init(output: TensorView, left: TensorView, right: TensorView)
}

extension BinaryArguments {
    public init(contract: beasts_add_arguments) throws(BackendError) {
        self.init(
            output: try TensorView(contract: contract.output, "output"),
            left: try TensorView(contract: contract.left, "left"),
            right: try TensorView(contract: contract.right, "right"))
    }

    public var contract: beasts_add_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.left = beasts_view(left)
            $0.right = beasts_view(right)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.equal(left, "left", output, "output")
        try Checks.equal(right, "right", output, "output")
        try Checks.floatingPointRows(output, "output")
        try Checks.broadcastRows(left, "left")
        try Checks.broadcastRows(right, "right")
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [left, right] }
}

public struct AddArguments: BinaryArguments {
    public static var op: BackendOp { .add }
    /// What is written.
    public var output: TensorView
    /// What is read; the output's shape, broadcast by stride 0.
    public var left: TensorView
    /// What is read; the output's shape, broadcast by stride 0.
    public var right: TensorView

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, left: TensorView, right: TensorView) {
        self.output = output
        self.left = left
        self.right = right
    }

    public func run(on backend: any Backend) throws(BackendError) { try backend.add(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_add_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.add?(context, arguments, status) }
}

public struct MultiplyArguments: BinaryArguments {
    public static var op: BackendOp { .multiply }
    /// What is written.
    public var output: TensorView
    /// What is read; the output's shape, broadcast by stride 0.
    public var left: TensorView
    /// What is read; the output's shape, broadcast by stride 0.
    public var right: TensorView

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, left: TensorView, right: TensorView) {
        self.output = output
        self.left = left
        self.right = right
    }

    public func run(on backend: any Backend) throws(BackendError) { try backend.multiply(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_add_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.multiply?(context, arguments, status) }
}

/// alpha * x + beta
public struct ScaleArguments: OpArguments {
    public static var op: BackendOp { .scale }
    /// What is written.
    public var output: TensorView
    /// What is read.
    public var input: TensorView
    /// Multiplies the product or element.
    public var alpha: Float
    /// Added afterwards.
    public var beta: Float

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, input: TensorView, alpha: Float, beta: Float = 0) {
        self.output = output
        self.input = input
        self.alpha = alpha
        self.beta = beta
    }

    public init(contract: beasts_scale_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        alpha = contract.alpha
        beta = contract.beta
    }

    public var contract: beasts_scale_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.alpha = alpha
            $0.beta = beta
        }
    }

    public func validate() throws(BackendError) { try Checks.pointwise(output: output, input: input) }
    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.scale(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_scale_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.scale?(context, arguments, status) }
}

/// ReLU, GELU or SiLU of every element.
public struct ActivationArguments: OpArguments {
    public static var op: BackendOp { .activation }
    /// What is written.
    public var output: TensorView
    /// What is read.
    public var input: TensorView
    /// Done to each element last.
    public var activation: Activation

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(output: TensorView, input: TensorView, activation: Activation) {
        self.output = output
        self.input = input
        self.activation = activation
    }

    public init(contract: beasts_activation_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        activation = try enumeration(contract.activation, "activation")
    }

    public var contract: beasts_activation_arguments {
        sized {
            $0.activation = activation.rawValue
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
        }
    }

    public func validate() throws(BackendError) { try Checks.pointwise(output: output, input: input) }
    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.activation(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_activation_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.activation?(context, arguments, status) }
}
