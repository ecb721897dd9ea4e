// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUKernels

extension CPUResources {
    /// epilogue(alpha * input × weightᵀ) with a weight of int8 and the rows of a 16-bit input rounded to it.
    /// - Throws: `outOfMemory`.
    func multiplyQuads(_ arguments: LinearArguments, _ weight: CPUWeights.Weight) throws(BackendError) {
        let (output, input, epilogue) = (arguments.output, arguments.input, arguments.epilogue)
        let (columns, inner) = (weight.shape[0], weight.shape[1])
        if output.elementCount == 0 { return }
        memory.noteProduct(rows: Int(kernels.row_block))
        let blocks = RowBlocks(output, input, epilogue.residual ?? output)
        var product = cpu_reduced_product(arguments, blocks, columns: columns, inner: inner)
        product.weight = UnsafeRawPointer(weight.address)
        let scratch = try scratch.pieces(
            byteCount: kernels.quads_scratch_byte_count(Int64(inner)), count: threads.count)
        let multiply = kernels.multiply_quads.unsafelyUnwrapped
        let (width, rows) = (Int(kernels.panel_width), blocks.rowCount)
        for block in 0..<blocks.count {
            product.place(arguments, blocks, block)
            withUnsafePointer(to: product) { product in
                if rows >= Int(kernels.row_block) * 2 * threads.count {
                    threads.split(rows, work: columns * max(1, inner)) { thread, range in
                        multiply(
                            product, Int64(range.lowerBound), Int64(range.upperBound), 0, Int64(columns),
                            scratch[thread])
                    }
                } else {
                    // Few rows: each thread rounds them all, and takes some of the panels.
                    threads.split((columns + width - 1) / width, work: rows * width * max(1, inner)) { thread, panels in
                        multiply(
                            product, 0, Int64(rows), Int64(panels.lowerBound * width),
                            Int64(min(panels.upperBound * width, columns)), scratch[thread])
                    }
                }
            }
        }
    }
}

extension cpu_reduced_product {
    /// All but the weight and what `place` sets.
    init(_ arguments: LinearArguments, _ blocks: RowBlocks, columns: Int, inner: Int) {
        self.init(arguments.output, arguments.epilogue, blocks, columns: columns)
        let input = arguments.input
        (input_stride, input_dtype) = (Int64(blocks.stride(of: input)), input.dtype.rawValue)
        (self.inner, alpha) = (Int64(inner), arguments.alpha)
    }

    /// The output and the epilogue but for their places.
    init(_ output: TensorView, _ epilogue: Epilogue, _ blocks: RowBlocks, columns: Int) {
        self.init()
        (output_stride, output_dtype) = (Int64(blocks.stride(of: output)), output.dtype.rawValue)
        (self.columns, alpha) = (Int64(columns), 1)
        activation = epilogue.activation.rawValue
        bias = (epilogue.bias?.floats).map { UnsafePointer($0) }
        residual_stride = epilogue.residual.map { Int64(blocks.stride(of: $0)) } ?? 0
        residual_first = epilogue.order == .residualThenActivation ? 1 : 0
    }

    /// Points the operands to a block of equally distant rows.
    mutating func place(_ arguments: LinearArguments, _ blocks: RowBlocks, _ block: Int) {
        let input = arguments.input
        self.input = UnsafeRawPointer(input.address + blocks.offset(of: input, block) * input.dtype.byteCount)
        place(arguments.output, arguments.epilogue, blocks, block, firstRow: 0)
    }

    /// Points output and residual to where row 0 would be, so that row `firstRow` is the block's first.
    mutating func place(
        _ output: TensorView, _ epilogue: Epilogue, _ blocks: RowBlocks, _ block: Int, firstRow: Int
    ) {
        func start(_ view: TensorView) -> UnsafeMutableRawPointer {
            view.address
                + (blocks.offset(of: view, block) - firstRow * blocks.stride(of: view)) * view.dtype.byteCount
        }
        self.output = start(output)
        residual = epilogue.residual.map { UnsafeRawPointer(start($0)) }
    }
}
