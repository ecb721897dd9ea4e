// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUKernels

extension CPUResources {
    /// So many tiles of rows meet a panel of the weight in one walk over it.
    private static var fewTiles: Int { 16 }

    /// Computes rows of a product on all threads.
    /// - Throws: `outOfMemory`.
    func multiply(_ product: cpu_product, rows: Range<Int>) throws(BackendError) {
        let (columns, inner) = (Int(product.columns), Int(product.inner))
        if rows.isEmpty || columns == 0 { return }
        // An axis of repeated elements may be far longer than memory.
        guard inner < 1 << 24 else {
            throw BackendError(.outOfMemory, "an inner axis of \(inner) elements is more than this backend packs")
        }
        let scratch = try scratch.pieces(
            byteCount: kernels.multiply_scratch_byte_count(Int64(inner)), count: threads.count)
        let multiply = kernels.multiply.unsafelyUnwrapped
        withUnsafePointer(to: product) { product in
            // A step multiplies a vector.
            split(rows, columns: columns, work: inner / 8) { part, share in
                var share = share
                multiply(product, &share, scratch[part])
            }
        }
    }

    /// Gives each thread its share of a product.
    ///
    /// Each takes as many whole tiles of rows as the others; the tiles left over, and all of them where there are few, are
    /// split by columns. However the work is split, an element is summed in the same order.
    /// - Parameter work: what an element costs, in the units of ``CPUThreads/worthwhileParts(of:work:)``.
    func split(_ rows: Range<Int>, columns: Int, work: Int, _ body: (_ part: Int, _ share: cpu_share) -> Void) {
        let (tile, width) = (Int(kernels.row_block), Int(kernels.panel_width))
        let (tiles, panels) = ((rows.count + tile - 1) / tile, (columns + width - 1) / width)
        let parts = threads.worthwhileParts(of: tiles * panels, work: min(tile, rows.count) * width * max(1, work))
        // Where there are few rows, the weight is what costs: each thread reads its own columns of it.
        let share = tiles <= Self.fewTiles && panels >= 4 * parts ? 0 : tiles / parts
        let remainder = rows.lowerBound + share * parts * tile
        threads.run(parts) { part in
            let first = rows.lowerBound + share * part * tile
            body(
                part,
                cpu_share(
                    first_row: Int64(first), last_row: Int64(min(first + share * tile, rows.upperBound)),
                    first_shared_row: Int64(min(remainder, rows.upperBound)),
                    last_shared_row: Int64(rows.upperBound), first_shared_column: Int64(panels * part / parts * width),
                    last_shared_column: Int64(min(panels * (part + 1) / parts * width, columns))))
        }
    }

    /// Computes all rows of `output`, block by block of equally distant rows.
    /// - Parameters:
    ///   - product: complete but for the output, the residual and their strides.
    ///   - input: where the left factor's rows are those of a view; nil where they are windows.
    func multiply(_ product: cpu_product, output: TensorView, input: TensorView?, epilogue: Epilogue)
        throws(BackendError)
    {
        memory.noteProduct(rows: Int(kernels.row_block))
        var product = product
        let blocks = RowBlocks(output, input ?? output, epilogue.residual ?? output)
        product.prepare(output, epilogue, blocks)
        if let input { product.input.stride = Int64(blocks.stride(of: input)) }
        for block in 0..<blocks.count {
            var (part, first) = (product, 0)
            if let input {
                part.input.base = UnsafePointer(input.floats + blocks.offset(of: input, block))
            } else {
                first = block * blocks.rowCount
            }
            part.place(output, epilogue, blocks, block, firstRow: first)
            try multiply(part, rows: first..<first + blocks.rowCount)
        }
    }
}

extension cpu_product {
    /// The distances of rows that all blocks share, and the epilogue but for its residual's place.
    mutating func prepare(_ output: TensorView, _ epilogue: Epilogue, _ blocks: RowBlocks) {
        output_stride = Int64(blocks.stride(of: output))
        self.epilogue.bias = (epilogue.bias?.floats).map { UnsafePointer($0) }
        self.epilogue.activation = epilogue.activation.rawValue
        self.epilogue.residual_first = epilogue.order == .residualThenActivation ? 1 : 0
        self.epilogue.residual_stride = epilogue.residual.map { Int64(blocks.stride(of: $0)) } ?? 0
    }

    /// Points output and residual to where row 0 would be, so that row `firstRow` is the block's first.
    mutating func place(
        _ output: TensorView, _ epilogue: Epilogue, _ blocks: RowBlocks, _ block: Int, firstRow: Int
    ) {
        self.output = output.floats + blocks.offset(of: output, block) - firstRow * Int(output_stride)
        if let residual = epilogue.residual {
            self.epilogue.residual = UnsafePointer(
                residual.floats + blocks.offset(of: residual, block) - firstRow * Int(self.epilogue.residual_stride))
        }
    }
}
