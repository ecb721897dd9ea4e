// SPDX-License-Identifier: MIT
public import CBeasts

/// Three numbers for the axes time, height and width.
public struct Extent3: Sendable, Equatable, CustomStringConvertible {
    /// Along time.
    public var time: Int
    /// Along the rows.
    public var height: Int
    /// Along the columns.
    public var width: Int

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(_ time: Int, _ height: Int, _ width: Int) {
        self.time = time
        self.height = height
        self.width = width
    }

    init(_ contract: (Int32, Int32, Int32)) { self.init(Int(contract.0), Int(contract.1), Int(contract.2)) }

    var contract: (Int32, Int32, Int32) { (Int32(clamping: time), Int32(clamping: height), Int32(clamping: width)) }

    public func isAtLeast(_ minimum: Int) -> Bool { min(time, height, width) >= minimum }

    public var description: String { "(\(time), \(height), \(width))" }
}

/// Three-dimensional convolution.
public struct Conv3dArguments: OpArguments {
    public static var op: BackendOp { .conv3d }
    /// [B, T', H', W', Co]
    public var output: TensorView
    /// [B, T, H, W, Ci]
    public var input: TensorView
    /// Prepared [Co, Ci, kernel time, kernel height, kernel width].
    public var weight: BufferHandle
    /// From window to window, 1 or more on each axis.
    public var stride: Extent3
    /// In front of the first element of each axis.
    public var paddingBefore: Extent3
    /// Behind the last element of each axis.
    public var paddingAfter: Extent3
    /// What the padding holds.
    public var paddingMode: PaddingMode
    /// What is done to the product before it is stored.
    public var epilogue: Epilogue

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: BufferHandle, stride: Extent3 = Extent3(1, 1, 1),
        paddingBefore: Extent3 = Extent3(0, 0, 0), paddingAfter: Extent3 = Extent3(0, 0, 0),
        paddingMode: PaddingMode = .zero, epilogue: Epilogue = Epilogue()
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.stride = stride
        self.paddingBefore = paddingBefore
        self.paddingAfter = paddingAfter
        self.paddingMode = paddingMode
        self.epilogue = epilogue
    }

    public init(contract: beasts_conv3d_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = BufferHandle(rawValue: contract.weight)
        stride = Extent3(contract.stride)
        paddingBefore = Extent3(contract.padding_before)
        paddingAfter = Extent3(contract.padding_after)
        paddingMode = try enumeration(contract.padding_mode, "padding mode")
        epilogue = try Epilogue(contract: contract.epilogue)
    }

    public var contract: beasts_conv3d_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = weight.rawValue
            $0.stride = stride.contract
            $0.padding_before = paddingBefore.contract
            $0.padding_after = paddingAfter.contract
            $0.padding_mode = paddingMode.rawValue
            $0.epilogue = beasts_epilogue(epilogue)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 5...5)
        try Checks.rank(input, "input", 5...5)
        guard output.shape[0] == input.shape[0] else {
            throw .invalid("output \(output.shape) does not fit input \(input.shape): batch extents differ")
        }
        try Checks.floatingPointRows(output, "output")
        try Checks.floatingPointRows(input, "input")
        guard stride.isAtLeast(1), paddingBefore.isAtLeast(0), paddingAfter.isAtLeast(0) else {
            throw .invalid("stride \(stride), padding \(paddingBefore) and \(paddingAfter): out of range")
        }
        try Checks.epilogue(epilogue, output: output)
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] + epilogue.inputs }
    public func run(on backend: any Backend) throws(BackendError) { try backend.conv3d(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_conv3d_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.conv3d?(context, arguments, status) }
}

/// Three-dimensional transposed convolution of a padded input, cropped.
public struct ConvTranspose3dArguments: OpArguments {
    public static var op: BackendOp { .convTranspose3d }
    /// [B, T', H', W', Co]
    public var output: TensorView
    /// [B, T, H, W, Ci]
    public var input: TensorView
    /// Prepared [Ci, Co, kernel time, kernel height, kernel width].
    public var weight: BufferHandle
    /// From window to window, 1 or more on each axis.
    public var stride: Extent3
    /// In front of the first element of each axis.
    public var paddingBefore: Extent3
    /// Behind the last element of each axis.
    public var paddingAfter: Extent3
    /// Left out at both ends of each axis of the result.
    public var cropping: Extent3
    /// What the padding holds.
    public var paddingMode: PaddingMode
    /// What is done to the product before it is stored.
    public var epilogue: Epilogue

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: BufferHandle, stride: Extent3 = Extent3(1, 1, 1),
        paddingBefore: Extent3 = Extent3(0, 0, 0), paddingAfter: Extent3 = Extent3(0, 0, 0),
        cropping: Extent3 = Extent3(0, 0, 0), paddingMode: PaddingMode = .zero, epilogue: Epilogue = Epilogue()
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.stride = stride
        self.paddingBefore = paddingBefore
        self.paddingAfter = paddingAfter
        self.cropping = cropping
        self.paddingMode = paddingMode
        self.epilogue = epilogue
    }

    public init(contract: beasts_conv_transpose3d_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = BufferHandle(rawValue: contract.weight)
        stride = Extent3(contract.stride)
        paddingBefore = Extent3(contract.padding_before)
        paddingAfter = Extent3(contract.padding_after)
        cropping = Extent3(contract.cropping)
        paddingMode = try enumeration(contract.padding_mode, "padding mode")
        epilogue = try Epilogue(contract: contract.epilogue)
    }

    public var contract: beasts_conv_transpose3d_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = weight.rawValue
            $0.stride = stride.contract
            $0.padding_before = paddingBefore.contract
            $0.padding_after = paddingAfter.contract
            $0.cropping = cropping.contract
            $0.padding_mode = paddingMode.rawValue
            $0.epilogue = beasts_epilogue(epilogue)
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 5...5)
        try Checks.rank(input, "input", 5...5)
        guard output.shape[0] == input.shape[0] else {
            throw .invalid("output \(output.shape) does not fit input \(input.shape): batch extents differ")
        }
        try Checks.floatingPointRows(output, "output")
        try Checks.floatingPointRows(input, "input")
        guard stride.isAtLeast(1), paddingBefore.isAtLeast(0), paddingAfter.isAtLeast(0) else {
            throw .invalid("stride \(stride), padding \(paddingBefore) and \(paddingAfter): out of range")
        }
        guard cropping.isAtLeast(0) else { throw .invalid("cropping \(cropping): expected 0 or more") }
        try Checks.epilogue(epilogue, output: output)
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] + epilogue.inputs }
    public func run(on backend: any Backend) throws(BackendError) { try backend.convTranspose3d(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_conv_transpose3d_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.conv_transpose3d?(context, arguments, status) }
}

/// Cuts pictures or clips into patches and projects each.
public struct PatchEmbeddingArguments: OpArguments {
    public static var op: BackendOp { .patchEmbedding }
    /// [B, patches, D]
    public var output: TensorView
    /// [B, H, W, C] or [B, T, H, W, C]
    public var input: TensorView
    /// Prepared linear, [D, frames * rows * columns * C] in that order.
    public var weight: BufferHandle
    /// [D]
    public var bias: TensorView?
    /// Frames (1 for pictures), rows and columns of a patch.
    public var patch: Extent3

    /// Takes the arguments as they are; ``validate()`` checks them.
    public init(
        output: TensorView, input: TensorView, weight: BufferHandle, bias: TensorView? = nil, patch: Extent3
    ) {
        self.output = output
        self.input = input
        self.weight = weight
        self.bias = bias
        self.patch = patch
    }

    public init(contract: beasts_patch_embedding_arguments) throws(BackendError) {
        output = try TensorView(contract: contract.output, "output")
        input = try TensorView(contract: contract.input, "input")
        weight = BufferHandle(rawValue: contract.weight)
        bias = try TensorView(optional: contract.bias, "bias")
        patch = Extent3(contract.patch)
    }

    public var contract: beasts_patch_embedding_arguments {
        sized {
            $0.output = beasts_view(output)
            $0.input = beasts_view(input)
            $0.weight = weight.rawValue
            $0.bias = beasts_view(bias)
            $0.patch = patch.contract
        }
    }

    public func validate() throws(BackendError) {
        try Checks.rank(output, "output", 3...3)
        try Checks.rank(input, "input", 4...5)
        try Checks.floatingPointRows(output, "output")
        try Checks.floatingPointRows(input, "input")
        guard patch.isAtLeast(1), input.rank == 5 || patch.time == 1 else {
            throw .invalid("patch \(patch) for input \(input.shape)")
        }
        let frames = input.rank == 5 ? input.shape[1] / patch.time : 1
        // Saturates, as a broadcast input may have any extents.
        let grid: Shape = [
            frames, input.shape[input.rank - 3] / patch.height, input.shape[input.rank - 2] / patch.width,
        ]
        let patches = grid.elementCount
        guard output.shape[0] == input.shape[0], output.shape[1] == patches else {
            throw .invalid(
                "output \(output.shape) does not fit input \(input.shape), patch \(patch): expected \(patches) patches")
        }
        try Checks.vector(bias, "bias", count: output.shape[2])
        try Checks.writable(output, "output")
    }

    public var outputs: [TensorView] { [output] }
    public var inputs: [TensorView] { [input] + [bias].compactMap { $0 } }
    public func run(on backend: any Backend) throws(BackendError) { try backend.patchEmbedding(self) }

    public static func call(
        _ table: borrowing beasts_backend_table, _ context: OpaquePointer,
        _ arguments: UnsafePointer<beasts_patch_embedding_arguments>, _ status: UnsafeMutablePointer<beasts_status>
    ) -> Int32? { table.patch_embedding?(context, arguments, status) }
}

extension Conv3dArguments {
    /// The output that fits the input; nil where the kernel does not fit into it.
    public func outputShape(kernel: Extent3, channels: Int) -> Shape? {
        let time = Checks.windowCount(
            extent: input.shape[1], kernel: kernel.time, stride: stride.time, before: paddingBefore.time,
            after: paddingAfter.time)
        let height = Checks.windowCount(
            extent: input.shape[2], kernel: kernel.height, stride: stride.height, before: paddingBefore.height,
            after: paddingAfter.height)
        let width = Checks.windowCount(
            extent: input.shape[3], kernel: kernel.width, stride: stride.width, before: paddingBefore.width,
            after: paddingAfter.width)
        guard let time, let height, let width else { return nil }
        return [input.shape[0], time, height, width, channels]
    }
}

extension ConvTranspose3dArguments {
    /// The output that fits the input; nil where nothing is left of it.
    public func outputShape(kernel: Extent3, channels: Int) -> Shape? {
        func extent(_ input: Int, _ before: Int, _ after: Int, _ stride: Int, _ kernel: Int, _ cropping: Int) -> Int? {
            // Below 2^31 each, so that only the product can overflow.
            guard input > 0, max(input, before, after, kernel, cropping) < 1 << 31 else { return nil }
            let (spread, overflow) = (input + before + after - 1).multipliedReportingOverflow(by: stride)
            guard !overflow, spread < 1 << 62 else { return nil }
            let count = spread + kernel - 2 * cropping
            return count > 0 ? count : nil
        }
        let time = extent(
            input.shape[1], paddingBefore.time, paddingAfter.time, stride.time, kernel.time, cropping.time)
        let height = extent(
            input.shape[2], paddingBefore.height, paddingAfter.height, stride.height, kernel.height, cropping.height)
        let width = extent(
            input.shape[3], paddingBefore.width, paddingAfter.width, stride.width, kernel.width, cropping.width)
        guard let time, let height, let width else { return nil }
        return [input.shape[0], time, height, width, channels]
    }
}
