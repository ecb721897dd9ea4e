// SPDX-License-Identifier: MIT
public import CBeasts

/// Sum, mean or maximum over the middle axis.
public struct ReduceArguments: OpArguments {
    public static var op: BackendOp { .reduce }
    /// [outer, inner]
    public var output: TensorView
    /// [outer, n, inner]
    public var input: TensorView
    /// What becomes of the elements.
    public var reduction: Reduction

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, reduction: Reduction
    ) {
        self.output = output
        self.input = input
        self.reduction = reduction
    }

    public init(contract: beasts_reduce_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        reduction = try enumeration(contract.reduction, "reduction")
    }

    public var contract: beasts_reduce_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.reduction = reduction.rawValue
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 2...2)
        try Checks.rank(input, "input", 3...3)
        guard output.shape[0] == input.shape[0], output.shape[1] == input.shape[2] else {
            throw .invalid("output \(output.shape) does not fit input \(input.shape)")
        }
        guard reduction == .sum || input.shape[1] > 0 else { throw .invalid("\(reduction) of no elements") }
        try Checks.floatingPoint(output, "output")
        try Checks.floatingPoint(input, "input")
        try Checks.unitLastStride(output, "output")
        try Checks.unitLastStride(input, "input")
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.reduce(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_reduce_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.reduce?(context, arguments, status) }
}

/// Where a row is largest or smallest.
public struct ArgReduceArguments: OpArguments {
    public static var op: BackendOp { .argReduce }
    /// [rows], int32
    public var output: TensorView
    /// [rows, n]
    public var input: TensorView
    /// What is looked for.
    public var extremum: Extremum

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, extremum: Extremum
    ) {
        self.output = output
        self.input = input
        self.extremum = extremum
    }

    public init(contract: beasts_arg_reduce_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        extremum = try enumeration(contract.extremum, "extremum")
    }

    public var contract: beasts_arg_reduce_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.extremum = extremum.rawValue
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 1...1)
        try Checks.rank(input, "input", 2...2)
        try Checks.dtype(output, "output", .int32)
        try Checks.floatingPoint(input, "input")
        guard output.shape[0] == input.shape[0] else {
            throw .invalid("output \(output.shape) does not fit input \(input.shape)")
        }
        guard input.shape[1] > 0 else { throw .invalid("\(extremum) of no elements") }
        try Checks.unitLastStride(output, "output")
        try Checks.unitLastStride(input, "input")
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.argReduce(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_arg_reduce_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.arg_reduce?(context, arguments, status) }
}

/// The nearest row of a codebook.
public struct NearestCodeArguments: OpArguments {
    public static var op: BackendOp { .nearestCode }
    /// [rows], int32
    public var codes: TensorView
    /// [rows]: squared distance less the input's own squared norm
    public var distances: TensorView
    /// [rows, D]
    public var input: TensorView
    /// Prepared linear [K, D].
    public var weight: BufferHandle
    /// [K]
    public var squaredNorms: TensorView

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        codes: TensorView, distances: TensorView, input: TensorView, weight: BufferHandle, squaredNorms: TensorView
    ) {
        self.codes = codes
        self.distances = distances
        self.input = input
        self.weight = weight
        self.squaredNorms = squaredNorms
    }

    public init(contract: beasts_nearest_code_arguments) throws(BackendError) {
        codes = try TensorView(contract: contract.codes, "codes")
        distances = try TensorView(contract: contract.distances, "distances")
        input = try TensorView(contract: contract.input, "input")
        weight = BufferHandle(rawValue: contract.weight)
        squaredNorms = try TensorView(contract: contract.squared_norms, "squaredNorms")
    }

    public var contract: beasts_nearest_code_arguments {
        sized {
            $0.codes = beasts_view(codes)
            $0.distances = beasts_view(distances)
            $0.input = beasts_view(input)
            $0.weight = weight.rawValue
            $0.squared_norms = beasts_view(squaredNorms)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(codes, "codes", 1...1)
        try Checks.rank(distances, "distances", 1...1)
        try Checks.rank(input, "input", 2...2)
        try Checks.rank(squaredNorms, "squared norms", 1...1)
        try Checks.dtype(codes, "codes", .int32)
        try Checks.floatingPoint(distances, "distances")
        try Checks.floatingPoint(input, "input")
        guard codes.shape[0] == input.shape[0], distances.shape[0] == input.shape[0] else {
            throw .invalid("codes \(codes.shape) and distances \(distances.shape) do not fit input \(input.shape)")
        }
        guard squaredNorms.shape[0] > 0 else { throw .invalid("the codebook is empty") }
        try Checks.unitLastStride(codes, "codes")
        try Checks.unitLastStride(distances, "distances")
        try Checks.unitLastStride(input, "input")
        try Checks.unitLastStride(squaredNorms, "squared norms")
        try Checks.writable(codes, "codes")
        try Checks.writable(distances, "distances")
    }

    public var outputs: [TensorView] { [codes, distances] }
    public var inputs: [TensorView] { [input, squaredNorms] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.nearestCode(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_nearest_code_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.nearest_code?(context, arguments, status) }
}

/// The k largest of each row.
public struct TopKArguments: OpArguments {
    public static var op: BackendOp { .topK }
    /// [rows, k]
    public var values: TensorView
    /// [rows, k], int32
    public var indices: TensorView
    /// [rows], int32: how many elements equal the k-th
    public var ties: TensorView
    /// [rows, n]
    public var input: TensorView

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        values: TensorView, indices: TensorView, ties: TensorView, input: TensorView
    ) {
        self.values = values
        self.indices = indices
        self.ties = ties
        self.input = input
    }

    public init(contract: beasts_top_k_arguments) throws(BackendError) {
        values = try TensorView(contract: contract.values, "values")
        indices = try TensorView(contract: contract.indices, "indices")
        ties = try TensorView(contract: contract.ties, "ties")
        input = try TensorView(contract: contract.input, "input")
    }

    public var contract: beasts_top_k_arguments {
        sized {
            $0.values = beasts_view(values)
            $0.indices = beasts_view(indices)
            $0.ties = beasts_view(ties)
            $0.input = beasts_view(input)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(values, "values", 2...2)
        try Checks.rank(input, "input", 2...2)
        try Checks.rank(ties, "ties", 1...1)
        try Checks.equal(indices, "indices", values, "values")
        try Checks.dtype(indices, "indices", .int32)
        try Checks.dtype(ties, "ties", .int32)
        try Checks.floatingPoint(values, "values")
        try Checks.floatingPoint(input, "input")
        guard values.shape[0] == input.shape[0], ties.shape[0] == input.shape[0] else {
            throw .invalid("values \(values.shape) and ties \(ties.shape) do not fit input \(input.shape)")
        }
        guard values.shape[1] >= 1, values.shape[1] <= input.shape[1] else {
            throw .invalid("the \(values.shape[1]) largest of \(input.shape[1]) elements")
        }
        try Checks.unitLastStride(values, "values")
        try Checks.writable(values, "values")
        try Checks.unitLastStride(indices, "indices")
        try Checks.writable(indices, "indices")
        try Checks.unitLastStride(ties, "ties")
        try Checks.writable(ties, "ties")
        try Checks.unitLastStride(input, "input")
    }

    public var outputs: [TensorView] { [values, indices, ties] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.topK(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_top_k_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.top_k?(context, arguments, status) }
}
