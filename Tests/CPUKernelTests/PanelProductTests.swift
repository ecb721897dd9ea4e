// SPDX-License-Identifier: MIT
import CPUKernels
import Testing

/// Products of packed panels: a row's numbers are its own, however many there are.
@Suite struct PanelProductTests {
    private static let counts = [1, 2, 5, 6, 7, 8, 13, 25, 197]
    /// Longer than a slab; the last of a pair is missing where it is odd.
    private static let inners = [770, 771]
    /// The last panel is not whole.
    private let columns = 100

    /// - Parameter alone: the product of a row without the others.
    private func check(
        _ output: [Float], rows: Int, alone: (Int) throws -> [Float], input: [Float], weight: [Float], inner: Int
    ) throws {
        for n in 0..<rows {
            let found = Array(output[n * columns..<(n + 1) * columns])
            #expect(try alone(n) == found, "row \(n) of \(rows)")
            for column in stride(from: n % 7, to: columns, by: 7) {
                let exact = (0..<inner).reduce(0) {
                    $0 + Double(input[n * inner + $1]) * Double(weight[column * inner + $1])
                }
                let error = abs(Double(found[column]) - exact)
                if !(error < 2e-4) { #expect(error < 2e-4, "row \(n) of \(rows), column \(column)") }
            }
        }
    }

    @Test(arguments: counts, inners)
    func `Rows of float32 do not depend on each other`(rows: Int, inner: Int) throws {
        let kernels = try #require(cpu_kernels_best()).pointee
        let (input, weight) = (noise(rows * inner, seed: 1), noise(columns * inner, seed: 2))
        func memory(_ byteCount: Int) -> UnsafeMutableRawPointer { .allocate(byteCount: byteCount, alignment: 64) }
        let packed = memory(kernels.packed_byte_count(Int64(columns), Int64(inner)))
        let scratch = memory(kernels.multiply_scratch_byte_count(Int64(inner)))
        defer { for piece in [packed, scratch] { piece.deallocate() } }
        kernels.pack_weight(packed, weight, Int64(inner), 1, Int64(columns), Int64(inner), 0, Int64(columns))
        /// All of `rows`, the columns split into `parts`.
        func multiply(_ rows: Range<Int>, parts: Int) -> [Float] {
            var output = [Float](repeating: .nan, count: rows.count * columns)
            var product = cpu_product()
            (product.weight, product.columns, product.inner) = (UnsafeRawPointer(packed), Int64(columns), Int64(inner))
            (product.output_stride, product.alpha) = (Int64(columns), 1)
            (product.input.stride, product.input.step) = (Int64(inner), 1)
            input.withUnsafeBufferPointer { input in
                output.withUnsafeMutableBufferPointer { output in
                    product.input.base = input.baseAddress! + rows.lowerBound * inner
                    product.output = output.baseAddress
                    let (width, panels) = (Int(kernels.panel_width), columns / Int(kernels.panel_width) + 1)
                    for part in 0..<parts {
                        let (first, last) = (panels * part / parts * width, panels * (part + 1) / parts * width)
                        var share = cpu_share(
                            first_row: 0, last_row: 0, first_shared_row: 0, last_shared_row: Int64(rows.count),
                            first_shared_column: Int64(first), last_shared_column: Int64(min(last, columns)))
                        kernels.multiply(&product, &share, scratch)
                    }
                }
            }
            return output
        }
        let whole = multiply(0..<rows, parts: 1)
        #expect(multiply(0..<rows, parts: 2) == whole)
        try check(
            whole, rows: rows, alone: { multiply($0..<$0 + 1, parts: 1) }, input: input, weight: weight, inner: inner)
    }

    @Test(
        .enabled(if: cpu_kernels_best()?.pointee.multiplies_pairs != 0, "this processor does not multiply bfloat16"),
        arguments: counts, inners)
    func `Rows of bfloat16 do not depend on each other`(rows: Int, inner: Int) throws {
        let kernels = try #require(cpu_kernels_best()).pointee
        func rounded(_ values: [Float]) -> [Float] { values.map { Float(bitPattern: $0.bitPattern & 0xffff_0000) } }
        let (input, weight) = (rounded(noise(rows * inner, seed: 1)), rounded(noise(columns * inner, seed: 2)))
        let elements = input.map { UInt16($0.bitPattern >> 16) }
        let (width, pairs) = (Int(kernels.panel_width), (inner + 1) / 2)
        var panels = [UInt16](repeating: 0, count: (columns + width - 1) / width * width * pairs * 2)
        for column in 0..<columns {
            for k in 0..<inner {
                let panel = column / width * width * pairs * 2
                panels[panel + (k / 2 * width + column % width) * 2 + k % 2] = UInt16(
                    weight[column * inner + k].bitPattern >> 16)
            }
        }
        /// The first `own` rows as a thread's own, the rest as shared ones.
        func multiply(
            _ rows: Range<Int>, own: Int64 = 0, alpha: Float = 1,
            then activation: beasts_activation = BEASTS_ACTIVATION_NONE
        ) -> [Float] {
            var output = [Float](repeating: .nan, count: rows.count * columns)
            var product = cpu_reduced_product()
            (product.input_stride, product.output_stride) = (Int64(inner), Int64(columns))
            product.input_dtype = Int32(BEASTS_BFLOAT16.rawValue)
            product.output_dtype = Int32(BEASTS_FLOAT32.rawValue)
            (product.columns, product.inner, product.alpha) = (Int64(columns), Int64(inner), alpha)
            product.activation = Int32(activation.rawValue)
            elements.withUnsafeBytes { elements in
                panels.withUnsafeBytes { panels in
                    output.withUnsafeMutableBytes { output in
                        product.input = elements.baseAddress! + rows.lowerBound * inner * 2
                        product.weight = panels.baseAddress
                        product.output = output.baseAddress
                        var share = cpu_share(
                            first_row: 0, last_row: own, first_shared_row: own, last_shared_row: Int64(rows.count),
                            first_shared_column: 0, last_shared_column: Int64(columns))
                        kernels.multiply_pair_rows(&product, Int64(pairs), &share)
                    }
                }
            }
            return output
        }
        let whole = multiply(0..<rows)
        #expect(multiply(0..<rows, own: Int64(rows / 12 * 6)) == whole)
        // Whole tiles are finished elsewhere than others.
        for (alpha, activation) in [(Float(1), BEASTS_ACTIVATION_GELU), (0.37, BEASTS_ACTIVATION_SILU)] {
            let whole = multiply(0..<rows, alpha: alpha, then: activation)
            for row in 0..<rows {
                let alone = multiply(row..<row + 1, alpha: alpha, then: activation)
                #expect(alone == Array(whole[row * columns..<(row + 1) * columns]), "row \(row) of \(rows)")
            }
        }
        try check(whole, rows: rows, alone: { multiply($0..<$0 + 1) }, input: input, weight: weight, inner: inner)
    }
}
