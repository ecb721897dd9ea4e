// SPDX-License-Identifier: MIT
internal import BeastCore

extension ReferenceBackend {
    func linear(_ arguments: LinearArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let weight = try weight(arguments.weight)
        let epilogue = try EpilogueRows(arguments.epilogue, self)
        let alpha = Double(arguments.alpha)
        let (rows, columns, inner) = (output.count, output.length, input.length)
        // One row is split over its columns; several are split as rows, and each thread walks the weight once.
        let byColumns = rows < threads.count
        threads.split(byColumns ? columns : rows, work: inner * (byColumns ? rows : columns)) { range in
            for column in byColumns ? range : 0..<columns {
                let weightRow = weight.elements + column * inner
                for row in byColumns ? 0..<rows : range {
                    let product = alpha * dot(input[row], weightRow, inner)
                    output[row][column] = epilogue.apply(product, row: row, column: column)
                }
            }
        }
    }

    func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let (output, left, right) = (arguments.output, arguments.left, arguments.right)
        let rank = output.rank
        let (rows, columns, inner) = (output.shape[rank - 2], output.shape[rank - 1], left.shape[rank - 1])
        let batches = output.shape.dropLast(2)
        guard let outputBase = address(output.buffer)?.assumingMemoryBound(to: Float.self),
            let leftBase = address(left.buffer)?.assumingMemoryBound(to: Float.self),
            let rightBase = address(right.buffer)?.assumingMemoryBound(to: Float.self)
        else { throw BackendError(.invalidArgument, "no such buffer") }
        guard columns > 0 else { return }
        // Operands with repeated elements may have far more of them than memory.
        guard (columns + 1) * inner < 1 << 31 else {
            throw BackendError(.outOfMemory, "a matrix of \(inner) by \(columns) elements is more than this backend gathers")
        }
        let alpha = Double(arguments.alpha)
        threads.split(batches.elementCount * rows, work: columns * inner) { range in
            // Both operands are gathered so that the inner axis is contiguous: the right one once for each batch.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: (columns + 1) * inner + 1) { scratch in
                guard let gatheredRight = scratch.baseAddress else { return }
                let gatheredLeft = gatheredRight + columns * inner
                var gatheredBatch = -1
                for item in range {
                    let (batch, row) = item.quotientAndRemainder(dividingBy: rows)
                    if batch != gatheredBatch {
                        let start = rightBase + right.offset
                            + rowOffset(batch, shape: batches, strides: right.strides.dropLast(2))
                        for k in 0..<inner {
                            for n in 0..<columns {
                                gatheredRight[n * inner + k] = start[k * right.strides[rank - 2] + n * right.strides[rank - 1]]
                            }
                        }
                        gatheredBatch = batch
                    }
                    let source = leftBase + left.offset + rowOffset(batch, shape: batches, strides: left.strides.dropLast(2))
                        + row * left.strides[rank - 2]
                    for k in 0..<inner { gatheredLeft[k] = source[k * left.strides[rank - 1]] }
                    let target = outputBase + output.offset
                        + rowOffset(batch, shape: batches, strides: output.strides.dropLast(2)) + row * output.strides[rank - 2]
                    for n in 0..<columns {
                        let product = alpha * dot(gatheredLeft, gatheredRight + n * inner, inner)
                        target[n * output.strides[rank - 1]] = Float(product)
                    }
                }
            }
        }
    }
}

/// Bias, activation and residual, in double, on the way to the one rounding.
struct EpilogueRows {
    private let bias: FloatRows?
    private let residual: FloatRows?
    private let activation: Activation
    private let order: EpilogueOrder

    init(_ epilogue: Epilogue, _ backend: ReferenceBackend) throws(BackendError) {
        bias = if let view = epilogue.bias { try FloatRows(view, backend) } else { nil }
        residual = if let view = epilogue.residual { try FloatRows(view, backend) } else { nil }
        activation = epilogue.activation
        order = epilogue.order
    }

    @inline(__always)
    func apply(_ product: Double, row: Int, column: Int) -> Float {
        var value = product
        if let bias { value += Double(bias[0][column]) }
        if order == .activationThenResidual { value = activation.apply(value) }
        if let residual { value += Double(residual[row][column]) }
        if order == .residualThenActivation { value = activation.apply(value) }
        return Float(value)
    }
}
