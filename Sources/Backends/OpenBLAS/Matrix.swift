// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport

/// A matrix as BLAS takes it: one of its two strides is 1, the other its leading dimension.
struct Matrix {
    static let rowMajor: Int32 = 101

    var elements: UnsafeMutablePointer<Float>
    var rowCount: Int
    var columnCount: Int
    var rowStride: Int
    var columnStride: Int
}

extension Matrix {
    /// The first matrix of a view [.., rows, columns].
    init(_ view: TensorView) {
        let rank = view.rank
        self.init(
            elements: view.floats, rowCount: view.shape[rank - 2], columnCount: view.shape[rank - 1],
            rowStride: view.strides[rank - 2], columnStride: view.strides[rank - 1])
    }

    private var isRowMajor: Bool { columnStride == 1 || columnCount <= 1 }

    /// Whether BLAS takes it: rows that repeat or overlap have no leading dimension.
    var isStorable: Bool {
        isRowMajor
            ? rowCount <= 1 || rowStride >= columnCount
            : (rowStride == 1 || rowCount <= 1) && columnStride >= rowCount
    }

    /// CblasNoTrans or CblasTrans.
    var transposition: Int32 { isRowMajor ? 111 : 112 }

    var leadingDimension: Int {
        isRowMajor ? max(rowCount > 1 ? rowStride : columnCount, 1) : max(columnStride, 1)
    }

    var transposed: Matrix {
        Matrix(
            elements: elements, rowCount: columnCount, columnCount: rowCount, rowStride: columnStride,
            columnStride: rowStride)
    }

    func moved(by offset: Int) -> Matrix {
        var matrix = self
        matrix.elements += offset
        return matrix
    }

    func rows(_ range: Range<Int>) -> Matrix {
        var matrix = moved(by: range.lowerBound * rowStride)
        matrix.rowCount = range.count
        return matrix
    }

    func columns(_ range: Range<Int>) -> Matrix {
        var matrix = moved(by: range.lowerBound * columnStride)
        matrix.columnCount = range.count
        return matrix
    }
}
