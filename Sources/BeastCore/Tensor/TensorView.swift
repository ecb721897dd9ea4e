// SPDX-License-Identifier: MIT

/// A handle that a backend gave out for a buffer or a prepared weight. 0 is never one.
public struct BufferHandle: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Stands for "no buffer" in an optional argument.
    public static let none = BufferHandle(rawValue: 0)
}

/// A strided window onto a backend buffer: what every op takes and writes.
///
/// Element `[i, j, ...]` lies at element `offset + i * strides[0] + j * strides[1] + ...` of the buffer. Strides are in
/// elements and never negative; stride 0 repeats an element and is for inputs only.
public struct TensorView: Sendable, Equatable {
    public var buffer: BufferHandle
    public var offset: Int
    public var dtype: DType
    public var shape: Shape
    public var strides: Shape

    public init(buffer: BufferHandle, offset: Int = 0, dtype: DType = .float32, shape: Shape, strides: Shape? = nil) {
        self.buffer = buffer
        self.offset = offset
        self.dtype = dtype
        self.shape = shape
        self.strides = strides ?? shape.denseStrides
    }

    public var rank: Int { shape.rank }
    public var elementCount: Int { shape.elementCount }

    /// Whether the elements lie one behind the other, in row-major order, without a gap; true where there are none.
    public var isDense: Bool {
        if elementCount == 0 { return true }
        var expected = 1
        for axis in (0..<rank).reversed() where shape[axis] != 1 {
            if strides[axis] != expected { return false }
            expected *= shape[axis]
        }
        return true
    }

    /// One more than the highest element index the view reaches, 0 for a view without elements; nil where that does
    /// not fit an `Int` or an extent, stride or offset is negative.
    public var elementLimit: Int? {
        guard offset >= 0 else { return nil }
        var last = offset
        var isEmpty = false
        for axis in 0..<rank {
            guard shape[axis] >= 0, strides[axis] >= 0 else { return nil }
            if shape[axis] == 0 {
                isEmpty = true
                continue
            }
            let (span, spanOverflow) = (shape[axis] - 1).multipliedReportingOverflow(by: strides[axis])
            let (sum, sumOverflow) = last.addingReportingOverflow(span)
            if spanOverflow || sumOverflow { return nil }
            last = sum
        }
        if isEmpty { return 0 }
        return last == Int.max ? nil : last + 1
    }
}

// MARK: - Windows onto windows

extension TensorView {
    /// The part of `axis` that `range` names, the rank kept.
    /// - Precondition: the range lies within the axis.
    public func slice(_ axis: Int, _ range: Range<Int>) -> TensorView {
        precondition(range.lowerBound >= 0 && range.upperBound <= shape[axis], "\(range) of axis \(axis) of \(shape)")
        var view = self
        view.offset += range.lowerBound * strides[axis]
        view.shape[axis] = range.count
        return view
    }

    /// The elements at `index` of `axis`, without that axis.
    public func select(_ axis: Int, _ index: Int) -> TensorView {
        var view = slice(axis, index..<(index + 1))
        view.shape.remove(at: axis)
        view.strides.remove(at: axis)
        return view
    }

    /// The same elements with an axis of extent 1 before `axis`.
    public func insertingAxis(_ axis: Int) -> TensorView {
        var view = self
        view.shape.insert(1, at: axis)
        view.strides.insert(1, at: axis)
        return view
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this view.
    public func permuted(_ order: Int...) -> TensorView { permuted(order) }

    func permuted(_ order: [Int]) -> TensorView {
        precondition(order.sorted() == Array(0..<rank), "\(order) is no order of \(rank) axes")
        var view = self
        for (axis, source) in order.enumerated() {
            view.shape[axis] = shape[source]
            view.strides[axis] = strides[source]
        }
        return view
    }

    /// This view with axes in front or of extent 1 repeated until it has `target`'s shape.
    /// - Precondition: trailing axes are equal or 1.
    public func broadcast(to target: Shape) -> TensorView {
        precondition(rank <= target.rank, "\(shape) cannot become \(target)")
        var view = self
        view.shape = target
        view.strides = Shape(repeating: 0, rank: target.rank)
        for axis in 0..<rank {
            let targetAxis = axis + target.rank - rank
            precondition(shape[axis] == target[targetAxis] || shape[axis] == 1, "\(shape) cannot become \(target)")
            view.strides[targetAxis] = shape[axis] == target[targetAxis] ? strides[axis] : 0
        }
        return view
    }

    /// The same elements under another shape, nil where no strides can express it.
    public func reshaped(_ target: Shape) -> TensorView? {
        guard target.elementCount == elementCount else { return nil }
        var view = self
        view.shape = target
        if isDense || elementCount == 0 {
            view.strides = target.denseStrides
            return view
        }
        guard let strides = TensorView.regrouped(from: shape, strides: strides, to: target) else { return nil }
        view.strides = strides
        return view
    }

    /// Strides of `target` over the same elements: groups of axes are matched from the left, each must be dense within.
    private static func regrouped(from shape: Shape, strides: Shape, to target: Shape) -> Shape? {
        var result = Shape(repeating: 1, rank: target.rank)
        let sources = (0..<shape.rank).filter { shape[$0] != 1 }
        var source = 0
        var axis = 0
        while axis < target.rank {
            if target[axis] == 1 {
                axis += 1
                continue
            }
            guard source < sources.count else { return nil }
            let firstAxis = axis
            let firstSource = source
            var targetCount = target[axis]
            var sourceCount = shape[sources[source]]
            while targetCount != sourceCount {
                if targetCount < sourceCount {
                    axis += 1
                    guard axis < target.rank else { return nil }
                    targetCount *= target[axis]
                } else {
                    source += 1
                    guard source < sources.count else { return nil }
                    sourceCount *= shape[sources[source]]
                }
            }
            for index in firstSource..<source {
                guard strides[sources[index]] == strides[sources[index + 1]] * shape[sources[index + 1]] else {
                    return nil
                }
            }
            var stride = strides[sources[source]]
            for index in (firstAxis...axis).reversed() {
                result[index] = stride
                stride *= target[index]
            }
            axis += 1
            source += 1
        }
        return result
    }
}
