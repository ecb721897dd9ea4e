// SPDX-License-Identifier: MIT
internal import BeastCore

/// How gemm_register.comp and convolution_register.comp fetch an operand.
enum FetchStep: Int {
    /// Element by element, wherever they lie.
    case one
    /// Four along the inner axis.
    case fourInner
    /// Four columns.
    case fourColumns
}

/// The block of a product that one subgroup of gemm_register.comp computes.
struct RegisterTile {
    let rows: Int
    /// Times four columns, of each lane.
    let quads: Int

    /// - Parameter lanes: of a subgroup.
    init(rows: Int, columns: Int, lanes: Int) {
        quads = columns > 4 * lanes ? 2 : 1
        let quads = quads
        self.rows =
            [1, 2, 4, 8, 16].min { left, right in
                // As measured: a fetch costs as much as some thirty products of all lanes.
                func cost(_ block: Int) -> Int {
                    let fetches = (block + lanes - 1) / lanes + 4 * quads
                    return (rows + block - 1) / block * (30 * fetches + 16 * quads * block)
                }
                return cost(left) < cost(right)
            } ?? 16
    }
}

extension VulkanBackend {
    /// Lanes of a subgroup, which is a work group of these kernels.
    var laneCount: Int { device.description.laneCount }

    /// A kernel whose work group is one subgroup.
    func subgroupKey(_ kernel: Kernel, _ constants: [(Constant, Int)]) -> PipelineKey {
        PipelineKey(
            kernel, numbers: ([(.group, laneCount)] + constants).map { ($0.0.rawValue, $0.1) },
            subgroupSize: device.description.hasSubgroupSizes ? laneCount : 0)
    }

    /// A product as gemm_register.comp computes it.
    /// - Returns: false where an operand has no texel buffer.
    func registerProduct(
        _ product: Product, _ output: TensorView, _ left: TensorView, _ right: RightFactor, _ epilogue: Epilogue
    ) throws(BackendError) -> Bool {
        guard let source = try texels(left), let factor = right.texels else { return false }
        guard let bias = try texels(epilogue.bias, else: source),
            let residual = try texels(epilogue.residual, else: source)
        else { return false }
        let target = try bind(output, isWritten: true)
        let batches = (0..<4).map { product.batches.strides($0, 2) }
        func row(_ stride: Int) -> Int { product.rows == 1 ? 0 : stride }
        let leftStep: FetchStep =
            product.leftInner == 1 && source.isAligned([product.offsets[1], row(product.leftRow)] + batches[1])
            ? .fourInner : .one
        let rightColumn = product.columns == 1 ? 0 : right.column
        let rightStep: FetchStep =
            if right.inner == 1, factor.isAligned([product.offsets[2], rightColumn] + batches[2]) {
                .fourInner
            } else if right.column == 1, factor.isAligned([product.offsets[2], right.inner] + batches[2]) {
                .fourColumns
            } else {
                .one
            }
        let isAligned =
            (product.outputColumn == 1 || product.columns == 1)
            && ([product.columns, target.offset, product.offsets[0], row(product.outputRow)] + batches[0])
                .allSatisfy { $0.isMultiple(of: 4) }
            && bias.isAligned([])
            && (epilogue.residual == nil
                || residual.isAligned([product.offsets[3], row(product.residualRow)] + batches[3]))
        let tile = RegisterTile(rows: product.rows, columns: product.columns, lanes: laneCount)
        let types = EpilogueConstants(left.dtype, right.dtype, output.dtype, epilogue)
        let key = subgroupKey(
            .gemmRegister,
            types.with([
                .rows: tile.rows, .eleven: tile.quads, .twelve: product.inner.isMultiple(of: 4) ? 1 : 0,
                .fifteen: leftStep.rawValue, .sixteen: rightStep.rawValue, .seventeen: isAligned ? 1 : 0,
            ]))
        let operands = [
            TexelBinding(view: source, byFour: leftStep != .one),
            TexelBinding(view: factor, byFour: rightStep != .one),
            TexelBinding(view: bias, byFour: isAligned), TexelBinding(view: residual, byFour: isAligned),
        ]
        try dispatch(
            product, key, [target.binding], operands,
            offsets: (source.offset, factor.offset, target.offset, bias.offset, residual.offset),
            tile: (tile.rows, 4 * tile.quads * laneCount), right: right)
        return true
    }

    /// A convolution as convolution_register.comp computes it.
    /// - Returns: false where an operand has no texel buffer, or groups are not of whole fours.
    func registerConvolution(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue
    ) throws(BackendError) -> Bool {
        let (columns, isGrouped) = (output.shape[4], windows.groups > 1)
        guard !isGrouped || (columns / windows.groups).isMultiple(of: 4), let source = try texels(input),
            let factor = texels(weight), factor.isAligned([weight.stride, weight.frame, weight.line, weight.tap]),
            let bias = try texels(epilogue.bias, else: source),
            let residual = try texels(epilogue.residual, else: source)
        else { return false }
        let target = try bind(output, isWritten: true)
        let groupChannels = input.shape[4] / windows.groups
        let isWhole = groupChannels.isMultiple(of: 4)
        let leftByFour = source.isAligned(Array(input.strides.dropLast())) && (isWhole || !isGrouped)
        let isAligned =
            ([columns, target.offset] + output.strides.dropLast()).allSatisfy { $0.isMultiple(of: 4) }
            && bias.isAligned([])
            && (epilogue.residual.map { residual.isAligned(Array($0.strides.dropLast())) } ?? true)
        let rows = output.shape.dropLast().elementCount
        let whole = RegisterTile(rows: rows, columns: columns, lanes: laneCount)
        let tile = isGrouped ? (rows: min(8, whole.rows), quads: 1) : (rows: whole.rows, quads: whole.quads)
        let key = subgroupKey(
            .convolutionRegister,
            EpilogueConstants(input.dtype, weight.dtype, output.dtype, epilogue).with(
                windows.constants + [
                    (.rows, tile.rows), (.eleven, tile.quads), (.twelve, isWhole ? 1 : 0),
                    (.thirteen, isGrouped ? 1 : 0), (.fifteen, leftByFour ? 1 : 0), (.seventeen, isAligned ? 1 : 0),
                ]))
        let operands = [
            TexelBinding(view: source, byFour: leftByFour), TexelBinding(view: factor, byFour: true),
            TexelBinding(view: bias, byFour: isAligned), TexelBinding(view: residual, byFour: isAligned),
        ]
        try dispatchConvolution(
            key, output, input, weight, windows, epilogue, [target.binding], operands,
            offsets: (source.offset, factor.offset, target.offset, bias.offset, residual.offset),
            tile: (tile.rows, 4 * tile.quads * laneCount))
        return true
    }

    /// `other` where there is no view: something must be bound.
    func texels(_ view: TensorView?, else other: TexelView) throws(BackendError) -> TexelView? {
        guard let view else { return other }
        return try texels(view)
    }
}
