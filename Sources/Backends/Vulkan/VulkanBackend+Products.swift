// SPDX-License-Identifier: MIT
internal import BeastCore

/// The right factor of a product: a view, or a weight seen as one.
struct RightFactor {
    let bound: BoundView
    /// nil where it cannot be read through a texel buffer.
    let texels: TexelView?
    let dtype: DType
    /// Elements from one to the next along the inner axis and along the columns.
    let inner: Int
    let column: Int
}

extension VulkanBackend {
    func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        try matmul(arguments.output, arguments.left, arguments.right, alpha: arguments.alpha)
    }

    /// In parts, where a view is more than a kernel can see of a buffer.
    private func matmul(_ output: TensorView, _ left: TensorView, _ right: TensorView, alpha: Float)
        throws(BackendError)
    {
        let (rows, columns) = (output.rank - 2, output.rank - 1)
        guard isTooLarge(output) || isTooLarge(left) || isTooLarge(right) else {
            return try wholeMatmul(output, left, right, alpha: alpha)
        }
        if let batch = (0..<rows).first(where: { output.shape[$0] > 1 }) {
            for half in halves(output.shape[batch]) {
                try matmul(
                    output.slice(batch, half), left.slice(batch, half), right.slice(batch, half), alpha: alpha)
            }
        } else if output.shape[rows] > 1, isTooLarge(output) || isTooLarge(left) {
            for half in halves(output.shape[rows]) {
                try matmul(output.slice(rows, half), left.slice(rows, half), right, alpha: alpha)
            }
        } else if output.shape[columns] > 1, isTooLarge(output) || right.strides[columns] > right.strides[rows] {
            for half in halves(output.shape[columns]) {
                try matmul(output.slice(columns, half), left, right.slice(columns, half), alpha: alpha)
            }
        } else {
            try matmulByInner(output, left, right, alpha: alpha)
        }
    }

    /// The sum of the products of both halves of the inner axis.
    private func matmulByInner(_ output: TensorView, _ left: TensorView, _ right: TensorView, alpha: Float)
        throws(BackendError)
    {
        let (rows, columns) = (output.rank - 2, output.rank - 1)
        guard left.shape[columns] > 1 else {
            throw BackendError(
                .unsupported,
                "factors \(left.shape) and \(right.shape), of which \(device.description.name) lets a kernel see "
                    + "\(device.storageRange) bytes")
        }
        var sums: [TensorView] = []
        let result = Result { () throws(BackendError) -> Void in
            for half in halves(left.shape[columns]) {
                let buffer = register(try allocate(byteCount: output.elementCount * 4))
                sums.append(TensorView(buffer: buffer, shape: output.shape))
                try matmul(
                    sums[sums.count - 1], left.slice(columns, half), right.slice(rows, half), alpha: alpha)
            }
            try add(AddArguments(output: output, left: sums[0], right: sums[1]))
        }
        for sum in sums { try destroyBuffer(sum.buffer) }
        try result.get()
    }

    /// The first a multiple of four where it can be, as kernels fetch elements.
    private func halves(_ extent: Int) -> [Range<Int>] {
        let half = extent >= 8 ? extent / 8 * 4 : extent / 2
        return [0..<half, half..<extent]
    }

    private func wholeMatmul(_ output: TensorView, _ left: TensorView, _ right: TensorView, alpha: Float)
        throws(BackendError)
    {
        let rank = output.rank
        let factor = RightFactor(
            bound: try bind(right), texels: try texels(right), dtype: right.dtype, inner: right.strides[rank - 2],
            column: right.strides[rank - 1])
        let strides = [output.strides, left.strides, right.strides, output.strides]
        try Axes(output.shape.dropLast(2), strides).split(toRank: 2) { (axes, offsets) throws(BackendError) in
            try product(
                Product(
                    rows: output.shape[rank - 2], columns: output.shape[rank - 1], inner: left.shape[rank - 1],
                    leftRow: left.strides[rank - 2], leftInner: left.strides[rank - 1],
                    outputRow: output.strides[rank - 2], outputColumn: output.strides[rank - 1], residualRow: 0,
                    alpha: alpha, batches: axes, offsets: offsets), output, left, factor, Epilogue())
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
            let isOfFewRows = views[0].shape.dropLast().elementCount <= Self.fewRows
            if !isOfFewRows, try cooperativeLinear(views[0], views[1], weight, rest, alpha: alpha) { return }
            let factor = RightFactor(
                bound: BoundView(
                    binding: bind(weight.allocation, byteCount: weight.byteCount), offset: 0),
                texels: texels(weight), dtype: weight.dtype, inner: 1, column: weight.stride)
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
                    stride: weight.stride, frame: weight.frame, line: weight.line, tap: weight.tap,
                    isCooperative: weight.isCooperative,
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
        if isRegister, try registerProduct(product, output, left, right, epilogue) { return }
        let target = try bind(output, isWritten: true)
        let source = try bind(left)
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        if try dividedProduct(product, output, left, right, epilogue) { return }
        if device.description.isSoftware, product.inner > Self.longestInner {
            return try productInSteps(product, output, left, right, epilogue)
        }
        let (key, tileRows, tileColumns) = gemmKernel(product, output, left, right, epilogue)
        try dispatch(
            product, key,
            [source.binding, right.bound.binding, target.binding, bias.binding, residual.binding], [],
            offsets: (source.offset, right.bound.offset, target.offset, bias.offset, residual.offset),
            tile: (tileRows, tileColumns), right: right)
    }

    /// Blocks of rows and batches that a dispatch takes.
    /// - Parameters:
    ///   - offsets: where left, right, output, bias and residual begin.
    ///   - tile: rows and columns of a work group.
    func dispatch(
        _ product: Product, _ key: PipelineKey, _ bindings: [Binding], _ texels: [TexelBinding],
        offsets: (left: Int, right: Int, output: Int, bias: Int, residual: Int), tile: (rows: Int, columns: Int),
        right: RightFactor
    ) throws(BackendError) {
        let (limitY, limitZ) = (
            device.description.groupLimits.y, device.description.groupLimits.z
        )
        let rowBlock = limitY * tile.rows
        for firstRow in stride(from: 0, to: product.rows, by: rowBlock) {
            let rows = min(rowBlock, product.rows - firstRow)
            for firstBatch in stride(from: 0, to: product.batches.count, by: limitZ) {
                let batches = min(limitZ, product.batches.count - firstBatch)
                var parameters = Parameters(
                    rows, product.columns, product.inner,
                    offsets.left + product.offsets[1] + firstRow * product.leftRow,
                    offsets.right + product.offsets[2],
                    offsets.output + product.offsets[0] + firstRow * product.outputRow, offsets.bias,
                    offsets.residual + product.offsets[3] + firstRow * product.residualRow)
                parameters.append(
                    product.leftRow, product.leftInner, right.inner, right.column, product.outputRow,
                    product.outputColumn, product.residualRow)
                parameters.append(product.batches.extents(2)[1], firstBatch)
                for view in [1, 2, 0, 3] { parameters.append(product.batches.strides(view, 2)) }
                parameters.append(product.alpha)
                try stream.dispatch(
                    key, bindings, texels: texels, parameters,
                    groups: (
                        (product.columns + tile.columns - 1) / tile.columns, (rows + tile.rows - 1) / tile.rows,
                        batches
                    ))
            }
        }
    }

    /// Rows that gemv.comp takes at most.
    private static let fewRows = 8

    /// Whether the right factor is best read row by row of its inner axis, each once.
    func isOfFewRows(_ product: Product, _ right: RightFactor) -> Bool {
        !isRegister && product.rows <= Self.fewRows && product.leftInner == 1 && right.inner == 1
            && product.columns <= 4 * device.description.groupLimits.x
    }

    /// A product of few tiles, which would leave most of a GPU idle: its inner axis is divided among work groups, and the
    /// parts added by another kernel.
    /// - Returns: false where there are tiles enough, or the inner axis is short.
    private func dividedProduct(
        _ product: Product, _ output: TensorView, _ left: TensorView, _ right: RightFactor, _ epilogue: Epilogue
    ) throws(BackendError) -> Bool {
        let tiles = (product.rows + 63) / 64 * ((product.columns + 63) / 64)
        let wanted = [8, 4, 2].first { product.inner.isMultiple(of: 16 * $0) && tiles * $0 <= 256 }
        guard let parts = wanted, product.inner >= 1024, tiles <= 64, product.batches.count == 1,
            !isOfFewRows(product, right)
        else { return false }
        let (rows, columns, inner) = (product.rows, product.columns, product.inner / parts)
        let sums = TensorView(
            buffer: register(try allocate(byteCount: parts * rows * columns * 4)), shape: [parts, rows, columns])
        let result = Result { () throws(BackendError) -> Void in
            let partial = Product(
                rows: rows, columns: columns, inner: inner, leftRow: product.leftRow, leftInner: product.leftInner,
                outputRow: columns, outputColumn: 1, residualRow: 0, alpha: 1,
                batches: Axes(
                    [parts],
                    [[rows * columns], [inner * product.leftInner], [inner * right.inner], [rows * columns]]),
                offsets: [0, product.offsets[1], product.offsets[2], 0])
            try self.product(partial, sums, left, right, Epilogue())
            try combine(sums, product, output, epilogue)
        }
        try destroyBuffer(sums.buffer)
        try result.get()
        return true
    }

    /// Inner axes that gemm_tiled.comp goes through on Mesa's software device, which ends all loops of an invocation after
    /// 65,535 turns; it takes some thirty for 16 elements.
    private static let longestInner = 1 << 14

    /// A product whose inner axis is gone through in several kernels, one after the other.
    private func productInSteps(
        _ product: Product, _ output: TensorView, _ left: TensorView, _ right: RightFactor, _ epilogue: Epilogue
    ) throws(BackendError) {
        guard product.batches.count == 1 else {
            throw BackendError(
                .unsupported,
                "batches of products over \(product.inner): more turns than \(device.description.name) allows a loop")
        }
        let (rows, columns) = (product.rows, product.columns)
        let sums = TensorView(
            buffer: register(try allocate(byteCount: rows * columns * 4)), shape: [1, rows, columns])
        let result = Result { () throws(BackendError) -> Void in
            for start in stride(from: 0, to: product.inner, by: Self.longestInner) {
                let step = Product(
                    rows: rows, columns: columns, inner: min(Self.longestInner, product.inner - start),
                    leftRow: product.leftRow, leftInner: product.leftInner, outputRow: columns, outputColumn: 1,
                    residualRow: columns, alpha: 1, batches: product.batches,
                    offsets: [
                        0, product.offsets[1] + start * product.leftInner, product.offsets[2] + start * right.inner, 0,
                    ])
                try self.product(step, sums, left, right, Epilogue(residual: start == 0 ? nil : sums))
            }
            try combine(sums, product, output, epilogue)
        }
        try destroyBuffer(sums.buffer)
        try result.get()
    }

    /// Adds the parts of a product [parts, M, N] and finishes it.
    private func combine(_ sums: TensorView, _ product: Product, _ output: TensorView, _ epilogue: Epilogue)
        throws(BackendError)
    {
        let source = try bind(sums)
        let target = try bind(output, isWritten: true)
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        let key = PipelineKey(
            .gemmCombine,
            EpilogueConstants(.float32, .float32, output.dtype, epilogue).with([.group: elementGroup]))
        var parameters = Parameters(
            product.rows, product.columns, sums.shape[0], source.offset, 0, target.offset + product.offsets[0],
            bias.offset, residual.offset + product.offsets[3])
        parameters.append(
            product.columns, sums.strides[0], 0, 0, product.outputRow, product.outputColumn, product.residualRow)
        parameters.append(1, 0)
        parameters.append([Int](repeating: 0, count: 8))
        parameters.append(product.alpha)
        try stream.dispatch(
            key, [source.binding, source.binding, target.binding, bias.binding, residual.binding], parameters,
            groups: grid(product.rows * product.columns, by: key.group))
    }

    private func gemmKernel(
        _ product: Product, _ output: TensorView, _ left: TensorView, _ right: RightFactor, _ epilogue: Epilogue
    ) -> (PipelineKey, rows: Int, columns: Int) {
        let types = EpilogueConstants(left.dtype, right.dtype, output.dtype, epilogue)
        if isOfFewRows(product, right) {
            return (PipelineKey(.gemv, types.with([.group: 128, .rows: product.rows])), product.rows, 4)
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

extension Axes {
    /// The axes in front of the last one, its extent, and each view's stride along it.
    var withoutLast: (front: Axes, extent: Int, strides: [Int]) {
        guard let extent = extents.last, let steps = strides.last else {
            return (self, 1, [Int](repeating: 0, count: viewCount))
        }
        return (droppingLast(), extent, steps)
    }
}
