// SPDX-License-Identifier: MIT
internal import BeastCore

/// The right factor of a product: a view, or a weight seen as one.
struct RightFactor {
    let bound: BoundView
    let dtype: DType
    /// Elements from one to the next along the inner axis and along the columns.
    let inner: Int
    let column: Int
}

extension VulkanBackend {
    func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        let rank = arguments.output.rank
        let views = [arguments.output, arguments.left, arguments.right]
        try split(views, along: 0..<rank - 2) { (views) throws(BackendError) in
            // Rows of the output are rows of the left factor; the right one has others there.
            try split(Array(views.prefix(2)), along: rank - 2..<rank - 1) { (rows) throws(BackendError) in
                let (output, left, right) = (rows[0], rows[1], views[2])
                let factor = RightFactor(
                    bound: try bind(right), dtype: right.dtype, inner: right.strides[rank - 2],
                    column: right.strides[rank - 1])
                let batches = [output, left, right].map { $0.strides }
                try Axes(output.shape.dropLast(2), batches + [output.strides]).split(toRank: 2) {
                    (axes, offsets) throws(BackendError) in
                    try product(
                        Product(
                            rows: output.shape[rank - 2], columns: output.shape[rank - 1],
                            inner: left.shape[rank - 1], leftRow: left.strides[rank - 2],
                            leftInner: left.strides[rank - 1], outputRow: output.strides[rank - 2],
                            outputColumn: output.strides[rank - 1], residualRow: 0, alpha: arguments.alpha,
                            batches: axes, offsets: offsets), output, left, factor, Epilogue())
                }
            }
        }
    }

    func linear(_ arguments: LinearArguments) throws(BackendError) {
        try linear(
            arguments.output, arguments.input, try weight(arguments.weight), arguments.epilogue, alpha: arguments.alpha)
    }

    /// - Parameters:
    ///   - output: [.., N].
    ///   - input: [.., K], the same axes in front.
    ///   - weight: [N, K], or a convolution's [N, 1, 1, K].
    func linear(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ epilogue: Epilogue, alpha: Float = 1
    ) throws(BackendError) {
        guard output.elementCount > 0 else { return }
        let rank = output.rank
        let inner = input.shape[rank - 1]
        guard weight.byteCount <= device.storageRange else {
            return try linearByColumns(output, input, weight, epilogue, alpha: alpha)
        }
        let views = [output, input] + (epilogue.residual.map { [$0] } ?? [])
        try split(views, along: 0..<rank - 1) { (views) throws(BackendError) in
            var rest = epilogue
            if views.count > 2 { rest.residual = views[2] }
            if try cooperativeLinear(views[0], views[1], weight, rest, alpha: alpha) { return }
            let factor = RightFactor(
                bound: BoundView(
                    binding: bind(weight.allocation, byteCount: weight.byteCount), offset: 0), dtype: weight.dtype,
                inner: 1, column: weight.stride)
            let constant = Shape(repeating: 0, rank: rank)
            let strides = [output.strides, input.strides, constant, epilogue.residual?.strides ?? output.strides]
            try Axes(views[0].shape.dropLast(), strides).split(toRank: 3) { (axes, offsets) throws(BackendError) in
                let (batches, rows, steps) = axes.withoutLast
                try product(
                    Product(
                        rows: rows, columns: output.shape[rank - 1], inner: inner, leftRow: steps[1], leftInner: 1,
                        outputRow: steps[0], outputColumn: 1, residualRow: steps[3], alpha: alpha, batches: batches,
                        offsets: offsets), views[0], views[1], factor, rest)
            }
        }
    }

    /// A weight that is more than a kernel can see of a buffer: some of its rows at a time.
    private func linearByColumns(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ epilogue: Epilogue, alpha: Float
    ) throws(BackendError) {
        let axis = output.rank - 1
        let rowByteCount = weight.stride * weight.dtype.byteCount
        // Pieces begin where a buffer may be bound.
        var step = MemoryPool.alignment
        while step > 1, (step / 2 * rowByteCount).isMultiple(of: MemoryPool.alignment) { step /= 2 }
        let columns = device.storageRange / rowByteCount / step * step
        guard columns > 0 else {
            throw BackendError(
                .unsupported, "a weight of \(rowByteCount) bytes a row, of which kernels see \(device.storageRange)")
        }
        for start in stride(from: 0, to: output.shape[axis], by: columns) {
            let range = start..<min(start + columns, output.shape[axis])
            var part = epilogue
            part.bias = epilogue.bias?.slice(0, range)
            part.residual = epilogue.residual?.slice(axis, range)
            let piece = Allocation(
                buffer: weight.allocation.buffer, offset: weight.allocation.offset + start * rowByteCount,
                byteCount: range.count * rowByteCount, address: nil)
            try linear(
                output.slice(axis, range), input,
                VulkanWeight(
                    allocation: piece, dtype: weight.dtype, shape: [range.count, input.shape[axis]],
                    stride: weight.stride, line: weight.line, isPadded: weight.isPadded,
                    byteCount: piece.byteCount), part, alpha: alpha)
            weight.allocation.lastUse = piece.lastUse
        }
    }

    /// The numbers of a product.
    struct Product {
        var rows: Int
        let columns: Int
        let inner: Int
        let leftRow: Int
        let leftInner: Int
        let outputRow: Int
        let outputColumn: Int
        let residualRow: Int
        let alpha: Float
        /// At most two axes, of output, left, right and residual.
        let batches: Axes
        /// Of output, left, right and residual.
        let offsets: [Int]
    }

    private func product(
        _ product: Product, _ output: TensorView, _ left: TensorView, _ right: RightFactor, _ epilogue: Epilogue
    ) throws(BackendError) {
        let target = try bind(output, isWritten: true)
        let source = try bind(left)
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        let (key, tileRows, tileColumns) = gemmKernel(product, output, left, right, epilogue)
        let bindings = [
            source.binding, right.bound.binding, target.binding, bias.binding, residual.binding,
        ]
        let (limitY, limitZ) = (
            device.description.groupLimits.y, device.description.groupLimits.z
        )
        let rowBlock = limitY * tileRows
        for firstRow in stride(from: 0, to: product.rows, by: rowBlock) {
            let rows = min(rowBlock, product.rows - firstRow)
            for firstBatch in stride(from: 0, to: product.batches.count, by: limitZ) {
                let batches = min(limitZ, product.batches.count - firstBatch)
                var parameters = Parameters(
                    rows, product.columns, product.inner,
                    source.offset + product.offsets[1] + firstRow * product.leftRow,
                    right.bound.offset + product.offsets[2],
                    target.offset + product.offsets[0] + firstRow * product.outputRow, bias.offset,
                    residual.offset + product.offsets[3] + firstRow * product.residualRow)
                parameters.append(
                    product.leftRow, product.leftInner, right.inner, right.column, product.outputRow,
                    product.outputColumn, product.residualRow)
                parameters.append(product.batches.extents(2)[1], firstBatch)
                for view in [1, 2, 0, 3] { parameters.append(product.batches.strides(view, 2)) }
                parameters.append(product.alpha)
                try stream.dispatch(
                    key, bindings, parameters,
                    groups: (
                        (product.columns + tileColumns - 1) / tileColumns, (rows + tileRows - 1) / tileRows, batches
                    ))
            }
        }
    }

    private func gemmKernel(
        _ product: Product, _ output: TensorView, _ left: TensorView, _ right: RightFactor, _ epilogue: Epilogue
    ) -> (PipelineKey, rows: Int, columns: Int) {
        let types = EpilogueConstants(left.dtype, right.dtype, output.dtype, epilogue)
        if isRegister {
            let rows = registerRows(product.rows)
            let key = PipelineKey(.gemmRegister, types.with([.group: 8, .rows: rows]))
            return (key, rows, 32)
        }
        let tile = Tile(
            device.description, rows: product.rows, columns: product.columns, batches: product.batches.count)
        let key = PipelineKey(
            .gemmTiled,
            types.with(
                tile.constants + [
                    (.fifteen, product.leftInner == 1 ? 1 : 0), (.sixteen, right.inner == 1 ? 1 : 0),
                ]))
        return (key, tile.rows, tile.columns)
    }
}

/// Rows that an invocation of gemm_register keeps, by the measured cost of a block: as that of its rows and four more.
func registerRows(_ rows: Int) -> Int {
    [1, 2, 4, 8, 12, 16, 20, 24].min { left, right in
        func cost(_ block: Int) -> Int { (rows + block - 1) / block * (5 * block + 22) }
        return cost(left) < cost(right)
    } ?? 24
}

extension Axes {
    /// The axes in front of the last one, its extent, and each view's stride along it.
    var withoutLast: (front: Axes, extent: Int, strides: [Int]) {
        guard let extent = extents.last, let steps = strides.last else {
            return (self, 1, [Int](repeating: 0, count: viewCount))
        }
        return (droppingLast(), extent, steps)
    }
}
