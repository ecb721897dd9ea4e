// SPDX-License-Identifier: MIT
public import BeastCore

/// The rows of several views with equal leading axes, in blocks within which each view's rows are equally far apart.
///
/// A product wants long runs of rows at one distance. Whole tensors are one block; the tokens of a batch without their
/// first are a block for each picture.
public struct RowBlocks {
    /// How many blocks there are, and the rows of each.
    public let count: Int
    public let rowCount: Int
    /// Rows that belong together: those of an item of [item, row, column]; all of a block for other ranks.
    public let itemRowCount: Int
    private let outer: Shape
    private let innermost: Int?

    /// - Parameter views: the last axis is the row; the axes before are equal.
    public init(_ views: TensorView...) {
        let leading = views[0].shape.dropLast()
        var (axis, rowCount) = (leading.rank, 1)
        var innermost: Int?
        while axis > 0 {
            let next = axis - 1
            if leading[next] != 1 {
                if let innermost {
                    let continues = views.allSatisfy { $0.strides[next] == $0.strides[innermost] * rowCount }
                    guard continues else { break }
                } else {
                    innermost = next
                }
                rowCount *= leading[next]
            }
            axis = next
        }
        self.rowCount = rowCount
        itemRowCount = views[0].shape.rank == 3 ? min(views[0].shape[1], rowCount) : rowCount
        self.innermost = innermost
        outer = leading.dropLast(leading.rank - axis)
        count = outer.elementCount
    }

    /// Elements between the rows of a block.
    public func stride(of view: TensorView) -> Int { innermost.map { view.strides[$0] } ?? 0 }

    /// Elements from the view's first to the block's first.
    public func offset(of view: TensorView, _ block: Int) -> Int {
        var (rest, offset) = (block, 0)
        for axis in (0..<outer.rank).reversed() {
            offset += rest % outer[axis] * view.strides[axis]
            rest /= outer[axis]
        }
        return offset
    }
}
