// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

extension CPUResources {
    /// So many rows share the sums of a panel's columns. Those of twice as many would cost 1 % less, but the sums of the
    /// rows leave the third cache then: 4 % slower.
    private static let rowsAtATime = 1100

    /// Of the third cache, for sums of rows.
    private static let leftByteCount = 8 << 20

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
            try multiply(product, &plan, itemCount: blocks.rowCount / itemRows)
        }
        return true
    }

    private func multiply(_ product: cpu_product, _ plan: inout cpu_strassen, itemCount: Int) throws(BackendError) {
        let panelCount = Int(product.columns) / panelWidth
        let (partCount, partPairs) = (itemCount * Int(plan.item_parts), Int(plan.part_pairs))
        let rounds = min(partCount, (partCount * Int(plan.part_rows) + Self.rowsAtATime - 1) / Self.rowsAtATime)
        let pairs = (partCount + rounds - 1) / rounds * partPairs
        // Where the factors of all slabs stay in the cache, the threads meet only once.
        let slabs = Int(plan.slab_count)
        let slabsAtATime = Int(plan.left_byte_count) * pairs * slabs <= Self.leftByteCount ? slabs : 1
        let leftByteCount = Int(plan.left_byte_count) * pairs * slabsAtATime
        let statesByteCount = (pairs * slabsAtATime * 4 + 63) & ~63
        let shared = try packed.pieces(
            byteCount: leftByteCount + statesByteCount + Int(plan.sums_byte_count) * pairs * panelCount, count: 1)[0]
        let scratch = try scratch.pieces(byteCount: Int(plan.scratch_byte_count), count: threads.count)
        plan.left = shared.assumingMemoryBound(to: Float.self)
        plan.states = (shared + leftByteCount).assumingMemoryBound(to: Int32.self)
        plan.sums = (shared + leftByteCount + statesByteCount).assumingMemoryBound(to: Float.self)
        // Where panels alone would leave threads waiting, each meets the pairs in several goes.
        let goes =
            (1...4).first { (panelCount * $0) % threads.count == 0 || panelCount * $0 >= 8 * threads.count } ?? 4
        plan.goes = Int64(goes)
        let multiplyStrassen = kernels.multiply_strassen.unsafelyUnwrapped
        // A step multiplies a vector.
        let work = Int(plan.part_rows) * pairs / partPairs * Int(product.inner) * panelWidth / (16 * goes)
        for round in 0..<rounds {
            let parts = partCount * round / rounds..<partCount * (round + 1) / rounds
            (plan.first_part, plan.pair_count) = (Int64(parts.lowerBound), Int64(parts.count * partPairs))
            for slab in stride(from: 0, to: slabs, by: slabsAtATime) {
                (plan.first_slab, plan.last_slab) = (Int64(slab), Int64(slab + slabsAtATime))
                plan.states.update(repeating: 0, count: pairs * slabsAtATime)
                withUnsafePointer(to: product) { product in
                    plan.product = product
                    withUnsafePointer(to: plan) { plan in
                        threads.split(panelCount * goes, work: work) { thread, items in
                            multiplyStrassen(
                                plan, Int64(items.lowerBound), Int64(items.upperBound), Int64(thread),
                                Int64(threads.count), scratch[thread])
                        }
                    }
                }
            }
        }
    }
}
