// SPDX-License-Identifier: MIT
public import BeastCore
private import CBeasts
private import CPUKernels

// The ops that work row by row: the C kernels do a range of rows each, the rows are split over the threads. Calls go with
// the structures of the contract, whose buffer handles are addresses here.

extension CPUBackend {
    public func fill(_ arguments: FillArguments) throws(BackendError) {
        splitRows(arguments.output, arguments.contract) { cpu_fill($0, $1, $2) }
    }

    public func copy(_ arguments: CopyArguments) throws(BackendError) {
        let (output, input) = (arguments.output, arguments.input)
        guard output.isDense, input.isDense else {
            return splitRows(output, arguments.contract) { cpu_copy($0, $1, $2) }
        }
        // One long row, cut anywhere: the pixels of a picture are but three elements each.
        resources.threads.split(output.elementCount, work: 1) { _, range in
            func part(_ view: TensorView) -> TensorView {
                TensorView(
                    buffer: view.buffer, offset: view.offset + range.lowerBound, dtype: view.dtype,
                    shape: [range.count])
            }
            let contract = CopyArguments(output: part(output), input: part(input)).contract
            withUnsafePointer(to: contract) { cpu_copy($0, 0, 1) }
        }
    }

    public func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) {
        let row = withUnsafePointer(to: arguments.contract) { cpu_gather_rows($0) }
        guard row < 0 else {
            throw BackendError(
                .invalidArgument,
                "the index at position \(row) lies outside the table of \(arguments.table.shape[0]) rows")
        }
    }

    public func add(_ arguments: AddArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, resources.kernels.add)
    }

    public func multiply(_ arguments: MultiplyArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, resources.kernels.multiply_elements)
    }

    public func scale(_ arguments: ScaleArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, resources.kernels.scale)
    }

    public func activation(_ arguments: ActivationArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, work: 8, resources.kernels.activation)
    }

    public func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(
            arguments.output, arguments.contract, work: arguments.kernelY * arguments.kernelX,
            resources.kernels.max_pool2d)
    }

    public func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, work: 4, resources.kernels.layer_norm)
    }

    public func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, work: 4, resources.kernels.residual_layer_norm)
    }

    public func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) {
        try requireSupport(arguments)
        let shape = arguments.input.shape
        if shape.elementCount == 0 { return }
        let (pictures, channels, groups) = (shape[0], shape[shape.count - 1], arguments.groups)
        let (kernels, threads) = (resources.kernels, resources.threads)
        try withUnsafePointer(to: arguments.contract) { (contract) throws(BackendError) in
            let blocks = pictures * Int(kernels.group_norm_block_count(contract))
            let coefficientFloats = 3 * pictures * channels
            let momentFloats = (blocks * groups * 4 + 15) & ~15
            let scratch = try resources.scratch.pieces(
                byteCount: (momentFloats + coefficientFloats + 2 * channels * threads.count) * 4, count: 1)[0]
            let moments = scratch.assumingMemoryBound(to: Float.self)
            let coefficients = moments + momentFloats
            let sums = coefficients + coefficientFloats
            let rows = shape.dropLast().elementCount
            threads.split(blocks, work: rows / blocks * channels * 2) { thread, range in
                kernels.group_moments(
                    contract, Int64(range.lowerBound), Int64(range.upperBound), moments, sums + 2 * channels * thread)
            }
            kernels.group_coefficients(contract, 0, Int64(pictures), moments, coefficients)
            threads.split(rows, work: channels * 2) { _, range in
                kernels.group_apply(contract, Int64(range.lowerBound), Int64(range.upperBound), coefficients)
            }
        }
    }

    public func reduce(_ arguments: ReduceArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.output, arguments.contract, work: arguments.input.shape[1], resources.kernels.reduce)
    }

    public func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) {
        try requireSupport(arguments)
        splitRows(arguments.input, arguments.contract, resources.kernels.arg_reduce)
    }

    public func softmax(_ arguments: SoftmaxArguments) throws(BackendError) {
        try requireSupport(arguments)
        let scratch = try resources.scratch.pieces(
            byteCount: arguments.output.shape[arguments.output.rank - 1] * 4, count: resources.threads.count)
        let softmax = resources.kernels.softmax.unsafelyUnwrapped
        let shape = arguments.output.shape
        withUnsafePointer(to: arguments.contract) { contract in
            resources.threads.split(shape.dropLast().elementCount, work: 16 * (shape.last ?? 1)) { thread, rows in
                softmax(contract, Int64(rows.lowerBound), Int64(rows.upperBound), scratch[thread])
            }
        }
    }

    public func attention(_ arguments: AttentionArguments) throws(BackendError) {
        try requireSupport(arguments)
        let (heads, queries) = (arguments.query.shape[1], arguments.query.shape[2])
        let (items, dimension) = (arguments.query.shape[0] * heads, arguments.query.shape[3])
        guard items > 0, queries > 0, dimension > 0 else { return }
        let kernels = resources.kernels
        let isPaired = arguments.query.dtype == .bfloat16
        let byteCount = isPaired ? kernels.attention_pairs_scratch_byte_count : kernels.attention_scratch_byte_count
        let scratch = try resources.scratch.pieces(
            byteCount: byteCount.unsafelyUnwrapped(Int64(arguments.keyLength), Int64(dimension)),
            count: resources.threads.count)
        let attention = (isPaired ? kernels.attention_pairs : kernels.attention).unsafelyUnwrapped
        withUnsafePointer(to: arguments.contract) { contract in
            func run(_ item: Int, _ range: Range<Int>, _ thread: Int) {
                attention(
                    contract, Int64(item / heads), Int64(item % heads), Int64(range.lowerBound),
                    Int64(range.upperBound), scratch[thread])
            }
            // Each thread takes as many whole heads as the others, and a part of the queries of each head left over.
            let work = items * queries * arguments.keyLength * dimension * 2
            let parts = resources.threads.worthwhileParts(of: max(items, queries), work: work / max(items, queries))
            let whole = items / parts * parts
            resources.threads.run(parts) { part in
                for item in whole * part / parts..<whole * (part + 1) / parts { run(item, 0..<queries, part) }
                for item in whole..<items {
                    run(item, queries * part / parts..<queries * (part + 1) / parts, part)
                }
            }
        }
    }

    /// Splits the rows of a view, all its axes but the last.
    /// - Parameter work: innermost steps for each element, roughly.
    private func splitRows<Contract>(
        _ view: TensorView, _ contract: Contract, work: Int = 1,
        _ kernel: (UnsafePointer<Contract>?, Int64, Int64) -> Void
    ) {
        let (length, overflow) = (view.shape.last ?? 1).multipliedReportingOverflow(by: work)
        split(view.shape.dropLast().elementCount, work: overflow ? .max : length, contract, kernel)
    }

    private func split<Contract>(
        _ items: Int, work: Int, _ contract: Contract, _ kernel: (UnsafePointer<Contract>?, Int64, Int64) -> Void
    ) {
        withUnsafePointer(to: contract) { contract in
            resources.threads.split(items, work: work) { _, range in
                kernel(contract, Int64(range.lowerBound), Int64(range.upperBound))
            }
        }
    }
}

extension CPUResources {
    /// output = GELU(rows), rounded to the output's type.
    /// - Parameters:
    ///   - rows: `length` floats each, `stride` apart; may be the output itself.
    ///   - outputStride: elements between the output's rows.
    public func applyGELU(
        _ rows: UnsafePointer<Float>, stride: Int, to output: UnsafeMutableRawPointer, _ dtype: DType,
        outputStride: Int, rowCount: Int, length: Int
    ) {
        let gelu = kernels.gelu_rows.unsafelyUnwrapped
        threads.split(rowCount, work: 8 * length) { _, range in
            gelu(
                rows, Int64(stride), output, dtype.rawValue, Int64(outputStride), Int64(length),
                Int64(range.lowerBound), Int64(range.upperBound))
        }
    }
}
