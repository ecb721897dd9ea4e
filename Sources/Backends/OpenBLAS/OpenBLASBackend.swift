// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport

/// Matrix products by OpenBLAS, everything else inherited: how little a backend needs.
///
/// Epilogues are left to the host, which composes them, and so are patches, which become a copy and a product.
final class OpenBLASBackend: CPUBackend {
    static let name = "openblas"
    static let summary = "Matrix products by OpenBLAS, the rest by own kernels"
    static let optionalOps: Set<BackendOp> = [.attention, .residualLayerNorm]

    let resources: CPUResources
    private let library: BLASLibrary

    init(options: ContextOptions) throws(BackendError) {
        library = try BLASLibrary.shared.get()
        resources = try Self.makeResources(options)
    }

    static func probe(device: Int) throws(BackendError) -> ProbeResult {
        switch BLASLibrary.shared {
        case .success(let library): probeProcessor(device: device, score: 60, reason: library.configuration)
        case .failure(let error): ProbeResult(score: 0, deviceName: "CPU", reason: error.message)
        }
    }

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        if description.kind == .linear { return try resources.weights.prepareDense(description) }
        return try resources.weights.prepare(description, packing: resources.kernels, on: resources.threads)
    }

    func supports(_ arguments: any OpArguments) -> Bool {
        if let linear = arguments as? LinearArguments, !linear.epilogue.isEmpty { return false }
        return computes(arguments)
    }

    func linear(_ arguments: LinearArguments) throws(BackendError) {
        try requireSupport(arguments)
        let (output, input) = (arguments.output, arguments.input)
        let (columns, inner) = (output.shape[output.rank - 1], input.shape[input.rank - 1])
        let weight = Matrix(
            elements: try resources.weights[arguments.weight].address.assumingMemoryBound(to: Float.self),
            rowCount: inner, columnCount: columns, rowStride: 1, columnStride: inner)
        let blocks = RowBlocks(output, input)
        for block in 0..<blocks.count {
            try multiply(
                arguments.alpha,
                Matrix(
                    elements: input.floats + blocks.offset(of: input, block), rowCount: blocks.rowCount,
                    columnCount: inner, rowStride: blocks.stride(of: input), columnStride: 1),
                weight,
                into: Matrix(
                    elements: output.floats + blocks.offset(of: output, block), rowCount: blocks.rowCount,
                    columnCount: columns, rowStride: blocks.stride(of: output), columnStride: 1))
        }
    }

    func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        try requireSupport(arguments)
        let matrices = [arguments.output, arguments.left, arguments.right].map(Matrix.init)
        guard matrices.allSatisfy({ $0.isStorable }) else { return try resources.multiplyMatrices(arguments) }
        for batch in 0..<arguments.output.shape.dropLast(2).elementCount {
            try multiply(
                arguments.alpha, matrices[1].moved(by: arguments.left.matrixOffset(batch)),
                matrices[2].moved(by: arguments.right.matrixOffset(batch)),
                into: matrices[0].moved(by: arguments.output.matrixOffset(batch)))
        }
    }

    /// output = alpha * left × right, its longer side split over the threads.
    private func multiply(_ alpha: Float, _ left: Matrix, _ right: Matrix, into output: Matrix) throws(BackendError) {
        if output.rowCount == 0 || output.columnCount == 0 { return }
        if output.columnStride != 1, output.columnCount > 1 {
            return try multiply(alpha, right.transposed, left.transposed, into: output.transposed)
        }
        let splitsRows = output.rowCount >= output.columnCount
        let (items, others) = (
            max(output.rowCount, output.columnCount), min(output.rowCount, output.columnCount)
        )
        let extents = [items, left.columnCount, output.leadingDimension, left.leadingDimension, right.leadingDimension]
        guard extents.allSatisfy({ $0 <= Int32.max }) else {
            throw BackendError(.unsupported, "a product beyond the 32-bit extents of OpenBLAS")
        }
        let gemm = library.gemm
        resources.threads.split(items, work: others * max(1, left.columnCount)) { _, range in
            let (a, b, c) =
                splitsRows
                ? (left.rows(range), right, output.rows(range)) : (left, right.columns(range), output.columns(range))
            gemm(
                Matrix.rowMajor, a.transposition, b.transposition, Int32(c.rowCount), Int32(c.columnCount),
                Int32(a.columnCount), alpha, a.elements, Int32(a.leadingDimension), b.elements,
                Int32(b.leadingDimension), 0, c.elements, Int32(c.leadingDimension))
        }
    }
}
