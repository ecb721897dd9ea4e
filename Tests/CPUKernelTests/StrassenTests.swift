// SPDX-License-Identifier: MIT
import CPUKernels
import Testing

/// Products of many rows with seven multiplications of quarters in place of eight.
@Suite(.enabled(if: cpu_kernels_best()?.pointee.plan_strassen != nil, "this processor has no AVX-512"))
struct StrassenTests {
    /// Items of rows and a weight, and their product in double precision.
    private struct Matrices {
        private(set) var items: Int
        let rows, columns, inner: Int
        var input: [Float]
        let weight: [Float]

        init(items: Int, rows: Int, columns: Int, inner: Int) {
            (self.items, self.rows, self.columns, self.inner) = (items, rows, columns, inner)
            input = noise(items * rows * inner, seed: 1)
            weight = noise(columns * inner, seed: 2)
        }

        mutating func restrict(toItem item: Int) {
            input = Array(input[item * rows * inner..<(item + 1) * rows * inner])
            items = 1
        }

        func exact(_ row: Int, _ column: Int) -> Double {
            (0..<inner).reduce(0) { $0 + Double(input[row * inner + $1]) * Double(weight[column * inner + $1]) }
        }
    }

    /// - Parameters:
    ///   - pairParts: in how many parts the pairs of tiles are multiplied, one after the other here.
    ///   - panelParts: in how many parts the panels are.
    ///   - pairsAtATime: nil for the plan's choice.
    private func multiply(_ matrices: Matrices, pairParts: Int = 1, panelParts: Int = 1, pairsAtATime: Int64? = nil)
        throws -> [Float]
    {
        let kernels = try #require(cpu_kernels_best()).pointee
        let (columns, inner) = (Int64(matrices.columns), Int64(matrices.inner))
        func memory(_ byteCount: Int) -> UnsafeMutableRawPointer { .allocate(byteCount: byteCount, alignment: 64) }
        let packed = memory(kernels.packed_byte_count(columns, inner))
        kernels.pack_weight(packed, matrices.weight, inner, 1, columns, inner, 0, columns)
        var output = [Float](repeating: .nan, count: matrices.items * matrices.rows * matrices.columns)
        var product = cpu_product()
        (product.weight, product.columns, product.inner) = (UnsafeRawPointer(packed), columns, inner)
        (product.output_stride, product.alpha) = (columns, 1)
        (product.input.stride, product.input.step) = (inner, 1)
        var plan = cpu_strassen()
        kernels.plan_strassen(&product, Int64(matrices.rows), &plan)
        try #require(plan.slab_count > 0)
        plan.pairs_at_a_time = pairsAtATime ?? plan.pairs_at_a_time
        let pairs = matrices.items * Int(plan.item_parts * plan.part_pairs)
        let panels = matrices.columns / Int(kernels.panel_width)
        defer { packed.deallocate() }
        matrices.input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                (product.input.base, product.output) = (input.baseAddress, output.baseAddress)
                withUnsafePointer(to: product) { product in
                    plan.product = product
                    let scratch = memory(kernels.strassen_scratch_byte_count(&plan, Int64(panels)))
                    defer { scratch.deallocate() }
                    func begin(_ count: Int, _ part: Int, _ parts: Int) -> Int64 { Int64(count * part / parts) }
                    for row in 0..<pairParts {
                        for column in 0..<panelParts {
                            kernels.multiply_strassen(
                                &plan, begin(pairs, row, pairParts), begin(pairs, row + 1, pairParts),
                                begin(panels, column, panelParts), begin(panels, column + 1, panelParts), scratch)
                        }
                    }
                }
            }
        }
        return output
    }

    @Test(arguments: [
        (2, 96, 64, 32), (1, 97, 128, 64), (3, 105, 64, 1056), (2, 257, 128, 768), (1, 700, 64, 96), (1, 197, 64, 2080),
    ])
    func `Errors are a few roundings of the largest rows of an item`(
        items: Int, rows: Int, columns: Int, inner: Int
    ) throws {
        var matrices = Matrices(items: items, rows: rows, columns: columns, inner: inner)
        // The rows of an item from 1 to 1000, the items from 1 down to 10^-6.
        for row in 0..<items * rows {
            let scale = [Float(1), 1e-3, 1e-6][row / rows] * [1, 10, 1000][row % 3]
            for k in 0..<inner { matrices.input[row * inner + k] *= scale }
        }
        let output = try multiply(matrices)
        for row in 0..<items * rows {
            let largest = Double([Float(1), 1e-3, 1e-6][row / rows]) * 1000
            for column in stride(from: row % 7, to: columns, by: 7) {
                let error = abs(Double(output[row * columns + column]) - matrices.exact(row, column))
                // Elements below 1 in magnitude: 12 roundings that grow like the square root of the inner axis.
                let bound = 12 * 0x1p-24 * largest * 4 * Double(inner).squareRoot()
                if !(error <= bound) { #expect(error <= bound, "row \(row), column \(column)") }
            }
        }
    }

    @Test func `However the work is split, numbers are the same`() throws {
        let matrices = Matrices(items: 2, rows: 203, columns: 192, inner: 2080)
        let whole = try multiply(matrices)
        let splits = [
            try multiply(matrices, pairParts: 2), try multiply(matrices, pairParts: 50, panelParts: 3),
            try multiply(matrices, pairParts: 3, panelParts: 4, pairsAtATime: 2),
            try multiply(matrices, panelParts: 2, pairsAtATime: 1), try multiply(matrices, pairsAtATime: 3),
        ]
        for split in splits { #expect(split == whole) }
        // An item of a batch as the same item alone.
        var alone = matrices
        alone.restrict(toItem: 1)
        let second = try multiply(alone)
        #expect(second == Array(whole[(203 * 192)...]))
    }

    @Test func `Items do not touch each other`() throws {
        var matrices = Matrices(items: 3, rows: 99, columns: 64, inner: 1088)
        let clean = try multiply(matrices)
        let item = 99 * 64
        matrices.input[99 * 1088 + 5] = .nan
        matrices.input[99 * 1088 + 5000] = .infinity
        let spoiled = try multiply(matrices)
        #expect(spoiled[..<item] == clean[..<item])
        #expect(spoiled[(2 * item)...] == clean[(2 * item)...])
        #expect(!spoiled[item..<item + 64].contains { !$0.isNaN })
    }

    @Test(arguments: [(95, 64, 32), (96, 80, 32), (96, 64, 48), (96, 64, 0)])
    func `What is too small or uneven is left to other kernels`(rows: Int, columns: Int, inner: Int) throws {
        let kernels = try #require(cpu_kernels_best()).pointee
        var product = cpu_product()
        (product.columns, product.inner, product.input.step) = (Int64(columns), Int64(inner), 1)
        var plan = cpu_strassen()
        kernels.plan_strassen(&product, Int64(rows), &plan)
        #expect(plan.slab_count == 0)
    }
}
