// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

extension CPUResources {
    /// epilogue(alpha * input × weightᵀ) of [item, row, column] in float32 by Strassen's algorithm, where items have many
    /// rows and the processor has AVX-512.
    ///
    /// Rows of a plain matrix are never taken: an element's error would depend on rows that have nothing to do with its
    /// own. Nor are pictures [item, y, x, channel], whose next op reads lines that should be in its thread's own cache.
    /// - Parameter blocks: the rows of output, input and residual.
    /// - Returns: false, and nothing done, where the product is not one for it.
    /// - Throws: `outOfMemory`.
    public func multiplyByStrassen(
        _ arguments: LinearArguments, _ panels: WeightPanels, _ blocks: RowBlocks
    ) throws(BackendError) -> Bool {
        let (output, input, epilogue) = (arguments.output, arguments.input, arguments.epilogue)
        guard let planStrassen = kernels.plan_strassen, output.rank == 3, panels.dtype == .float32,
            panels.paddedInner == panels.inner, input.dtype == .float32, output.dtype == .float32
        else { return false }
        let itemRows = blocks.itemRowCount
        guard itemRows > 0, blocks.rowCount.isMultiple(of: itemRows) else { return false }
        var product = cpu_product()
        product.weight = panels.address
        (product.columns, product.inner) = (Int64(panels.columns), Int64(panels.inner))
        product.alpha = arguments.alpha
        (product.input.step, product.input.stride) = (1, Int64(blocks.stride(of: input)))
        product.prepare(output, epilogue, blocks)
        var plan = cpu_strassen()
        planStrassen(&product, Int64(itemRows), &plan)
        guard plan.slab_count > 0 else { return false }
        for block in 0..<blocks.count {
            product.input.base = UnsafePointer(input.floats + blocks.offset(of: input, block))
            product.place(output, epilogue, blocks, block, firstRow: 0)
            try multiply(product, plan, itemCount: blocks.rowCount / itemRows)
        }
        return true
    }

    private func multiply(_ product: cpu_product, _ plan: cpu_strassen, itemCount: Int) throws(BackendError) {
        let pairs = itemCount * Int(plan.item_parts * plan.part_pairs)
        let panels = Int(product.columns) / panelWidth
        // A step multiplies a vector.
        let work = Int(plan.part_rows / plan.part_pairs * product.inner) * panelWidth / 16
        let grid = Grid(pairs, panels, threads: threads.worthwhileParts(of: pairs * panels, work: work))
        let multiplyStrassen = kernels.multiply_strassen.unsafelyUnwrapped
        try withUnsafePointer(to: product) { (product) throws(BackendError) in
            var plan = plan
            plan.product = product
            plan.pairs_at_a_time = min(plan.pairs_at_a_time, Int64(grid.mostPairs))
            try withUnsafePointer(to: plan) { (plan) throws(BackendError) in
                let byteCount = kernels.strassen_scratch_byte_count(plan, Int64(grid.mostPanels))
                let scratch = try scratch.pieces(byteCount: byteCount, count: grid.count)
                threads.run(grid.count) { part in
                    let (pairs, panels) = grid[part]
                    multiplyStrassen(
                        plan, Int64(pairs.lowerBound), Int64(pairs.upperBound), Int64(panels.lowerBound),
                        Int64(panels.upperBound), scratch[part])
                }
            }
        }
    }

    /// Which pairs of tiles meet which panels on which thread.
    ///
    /// A thread that keeps to its own rows reads what it has mostly written itself, which counts where processors do not
    /// share a cache (a sixth of the time of ViT-S); where there are too few rows for all, some share them and take
    /// columns of their own.
    private struct Grid {
        private let pairs, panels, pairParts, panelParts: Int
        /// Of a part.
        let mostPairs, mostPanels: Int

        init(_ pairs: Int, _ panels: Int, threads: Int) {
            (self.pairs, self.panels) = (pairs, panels)
            // In tenths of the product of a pair and a panel: the sums of a panel's columns take one, those of a pair's
            // rows, which may have to be fetched from another's cache, eight.
            func cost(_ panelParts: Int) -> Int {
                let pairParts = threads / panelParts
                let (pairs, panels) = ((pairs + pairParts - 1) / pairParts, (panels + panelParts - 1) / panelParts)
                return 10 * pairs * panels + panels + 8 * pairs
            }
            panelParts = (1...threads).min { cost($0) < cost($1) } ?? 1
            pairParts = threads / panelParts
            mostPairs = (pairs + pairParts - 1) / pairParts
            mostPanels = (panels + panelParts - 1) / panelParts
        }

        var count: Int { pairParts * panelParts }

        subscript(part: Int) -> (pairs: Range<Int>, panels: Range<Int>) {
            let (row, column) = (part / panelParts, part % panelParts)
            return (
                pairs * row / pairParts..<pairs * (row + 1) / pairParts,
                panels * column / panelParts..<panels * (column + 1) / panelParts
            )
        }
    }
}
