// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

/// A weight in panels as the own kernels read them, packed by whomever.
public struct WeightPanels {
    /// Of ``CPUResources/panelWidth`` columns, [inner][column] of float32 or [pair][column][2] of bfloat16.
    public let address: UnsafeRawPointer
    /// Elements of the inner axis in a panel, zeros behind the weight's own.
    public let paddedInner: Int
    /// Of the weight: columns of the product, and its inner axis.
    public let columns, inner: Int
    public let dtype: DType

    public init(_ address: UnsafeRawPointer, paddedInner: Int, columns: Int, inner: Int, dtype: DType) {
        self.address = address
        self.paddedInner = paddedInner
        self.columns = columns
        self.inner = inner
        self.dtype = dtype
    }
}

extension CPUResources {
    public var panelWidth: Int { Int(kernels.panel_width) }

    /// As many rows of an item are best multiplied by reading the weight once: those of a tile. How many items there are
    /// does not count, since an item's numbers should not depend on the others.
    public var fewRows: Int { Int(kernels.row_block) }

    /// epilogue(alpha * input × weightᵀ) of ``fewRows`` rows an item at most.
    /// - Parameter blocks: the rows of output, input and residual.
    /// - Returns: false, and nothing done, where the panels are not such as the kernels read.
    /// - Throws: `outOfMemory`.
    public func multiplyFewRows(
        _ arguments: LinearArguments, _ panels: WeightPanels, _ blocks: RowBlocks
    ) throws(BackendError) -> Bool {
        let (output, input, epilogue) = (arguments.output, arguments.input, arguments.epilogue)
        guard blocks.itemRowCount <= fewRows else { return false }
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
        var product = cpu_reduced_product(arguments, blocks, columns: panels.columns, inner: panels.inner)
        product.weight = panels.address
        let multiply = kernels.multiply_pair_rows.unsafelyUnwrapped
        let (width, rows, pairs) = (panelWidth, blocks.rowCount, panels.paddedInner / 2)
        for block in 0..<blocks.count {
            product.place(arguments, blocks, block)
            withUnsafePointer(to: product) { product in
                threads.split((panels.columns + width - 1) / width, work: rows * width * panels.inner / 16) {
                    _, range in
                    multiply(
                        product, Int64(pairs), Int64(rows), Int64(range.lowerBound * width),
                        Int64(min(range.upperBound * width, panels.columns)))
                }
            }
        }
        return true
    }
}
