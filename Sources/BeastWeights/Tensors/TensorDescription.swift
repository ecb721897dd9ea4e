// SPDX-License-Identifier: MIT

/// Where a tensor's elements lie: a checked view of one storage. Holds no data.
///
/// Made only through a check that every element lies inside the storage, so readers need not check again.
public struct TensorDescription: Sendable {
    /// The type of each element.
    public let elementType: ElementType
    /// Sizes, outermost first; empty for a scalar.
    public let shape: [Int]
    /// Steps between neighbours along each axis, in elements, 0 or more.
    public let strides: [Int]
    /// The first element's position in the storage, in elements.
    public let offset: Int
    /// The key under which the file names the storage; tensors that share a storage have the same key.
    public let storageKey: String

    /// The product of ``shape``.
    public let elementCount: Int
    /// How many neighbouring elements of the storage the view spans; 0 for an empty tensor.
    let span: Int
    let storageIndex: Int

    static let maximumRank = 64

    /// Checks a view of a storage that holds `capacity` elements.
    ///
    /// - Throws: `malformedTensor` with the reason, without the place.
    init(
        elementType: ElementType, shape: [Int], strides: [Int], offset: Int, capacity: Int, storageKey: String,
        storageIndex: Int
    ) throws(WeightsError) {
        func refusal(_ text: String) -> WeightsError {
            WeightsError(.malformedTensor, "a tensor of storage \(storageKey.shortened(to: 40)) \(text)")
        }
        guard shape.count <= Self.maximumRank else {
            throw refusal("has \(shape.count) dimensions, at most \(Self.maximumRank) are read")
        }
        guard shape.count == strides.count else {
            throw refusal("has \(shape.count) sizes and \(strides.count) strides")
        }
        guard offset >= 0, shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
            throw refusal("has a negative size, stride or offset: sizes \(shape), strides \(strides), offset \(offset)")
        }
        let layout = Self.measure(shape: shape, strides: strides)
        guard let layout, !layout.count.multipliedReportingOverflow(by: 16).overflow else {
            throw refusal("has sizes \(shape) and strides \(strides), beyond what 64 bits can count")
        }
        guard layout.span == 0 || (layout.span <= capacity && offset <= capacity - layout.span) else {
            throw refusal(
                "reaches outside its \(capacity) elements: sizes \(shape), strides \(strides), offset \(offset)")
        }
        self.elementType = elementType
        self.shape = shape
        self.strides = strides
        self.offset = offset
        self.storageKey = storageKey
        self.storageIndex = storageIndex
        elementCount = layout.count
        span = layout.span
    }

    /// True where the elements follow one another in row-major order without gaps.
    public var isContiguous: Bool {
        let dense = Self.contiguousStrides(shape)
        return elementCount <= 1 || shape.indices.allSatisfy { shape[$0] == 1 || strides[$0] == dense[$0] }
    }

    /// Strides of a dense row-major tensor of these sizes, which must be free of overflow.
    static func contiguousStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        var step = 1
        for axis in shape.indices.reversed() {
            strides[axis] = step
            step = step.multipliedReportingOverflow(by: max(shape[axis], 1)).partialValue
        }
        return strides
    }

    /// The product of sizes, nil on overflow or a negative size.
    static func count(_ shape: [Int]) -> Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        return measure(shape: shape, strides: [Int](repeating: 0, count: shape.count))?.count
    }

    /// The number of elements and of storage elements spanned; nil on overflow.
    private static func measure(shape: [Int], strides: [Int]) -> (count: Int, span: Int)? {
        if shape.contains(0) { return (0, 0) }
        var count = 1
        var last = 0
        for (size, stride) in zip(shape, strides) {
            let product = count.multipliedReportingOverflow(by: size)
            let reach = (size - 1).multipliedReportingOverflow(by: stride)
            let sum = last.addingReportingOverflow(reach.partialValue)
            guard !product.overflow, !reach.overflow, !sum.overflow, sum.partialValue < Int.max else { return nil }
            count = product.partialValue
            last = sum.partialValue
        }
        return (count, last + 1)
    }
}

extension TensorDescription: CustomStringConvertible {
    /// Type and sizes, as in `float32[3, 4]`.
    public var description: String {
        "\(elementType)[\(shape.map(String.init).joined(separator: ", "))]"
    }
}
