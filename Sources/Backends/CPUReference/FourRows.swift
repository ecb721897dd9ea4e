// SPDX-License-Identifier: MIT

/// Up to four rows of one factor of a product, in double: the other factor's elements are then read and converted once
/// for four products, and these rows once for all the products they are part of.
///
/// Owns nothing: the memory is lent to ``withScratch(length:_:)``'s body.
struct FourRows {
    private let elements: UnsafeMutablePointer<Double>
    private let length: Int

    /// Lends room for four rows of `length` elements, their content undefined.
    static func withScratch(length: Int, _ body: (FourRows) -> Void) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * length + 1) { scratch in
            guard let elements = scratch.baseAddress else { return }
            body(FourRows(elements: elements, length: length))
        }
    }

    /// Fills the first `count` rows; the others become zeros, so that what is computed with them is merely not wanted.
    /// - Parameter element: element `index` of row `row`.
    @inline(__always)
    func fill(_ count: Int, _ element: (_ row: Int, _ index: Int) -> Float) {
        for row in 0..<4 {
            let target = elements + row * length
            for index in 0..<length { target[index] = row < count ? Double(element(row, index)) : 0 }
        }
    }

    /// Σ left[i] * row[start + i] over `count` elements, for each of the four rows.
    ///
    /// Every product gathers in four sums, element i in sum i mod 4, so that an addition need not wait for the one
    /// before; the order is the same whatever row stands beside it, and whichever thread computes it.
    @inline(__always)
    func dot(_ left: UnsafePointer<Float>, start: Int = 0, count: Int) -> SIMD4<Double> {
        let (row0, row1, row2, row3) = (row(0) + start, row(1) + start, row(2) + start, row(3) + start)
        var (sums0, sums1, sums2, sums3) = (SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>())
        let whole = count & ~3
        var index = 0
        while index < whole {
            let factors = SIMD4<Double>(
                Double(left[index]), Double(left[index &+ 1]), Double(left[index &+ 2]), Double(left[index &+ 3]))
            sums0 += factors * four(row0 + index)
            sums1 += factors * four(row1 + index)
            sums2 += factors * four(row2 + index)
            sums3 += factors * four(row3 + index)
            index &+= 4
        }
        while index < count {
            let factor = Double(left[index])
            sums0[0] += factor * row0[index]
            sums1[0] += factor * row1[index]
            sums2[0] += factor * row2[index]
            sums3[0] += factor * row3[index]
            index &+= 1
        }
        return SIMD4(total(sums0), total(sums1), total(sums2), total(sums3))
    }

    private func row(_ index: Int) -> UnsafeMutablePointer<Double> { elements + index * length }
}

@inline(__always)
private func four(_ elements: UnsafePointer<Double>) -> SIMD4<Double> {
    UnsafeRawPointer(elements).loadUnaligned(as: SIMD4<Double>.self)
}

@inline(__always)
private func total(_ sums: SIMD4<Double>) -> Double { (sums[0] + sums[1]) + (sums[2] + sums[3]) }
