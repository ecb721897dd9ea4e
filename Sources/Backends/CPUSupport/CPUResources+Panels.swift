// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

extension CPUResources {
    public var panelWidth: Int { Int(kernels.panel_width) }

    /// Items of so many rows or fewer, those of a tile, are best multiplied by the own kernels: a few items take as long as
    /// reading the weight once, and an item's numbers do not depend on how many there are.
    public var fewRows: Int { Int(kernels.row_block) }

    /// epilogue(alpha * input × weightᵀ), each element summed in the same order whatever its neighbours are.
    /// - Parameter blocks: the rows of output, input and residual.
    /// - Returns: false, and nothing done, where the panels are not such as the kernels read.
    /// - Throws: `outOfMemory`.
    public func multiply(_ arguments: LinearArguments, _ panels: WeightPanels, _ blocks: RowBlocks)
        throws(BackendError) -> Bool
    {
        let (output, input, epilogue) = (arguments.output, arguments.input, arguments.epilogue)
        if panels.dtype == .float32 {
            guard panels.paddedInner == panels.inner else { return false }
            var product = cpu_product()
            product.weight = panels.address
            (product.columns, product.inner) = (Int64(panels.columns), Int64(panels.inner))
            product.alpha = arguments.alpha
            product.input.step = 1
            try multiply(product, output: output, input: input, epilogue: epilogue)
            return true
        }
        guard panels.dtype == .bfloat16, input.dtype == .bfloat16 else { return false }
        memory.noteProduct(rows: blocks.rowCount * blocks.count)
        var product = cpu_reduced_product(arguments, blocks, columns: panels.columns, inner: panels.inner)
        product.weight = panels.address
        let multiply = kernels.multiply_pair_rows.unsafelyUnwrapped
        for block in 0..<blocks.count {
            product.place(arguments, blocks, block)
            withUnsafePointer(to: product) { product in
                split(0..<blocks.rowCount, columns: panels.columns, work: panels.inner / 16) { _, share in
                    var share = share
                    multiply(product, Int64(panels.paddedInner / 2), &share)
                }
            }
        }
        return true
    }
}
