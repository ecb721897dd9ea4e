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
        let blocks = (columns + 3) / 4
        // A few rows are split over their columns; more are split as rows, and each thread walks the weight once.
        let byColumns = rows < 4 * threads.count
        threads.split(byColumns ? blocks : rows, work: inner * (byColumns ? 4 * rows : columns)) { range in
            FourRows.withScratch(length: inner) { weightRows in
                for block in byColumns ? range : 0..<blocks {
                    let column = 4 * block
                    let count = min(4, columns - column)
                    let start = weight.elements + column * inner
                    weightRows.fill(count) { row, index in start[row * inner + index] }
                    for row in byColumns ? 0..<rows : range {
                        let products = alpha * weightRows.dot(input[row], count: inner)
                        epilogue.store(products, count, to: output[row], row: row, column: column)
                    }
                }
            }
        }
    }

    func matmul(_ arguments: MatmulArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try Matrices(arguments.output, self)
        let left = try Matrices(arguments.left, self)
        let right = try Matrices(arguments.right, self)
        let (rows, columns, inner) = (output.rows, output.columns, left.columns)
        // An axis of repeated elements may be far longer than memory.
        guard inner < 1 << 28 else {
            throw BackendError(.outOfMemory, "an inner axis of \(inner) elements is more than this backend gathers")
        }
        let alpha = Double(arguments.alpha)
        // Within a batch, four columns of the right operand are gathered at a time and meet all its rows.
        threads.split(output.count * rows, work: columns * inner) { items in
            FourRows.withScratch(length: inner) { rightColumns in
                for batch in items.lowerBound / rows...(items.upperBound - 1) / rows {
                    let range = max(items.lowerBound, batch * rows)..<min(items.upperBound, (batch + 1) * rows)
                    let (target, factor) = (output[batch], right[batch])
                    left.withRows(of: batch) { leftRow in
                        for column in stride(from: 0, to: columns, by: 4) {
                            let count = min(4, columns - column)
                            rightColumns.fill(count) { n, k in
                                factor[k * right.rowStride + (column + n) * right.columnStride]
                            }
                            for row in range {
                                let row = row - batch * rows
                                let products = alpha * rightColumns.dot(leftRow(row), count: inner)
                                for n in 0..<count {
                                    target[row * output.rowStride + (column + n) * output.columnStride] = Float(
                                        products[n])
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A view [.., rows, columns] as matrices, one for each position of the axes before, with any strides.
private struct Matrices {
    private let base: UnsafeMutablePointer<Float>
    private let batches: Shape
    private let batchStrides: Shape
    let rows: Int
    let columns: Int
    let rowStride: Int
    let columnStride: Int

    init(_ view: TensorView, _ backend: ReferenceBackend) throws(BackendError) {
        guard let address = backend.address(view.buffer) else { throw BackendError(.invalidArgument, "no such buffer") }
        base = address.assumingMemoryBound(to: Float.self) + view.offset
        batches = view.shape.dropLast(2)
        batchStrides = view.strides.dropLast(2)
        (rows, columns) = (view.shape[view.rank - 2], view.shape[view.rank - 1])
        (rowStride, columnStride) = (view.strides[view.rank - 2], view.strides[view.rank - 1])
    }

    /// How many matrices there are.
    var count: Int { batches.elementCount }

    subscript(batch: Int) -> UnsafeMutablePointer<Float> {
        base + rowOffset(batch, shape: batches, strides: batchStrides)
    }

    /// Lends a function that gives any row of a matrix as consecutive elements: the row itself where it is so, else a
    /// copy that stands until the next call.
    @inline(__always)
    func withRows(of batch: Int, _ body: ((Int) -> UnsafePointer<Float>) -> Void) {
        let start = self[batch]
        if columnStride == 1 || columns <= 1 { return body { row in UnsafePointer(start + row * rowStride) } }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { scratch in
            body { row in
                for column in 0..<columns { scratch[column] = start[row * rowStride + column * columnStride] }
                return UnsafePointer(scratch.baseAddress.unsafelyUnwrapped)
            }
        }
    }
}

/// Bias, activation and residual, in double, on the way to the one rounding.
struct EpilogueRows {
    private let bias: UnsafeMutablePointer<Float>?
    private let residual: FloatRows?
    private let activation: Activation
    private let order: EpilogueOrder

    init(_ epilogue: Epilogue, _ backend: ReferenceBackend) throws(BackendError) {
        bias = if let view = epilogue.bias { try FloatRows(view, backend)[0] } else { nil }
        residual = if let view = epilogue.residual { try FloatRows(view, backend) } else { nil }
        activation = epilogue.activation
        order = epilogue.order
    }

    /// Finishes the first `count` of four products, those of columns `column` and after, and stores them in their row.
    @inline(__always)
    func store(_ products: SIMD4<Double>, _ count: Int, to target: UnsafeMutablePointer<Float>, row: Int, column: Int) {
        let residualRow = residual?[row]
        for (lane, column) in (column..<column + count).enumerated() {
            var value = products[lane]
            if let bias { value += Double(bias[column]) }
            if order == .activationThenResidual { value = activation.apply(value) }
            if let residualRow { value += Double(residualRow[column]) }
            if order == .residualThenActivation { value = activation.apply(value) }
            target[column] = Float(value)
        }
    }
}
