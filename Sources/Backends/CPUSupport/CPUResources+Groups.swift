// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUKernels

// Convolutions in groups as the kernels take them, block by block of equally distant positions: whole lines.

extension CPUResources {
    /// As ``multiply(_:output:input:epilogue:)``, in groups of `group` channels.
    func multiplyGroups(_ product: cpu_product, output: TensorView, epilogue: Epilogue, group: Int)
        throws(BackendError)
    {
        let blocks = RowBlocks(output, epilogue.residual ?? output)
        var product = product
        product.prepare(output, epilogue, blocks)
        for block in 0..<blocks.count {
            product.place(output, epilogue, blocks, block, firstRow: block * blocks.rowCount)
            try splitGroups(output, blocks, block, product.input, group) { lines, items, scratch in
                withUnsafePointer(to: product) { product in
                    kernels.multiply_groups(
                        product, Int64(group), Int64(lines.lowerBound), Int64(lines.count), Int64(items.lowerBound),
                        Int64(items.upperBound), scratch)
                }
            }
        }
    }

    /// The same in bfloat16, with a weight in pairs.
    /// - Parameter windows: those of the input, counted in pairs.
    /// - Throws: `outOfMemory`.
    func multiplyGroupPairs(_ arguments: Conv2dArguments, _ weight: CPUWeights.Weight, _ windows: cpu_rows)
        throws(BackendError)
    {
        let (output, epilogue, group) = (arguments.output, arguments.epilogue, weight.shape[3])
        let blocks = RowBlocks(output, epilogue.residual ?? output)
        var product = cpu_reduced_product(output, epilogue, blocks, columns: weight.shape[0])
        product.weight = UnsafeRawPointer(weight.address)
        let multiply = kernels.multiply_group_pairs.unsafelyUnwrapped
        for block in 0..<blocks.count {
            product.place(output, epilogue, blocks, block, firstRow: block * blocks.rowCount)
            try splitGroups(output, blocks, block, windows, group) { lines, items, scratch in
                withUnsafePointer(to: product) { product in
                    withUnsafePointer(to: windows) { windows in
                        multiply(
                            product, windows, Int64(group), Int64(lines.lowerBound), Int64(lines.count),
                            Int64(items.lowerBound), Int64(items.upperBound), scratch)
                    }
                }
            }
        }
    }

    /// Calls `body` on all threads with lines of a block, and some of the items [block of channels][line] of them.
    ///
    /// As a rule a thread takes the same lines of all channels, picture by picture, since products before and after are
    /// split so: it finds its input in its own cache, and a picture stays there from one block of channels to the next.
    private func splitGroups(
        _ output: TensorView, _ blocks: RowBlocks, _ block: Int, _ windows: cpu_rows, _ group: Int,
        _ body: (_ lines: Range<Int>, _ items: Range<Int>, _ scratch: UnsafeMutableRawPointer) -> Void
    ) throws(BackendError) {
        let byteCount = withUnsafePointer(to: windows) { kernels.groups_scratch_byte_count($0, Int64(group)) }
        let scratch = try scratch.pieces(byteCount: byteCount, count: threads.count)
        let (height, width, channels) = (output.shape[1], output.shape[2], output.shape[3])
        let lineCount = width == 0 ? 0 : blocks.rowCount / width
        let channelBlocks = Int(kernels.group_blocks(Int64(channels), Int64(group)))
        if channelBlocks == 0 { return }
        let lines = block * lineCount..<(block + 1) * lineCount
        let work = width * channels * group * Int(windows.kernel_height * windows.kernel_width)
        guard lineCount.isMultiple(of: threads.count) || lineCount >= 16 * threads.count else {
            // Of few lines the shares would be too unequal.
            threads.split(channelBlocks * lineCount, work: work / channelBlocks) { thread, items in
                body(lines, items, scratch[thread])
            }
            return
        }
        threads.split(lineCount, work: work) { thread, range in
            var first = lines.lowerBound + range.lowerBound
            let end = lines.lowerBound + range.upperBound
            while first < end {
                let last = min(end, (first / height + 1) * height)
                body(first..<last, 0..<channelBlocks * (last - first), scratch[thread])
                first = last
            }
        }
    }
}
