// SPDX-License-Identifier: MIT
public import CBeasts

/// Two-dimensional convolution, zero padding.
public struct Conv2dArguments: OpArguments {
    public static var op: BackendOp { .conv2d }
    /// [B, H', W', Co]
    public var output: TensorView
    /// [B, H, W, Ci]
    public var input: TensorView
    /// Prepared [Co, Ci / groups, kernel height, kernel width].
    public var weight: BufferHandle
    /// Rows from window to window, 1 or more.
    public var strideY: Int
    /// Columns from window to window, 1 or more.
    public var strideX: Int
    /// Rows in front of the first.
    public var paddingTop: Int
    /// Rows behind the last.
    public var paddingBottom: Int
    /// Columns in front of the first.
    public var paddingLeft: Int
    /// Columns behind the last.
    public var paddingRight: Int
    /// Of channels; divides their number.
    public var groups: Int
    /// What is done to the product before it is stored.
    public var epilogue: Epilogue

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: BufferHandle, strideY: Int = 1, strideX: Int = 1,
        paddingTop: Int = 0, paddingBottom: Int = 0, paddingLeft: Int = 0, paddingRight: Int = 0, groups: Int = 1,
        epilogue: Epilogue = Epilogue()
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.strideY = strideY
        self.strideX = strideX
        self.paddingTop = paddingTop
        self.paddingBottom = paddingBottom
        self.paddingLeft = paddingLeft
        self.paddingRight = paddingRight
        self.groups = groups
        self.epilogue = epilogue
    }

    public init(contract: beasts_conv2d_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = BufferHandle(rawValue: contract.weight)
        strideY = Int(contract.stride_y)
        strideX = Int(contract.stride_x)
        paddingTop = Int(contract.padding_top)
        paddingBottom = Int(contract.padding_bottom)
        paddingLeft = Int(contract.padding_left)
        paddingRight = Int(contract.padding_right)
        groups = Int(contract.groups)
        epilogue = try Epilogue(contract: contract.epilogue)
    }

    public var contract: beasts_conv2d_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = weight.rawValue
            $0.stride_y = Int32(clamping: strideY)
            $0.stride_x = Int32(clamping: strideX)
            $0.padding_top = Int32(clamping: paddingTop)
            $0.padding_bottom = Int32(clamping: paddingBottom)
            $0.padding_left = Int32(clamping: paddingLeft)
            $0.padding_right = Int32(clamping: paddingRight)
            $0.groups = Int32(clamping: groups)
            $0.epilogue = beasts_epilogue(epilogue)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 4...4)
        try Checks.rank(input, "input", 4...4)
        guard output.shape[0] == input.shape[0] else {
            throw .invalid("output \(output.shape) does not fit input \(input.shape): batch extents differ")
        }
        guard strideY > 0, strideX > 0 else { throw .invalid("strides \(strideY), \(strideX): expected 1 or more") }
        guard min(paddingTop, paddingBottom, paddingLeft, paddingRight) >= 0 else { throw .invalid("negative padding") }
        guard groups > 0, input.shape[3] % groups == 0, output.shape[3] % groups == 0 else {
            throw .invalid("\(input.shape[3]) and \(output.shape[3]) channels cannot be split into \(groups) groups")
        }
        try Checks.floatingPointRows(output, "output")
        try Checks.floatingPointRows(input, "input")
        try Checks.epilogue(epilogue, output: output)
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] + epilogue.inputs }
    public func run(on backend: any Backend) throws(BackendError) { try backend.conv2d(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_conv2d_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.conv2d?(context, arguments, status) }
}

/// The largest of each window, padded with minus infinity.
public struct MaxPool2dArguments: OpArguments {
    public static var op: BackendOp { .maxPool2d }
    /// [B, H', W', C]
    public var output: TensorView
    /// [B, H, W, C]
    public var input: TensorView
    /// Rows of a window.
    public var kernelY: Int
    /// Columns of a window.
    public var kernelX: Int
    /// Rows from window to window, 1 or more.
    public var strideY: Int
    /// Columns from window to window, 1 or more.
    public var strideX: Int
    /// Rows in front of the first.
    public var paddingTop: Int
    /// Rows behind the last.
    public var paddingBottom: Int
    /// Columns in front of the first.
    public var paddingLeft: Int
    /// Columns behind the last.
    public var paddingRight: Int

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, kernelY: Int, kernelX: Int, strideY: Int = 1, strideX: Int = 1,
        paddingTop: Int = 0, paddingBottom: Int = 0, paddingLeft: Int = 0, paddingRight: Int = 0
    ) {
        self.output = output
        self.input = input
        self.kernelY = kernelY
        self.kernelX = kernelX
        self.strideY = strideY
        self.strideX = strideX
        self.paddingTop = paddingTop
        self.paddingBottom = paddingBottom
        self.paddingLeft = paddingLeft
        self.paddingRight = paddingRight
    }

    public init(contract: beasts_max_pool2d_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        kernelY = Int(contract.kernel_y)
        kernelX = Int(contract.kernel_x)
        strideY = Int(contract.stride_y)
        strideX = Int(contract.stride_x)
        paddingTop = Int(contract.padding_top)
        paddingBottom = Int(contract.padding_bottom)
        paddingLeft = Int(contract.padding_left)
        paddingRight = Int(contract.padding_right)
    }

    public var contract: beasts_max_pool2d_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.kernel_y = Int32(clamping: kernelY)
            $0.kernel_x = Int32(clamping: kernelX)
            $0.stride_y = Int32(clamping: strideY)
            $0.stride_x = Int32(clamping: strideX)
            $0.padding_top = Int32(clamping: paddingTop)
            $0.padding_bottom = Int32(clamping: paddingBottom)
            $0.padding_left = Int32(clamping: paddingLeft)
            $0.padding_right = Int32(clamping: paddingRight)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 4...4)
        try Checks.rank(input, "input", 4...4)
        try Checks.floatingPoint(output, "output")
        try Checks.floatingPoint(input, "input")
        try Checks.unitLastStride(output, "output")
        try Checks.unitLastStride(input, "input")
        guard max(paddingTop, paddingBottom) < kernelY, max(paddingLeft, paddingRight) < kernelX else {
            throw .invalid("padding must be smaller than the kernel \(kernelY) x \(kernelX)")
        }
        let height = Checks.windowCount(
            extent: input.shape[1], kernel: kernelY, stride: strideY, before: paddingTop, after: paddingBottom)
        let width = Checks.windowCount(
            extent: input.shape[2], kernel: kernelX, stride: strideX, before: paddingLeft, after: paddingRight)
        guard let height, let width, output.shape == [input.shape[0], height, width, input.shape[3]] else {
            throw .invalid("output \(output.shape) does not fit input \(input.shape), kernel \(kernelY) x \(kernelX)")
        }
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] }
    public func run(on backend: any Backend) throws(BackendError) { try backend.maxPool2d(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_max_pool2d_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.max_pool2d?(context, arguments, status) }
}
