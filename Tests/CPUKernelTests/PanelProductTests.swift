// SPDX-License-Identifier: MIT
import CPUKernels
import Glibc
import Testing

/// Products of packed panels: a row's numbers are its own, however many there are.
@Suite struct PanelProductTests {
    private static let counts = [1, 2, 5, 6, 7, 8, 13, 25, 197]
    /// Longer than a slab; the last of a pair is missing where it is odd.
    private static let inners = [770, 771]
    /// The last panel is not whole.
    private let columns = 200

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

    /// What is done to the sums, and what is stored.
    private struct Finish {
        var alpha: Float = 1
        var activation = BEASTS_ACTIVATION_NONE
        var output = BEASTS_FLOAT32
        var hasBias = false
        var hasResidual = false

        /// Whole tiles of some are finished in registers, those of the others in memory.
        static let all = [
            Finish(), Finish(hasBias: true, hasResidual: true), Finish(output: BEASTS_BFLOAT16, hasBias: true),
            Finish(activation: BEASTS_ACTIVATION_GELU, output: BEASTS_BFLOAT16, hasBias: true),
            Finish(activation: BEASTS_ACTIVATION_GELU, output: BEASTS_BFLOAT16, hasBias: true, hasResidual: true),
            Finish(activation: BEASTS_ACTIVATION_RELU, output: BEASTS_BFLOAT16, hasResidual: true),
            Finish(alpha: 0.37, activation: BEASTS_ACTIVATION_SILU, hasBias: true),
        ]
    }

    @Test(arguments: counts, inners)
    func `Rows of bfloat16 do not depend on each other`(rows: Int, inner: Int) throws {
        let kernels = try #require(cpu_kernels_best()).pointee
        func rounded(_ values: [Float]) -> [Float] { values.map { Float(bitPattern: $0.bitPattern & 0xffff_0000) } }
        func bits(_ values: [Float]) -> [UInt16] { values.map { UInt16($0.bitPattern >> 16) } }
        let (input, weight) = (rounded(noise(rows * inner, seed: 1)), rounded(noise(columns * inner, seed: 2)))
        let (bias, residual) = (noise(columns, seed: 3), rounded(noise(rows * columns, seed: 4)))
        let (width, pairs) = (Int(kernels.panel_width), (inner + 1) / 2)
        let panelCount = (columns + width - 1) / width
        var panels = [UInt16](repeating: 0, count: panelCount * width * pairs * 2)
        for column in 0..<columns {
            for k in 0..<inner {
                let panel = column / width * width * pairs * 2
                panels[panel + (k / 2 * width + column % width) * 2 + k % 2] = UInt16(
                    weight[column * inner + k].bitPattern >> 16)
            }
        }
        func memory<Element>(_ values: [Element]) -> UnsafeMutableRawPointer {
            values.withUnsafeBytes { bytes in
                let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 64)
                memory.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
                return memory
            }
        }
        let (left, right, added) = (memory(bits(input)), memory(panels), memory(bias))
        let (wideResidual, narrowResidual) = (memory(residual), memory(bits(residual)))
        let target = memory(residual)
        defer { for piece in [left, right, added, wideResidual, narrowResidual, target] { piece.deallocate() } }
        /// The first `own` rows as those of a thread, the rest shared by two, one after the other.
        func multiply(_ rows: Range<Int>, own: Int = 0, _ finish: Finish = Finish()) -> [Float] {
            let isWide = finish.output == BEASTS_FLOAT32
            var product = cpu_reduced_product()
            product.input = UnsafeRawPointer(left + rows.lowerBound * inner * 2)
            (product.input_stride, product.output_stride) = (Int64(inner), Int64(columns))
            product.input_dtype = Int32(BEASTS_BFLOAT16.rawValue)
            (product.weight, product.output) = (UnsafeRawPointer(right), target)
            product.output_dtype = Int32(finish.output.rawValue)
            (product.columns, product.inner, product.alpha) = (Int64(columns), Int64(inner), finish.alpha)
            product.activation = Int32(finish.activation.rawValue)
            if finish.hasBias { product.bias = UnsafePointer(added.assumingMemoryBound(to: Float.self)) }
            if finish.hasResidual {
                let first = rows.lowerBound * columns
                product.residual = UnsafeRawPointer(isWide ? wideResidual + first * 4 : narrowResidual + first * 2)
                product.residual_stride = Int64(columns)
            }
            // Not numbers, so that what is left out shows.
            memset(target, 0xff, rows.count * columns * 4)
            for part in 0..<2 {
                let (begin, end) = (panelCount * part / 2 * width, panelCount * (part + 1) / 2 * width)
                var share = cpu_share(
                    first_row: 0, last_row: part == 0 ? Int64(own) : 0, first_shared_row: Int64(own),
                    last_shared_row: Int64(rows.count), first_shared_column: Int64(begin),
                    last_shared_column: Int64(min(end, columns)))
                kernels.multiply_pair_rows(&product, Int64(pairs), &share)
            }
            return (0..<rows.count * columns).map { n in
                if isWide { return target.load(fromByteOffset: n * 4, as: Float.self) }
                return Float(bitPattern: UInt32(target.load(fromByteOffset: n * 2, as: UInt16.self)) << 16)
            }
        }
        try check(
            multiply(0..<rows), rows: rows, alone: { multiply($0..<$0 + 1) }, input: input, weight: weight, inner: inner
        )
        for (number, finish) in Finish.all.enumerated() {
            let whole = multiply(0..<rows, finish)
            #expect(!whole.contains { $0.isNaN }, "finish \(number)")
            #expect(multiply(0..<rows, own: rows / 12 * 6, finish) == whole, "finish \(number)")
            for row in 0..<rows {
                let alone = multiply(row..<row + 1, finish)
                let isSame = alone == Array(whole[row * columns..<(row + 1) * columns])
                if !isSame { #expect(isSame, "row \(row) of \(rows), finish \(number)") }
            }
        }
    }
}
