// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

// Products with packed weights.

extension CPUBackend {
    public func linear(_ arguments: LinearArguments) throws(BackendError) { try packedLinear(arguments) }

    /// epilogue(alpha * input × weightᵀ) by the own kernels, for backends that sometimes do it otherwise.
    public func packedLinear(_ arguments: LinearArguments) throws(BackendError) {
        try requireSupport(arguments)
        let weight = try resources.weights[arguments.weight]
        if case .quads = weight.layout { return try resources.multiplyQuads(arguments, weight) }
        if arguments.input.dtype != .float32 {
            return try widening(arguments) { (wide) throws(BackendError) in try packedLinear(wide) }
        }
        var product = cpu_product(weight, group: 0, columns: weight.shape[0], inner: weight.shape[1])
        product.alpha = arguments.alpha
        product.input.step = 1
        try resources.multiply(
            product, output: arguments.output, input: arguments.input, epilogue: arguments.epilogue)
    }

    public func conv2d(_ arguments: Conv2dArguments) throws(BackendError) { try packedConv2d(arguments) }

    /// A convolution by the own kernels, for backends that sometimes do it otherwise.
    public func packedConv2d(_ arguments: Conv2dArguments) throws(BackendError) {
        try packedConv2d(arguments, try resources.weights[arguments.weight])
    }

    /// The same with a weight that may be packed elsewhere.
    public func packedConv2d(_ arguments: Conv2dArguments, _ weight: CPUWeights.Weight) throws(BackendError) {
        try requireSupport(arguments)
        if case .groupPairs = weight.layout { return try pairedConv2d(arguments, weight) }
        if arguments.input.dtype != .float32 {
            return try widening(arguments) { (wide) throws(BackendError) in try packedConv2d(wide, weight) }
        }
        let (input, output, shape) = (arguments.input, arguments.output, weight.shape)
        if output.elementCount == 0 { return }
        let isPointwise = shape[1] == 1 && shape[2] == 1 && arguments.isProduct
        let (columns, channels) = (shape[0] / arguments.groups, shape[3])
        let windows = try cpu_rows(windowsOf: arguments, weight)
        if case .groups = weight.layout {
            var product = cpu_product(weight, group: 0, columns: shape[0], inner: shape[1] * shape[2] * channels)
            product.input = windows
            return try resources.multiplyGroups(product, output: output, epilogue: arguments.epilogue, group: channels)
        }
        for group in 0..<arguments.groups {
            var product = cpu_product(weight, group: group, columns: columns, inner: shape[1] * shape[2] * channels)
            product.input = windows
            product.input.base += group * channels
            product.input.channels = Int32(channels)
            let outputs = group * columns..<(group + 1) * columns
            var epilogue = arguments.epilogue
            epilogue.bias = epilogue.bias?.slice(0, outputs)
            epilogue.residual = epilogue.residual?.slice(3, outputs)
            if isPointwise {
                product.input.kernel_height = 0
                product.input.step = 1
            }
            try resources.multiply(
                product, output: output.slice(3, outputs),
                input: isPointwise ? input.slice(3, group * channels..<(group + 1) * channels) : nil, epilogue: epilogue
            )
        }
    }

    /// A convolution in groups of bfloat16. An input whose pairs of channels do not lie at equal distances is copied.
    private func pairedConv2d(_ arguments: Conv2dArguments, _ weight: CPUWeights.Weight) throws(BackendError) {
        let input = arguments.input
        guard input.dtype == .bfloat16 else {
            throw BackendError(.unsupported, "an input of \(input.dtype) for a weight of bfloat16")
        }
        if arguments.output.elementCount == 0 { return }
        var windows = try cpu_rows(windowsOf: arguments, weight)
        if windows.countInPairs(of: input) { return try resources.multiplyGroupPairs(arguments, weight, windows) }
        let buffer = try resources.memory.allocate(byteCount: input.elementCount * input.dtype.byteCount)
        defer { resources.memory.release(buffer) }
        var dense = arguments
        dense.input = TensorView(buffer: buffer, dtype: input.dtype, shape: input.shape)
        try copy(CopyArguments(output: dense.input, input: input))
        try pairedConv2d(dense, weight)
    }

    /// Patches are the windows of a convolution that moves by whole windows.
    public func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) {
        try requireSupport(arguments)
        let weight = try resources.weights[arguments.weight]
        if arguments.output.elementCount == 0 { return }
        let (input, patch) = (arguments.input, arguments.patch)
        let extent = (input.shape[input.rank - 3] / patch.height, input.shape[input.rank - 2] / patch.width)
        var product = cpu_product(weight, group: 0, columns: weight.shape[0], inner: weight.shape[1])
        product.input = try cpu_rows(picturesOf: input, output: extent)
        // No larger than the pictures, or there are none.
        (product.input.kernel_height, product.input.kernel_width) = (Int32(patch.height), Int32(patch.width))
        (product.input.stride_y, product.input.stride_x) = (Int32(patch.height), Int32(patch.width))
        try resources.multiply(
            product, output: arguments.output, input: nil, epilogue: Epilogue(bias: arguments.bias))
    }

    public func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        try requireSupport(arguments)
        try resources.multiplyMatrices(arguments)
    }
}

extension CPUResources {
    /// alpha * left × right, the right operand packed anew for each matrix of the batch.
    public func multiplyMatrices(_ arguments: MatmulArguments) throws(BackendError) {
        var (output, left, right) = (arguments.output, arguments.left, arguments.right)
        if output.elementCount == 0 { return }
        let rank = output.rank
        if output.strides[rank - 1] != 1, output.shape[rank - 1] > 1 {
            // The kernels write rows: the transposed product has them.
            (output, left, right) = (output.transposed, right.transposed, left.transposed)
        }
        let (rows, columns, inner) = (output.shape[rank - 2], output.shape[rank - 1], left.shape[rank - 1])
        guard inner < 1 << 24 else {
            throw BackendError(.outOfMemory, "an inner axis of \(inner) elements is more than this backend packs")
        }
        let batches = output.shape.dropLast(2)
        var product = cpu_product()
        (product.columns, product.inner, product.alpha) = (Int64(columns), Int64(inner), arguments.alpha)
        product.epilogue.activation = Activation.none.rawValue
        product.output_stride = Int64(output.strides[rank - 2])
        (product.input.stride, product.input.step) = (Int64(left.strides[rank - 2]), Int64(left.strides[rank - 1]))
        let packedByteCount = (kernels.packed_byte_count(Int64(columns), Int64(inner)) + 63) & ~63
        let kernels = kernels

        func place(_ batch: Int, _ packed: UnsafeMutableRawPointer) -> cpu_product {
            var part = product
            part.output = output.floats + output.matrixOffset(batch)
            part.input.base = UnsafePointer(left.floats + left.matrixOffset(batch))
            part.weight = UnsafeRawPointer(packed)
            return part
        }
        func pack(_ batch: Int, _ packed: UnsafeMutableRawPointer, _ range: Range<Int>) {
            kernels.pack_weight(
                packed, right.floats + right.matrixOffset(batch), Int64(right.strides[rank - 1]),
                Int64(right.strides[rank - 2]), Int64(columns), Int64(inner), Int64(range.lowerBound),
                Int64(range.upperBound))
        }

        let count = batches.elementCount
        if count >= threads.count {
            // A matrix is one thread's: it packs and multiplies.
            let scratch = try scratch.pieces(
                byteCount: packedByteCount + kernels.multiply_scratch_byte_count(Int64(inner)), count: threads.count)
            let work = rows.multipliedReportingOverflow(by: columns).partialValue.multipliedReportingOverflow(
                by: max(1, inner))
            threads.split(count, work: work.overflow ? .max : work.partialValue) { thread, range in
                for batch in range {
                    pack(batch, scratch[thread], 0..<columns)
                    var share = cpu_share()
                    share.last_row = Int64(rows)
                    withUnsafePointer(to: place(batch, scratch[thread])) {
                        kernels.multiply($0, &share, scratch[thread] + packedByteCount)
                    }
                }
            }
        } else {
            let packed = try packed.pieces(byteCount: packedByteCount, count: 1)[0]
            let width = Int(kernels.panel_width)
            for batch in 0..<count {
                threads.split((columns + width - 1) / width, work: width * max(1, inner)) { _, panels in
                    pack(batch, packed, panels.lowerBound * width..<min(panels.upperBound * width, columns))
                }
                try multiply(place(batch, packed), rows: 0..<rows)
            }
        }
    }
}

extension Conv2dArguments {
    /// Whether windows follow one another position by position, without padding: with a 1 × 1 kernel that is a product of
    /// rows.
    public var isProduct: Bool {
        strideY == 1 && strideX == 1 && max(paddingTop, paddingBottom, paddingLeft, paddingRight) == 0
    }
}

extension cpu_product {
    /// A product with one group of a packed weight.
    fileprivate init(_ weight: CPUWeights.Weight, group: Int, columns: Int, inner: Int) {
        self.init()
        self.weight = UnsafeRawPointer(weight.address)
        if case .panels(let groupByteCount) = weight.layout { self.weight += group * groupByteCount }
        (self.columns, self.inner, alpha) = (Int64(columns), Int64(inner), 1)
        epilogue.activation = Activation.none.rawValue
    }
}

extension cpu_rows {
    /// The pictures of a view [.., height, width, channels] with equally distant pictures, as windows yet to be sized.
    /// - Throws: `unsupported` for an extent that the kernels cannot count to.
    fileprivate init(picturesOf view: TensorView, output: (height: Int, width: Int)) throws(BackendError) {
        self.init()
        let rank = view.rank
        base = UnsafePointer(view.floats)
        // Of a clip, the frames are the pictures.
        picture_stride = Int64(view.strides[rank - 4])
        line_stride = Int64(view.strides[rank - 3])
        stride = Int64(view.strides[rank - 2])
        (height, width) = (try Self.extent(view.shape[rank - 3]), try Self.extent(view.shape[rank - 2]))
        channels = try Self.extent(view.shape[rank - 1])
        (output_height, output_width) = (try Self.extent(output.height), try Self.extent(output.width))
    }

    private static func extent(_ value: Int) throws(BackendError) -> Int32 {
        guard let extent = Int32(exactly: value) else {
            throw BackendError(.unsupported, "an extent of \(value): this backend's kernels count to \(Int32.max)")
        }
        return extent
    }

    /// The windows of a convolution, of all its channels.
    /// - Throws: as the pictures'.
    fileprivate init(windowsOf arguments: Conv2dArguments, _ weight: CPUWeights.Weight) throws(BackendError) {
        let (output, kernel) = (arguments.output.shape, weight.shape)
        try self.init(picturesOf: arguments.input, output: (output[1], output[2]))
        (kernel_height, kernel_width) = (try Self.extent(kernel[1]), try Self.extent(kernel[2]))
        (stride_y, stride_x) = (try Self.extent(arguments.strideY), try Self.extent(arguments.strideX))
        padding_top = try Self.extent(arguments.paddingTop)
        padding_left = try Self.extent(arguments.paddingLeft)
    }

    /// Makes the pairs of channels of a 16-bit view the elements; false, and nothing done, where the view has a pair at
    /// an odd place.
    fileprivate mutating func countInPairs(of view: TensorView) -> Bool {
        let isEven = [picture_stride, line_stride, stride].allSatisfy { $0.isMultiple(of: 2) }
        guard isEven, UInt(bitPattern: view.address).isMultiple(of: 4) else { return false }
        base = UnsafePointer(view.address.assumingMemoryBound(to: Float.self))
        (picture_stride, line_stride, stride) = (picture_stride / 2, line_stride / 2, stride / 2)
        channels /= 2
        return true
    }
}

extension TensorView {
    /// The last two axes exchanged.
    fileprivate var transposed: TensorView {
        var view = self
        (view.shape[rank - 2], view.shape[rank - 1]) = (shape[rank - 1], shape[rank - 2])
        (view.strides[rank - 2], view.strides[rank - 1]) = (strides[rank - 1], strides[rank - 2])
        return view
    }

    /// Elements from the first matrix [.., rows, columns] to matrix `batch`.
    public func matrixOffset(_ batch: Int) -> Int {
        var (rest, offset) = (batch, 0)
        for axis in (0..<rank - 2).reversed() {
            offset += rest % shape[axis] * strides[axis]
            rest /= shape[axis]
        }
        return offset
    }
}
