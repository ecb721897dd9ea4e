// SPDX-License-Identifier: MIT

/// The extents of a view, or its strides: up to eight numbers kept inline, so that making a view allocates nothing.
public struct Shape: Sendable {
    /// The largest number of axes, `BEASTS_MAXIMUM_RANK` of the contract.
    public static let maximumRank = 8

    var extents: InlineArray<8, Int>
    public private(set) var rank: Int

    /// The shape of a scalar.
    public init() {
        extents = InlineArray(repeating: 0)
        rank = 0
    }

    public init(repeating extent: Int, rank: Int) {
        precondition(rank >= 0 && rank <= Shape.maximumRank, "a shape has at most 8 axes, not \(rank)")
        extents = InlineArray(repeating: extent)
        self.rank = rank
    }

    /// - Precondition: `values` has at most eight elements.
    public init(_ values: some Sequence<Int>) {
        self.init()
        for value in values { append(value) }
    }

    public mutating func append(_ extent: Int) {
        precondition(rank < Shape.maximumRank, "a shape has at most 8 axes")
        extents[rank] = extent
        rank += 1
    }

    mutating func insert(_ extent: Int, at axis: Int) {
        append(extent)
        for later in (axis..<rank - 1).reversed() { extents[later + 1] = extents[later] }
        self[axis] = extent
    }

    mutating func remove(at axis: Int) {
        for later in axis..<rank - 1 { extents[later] = extents[later + 1] }
        rank -= 1
    }

    /// The product of the extents; 1 for a scalar. Saturates at `Int.max`, so that a hostile shape is merely too large.
    public var elementCount: Int {
        var product = 1
        for axis in 0..<rank {
            if extents[axis] == 0 { return 0 }
            let (value, overflow) = product.multipliedReportingOverflow(by: extents[axis])
            product = overflow ? Int.max : value
        }
        return product
    }

    /// Whether no product of extents, with each other or with a small factor, can overflow: at most 2^48 elements,
    /// negative extents none, an extent of 0 counted as 1. More comes from damage or malice, not from a model.
    public var isReasonable: Bool {
        var product = 1
        for axis in 0..<rank {
            guard extents[axis] >= 0, extents[axis] <= 1 << 48 else { return false }
            let (value, overflow) = product.multipliedReportingOverflow(by: Swift.max(1, extents[axis]))
            guard !overflow, value <= 1 << 48 else { return false }
            product = value
        }
        return true
    }

    /// The strides, in elements, of a dense row-major tensor of this shape.
    public var denseStrides: Shape {
        var strides = Shape(repeating: 0, rank: rank)
        var stride = 1
        for axis in (0..<rank).reversed() {
            strides[axis] = stride
            let (product, overflow) = stride.multipliedReportingOverflow(by: Swift.max(1, extents[axis]))
            stride = overflow ? Int.max : product
        }
        return strides
    }

    /// The shape without its last `count` axes.
    public func dropLast(_ count: Int = 1) -> Shape {
        var shape = self
        shape.rank = Swift.max(0, rank - count)
        return shape
    }
}

extension Shape: RandomAccessCollection, MutableCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { rank }

    /// - Precondition: `0 <= axis < rank`.
    public subscript(axis: Int) -> Int {
        get {
            precondition(axis >= 0 && axis < rank, "axis \(axis) of a shape of rank \(rank)")
            return extents[axis]
        }
        set {
            precondition(axis >= 0 && axis < rank, "axis \(axis) of a shape of rank \(rank)")
            extents[axis] = newValue
        }
    }
}

extension Shape: Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    public static func == (left: Shape, right: Shape) -> Bool { left.elementsEqual(right) }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(rank)
        for extent in self { hasher.combine(extent) }
    }

    public init(arrayLiteral elements: Int...) { self.init(elements) }

    public var description: String { "[" + map { String($0) }.joined(separator: ", ") + "]" }
}
