// SPDX-License-Identifier: MIT

/// A tensor of the oracle: a logical shape and its elements in row-major order, in double precision.
struct DenseArray: Sendable {
    var shape: [Int]
    var values: [Double]

    init(shape: [Int], values: [Double]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values for shape \(shape)")
        self.shape = shape
        self.values = values
    }

    /// The element at an index; slow, for loops that should read like the formula.
    subscript(index: Int...) -> Double { values[position(index)] }

    func position(_ index: [Int]) -> Int {
        precondition(index.count == shape.count, "index \(index) of shape \(shape)")
        return zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
    }

    /// The elements as rows of the last axis.
    var rows: [ArraySlice<Double>] {
        let length = shape.last ?? 1
        guard length > 0 else { return [] }
        return stride(from: 0, to: values.count, by: length).map { values[$0..<($0 + length)] }
    }
}

/// The index of an element of `shape` from its row-major position, for messages.
func index(of position: Int, in shape: [Int]) -> [Int] {
    var rest = position
    var result: [Int] = []
    for extent in shape.reversed() {
        result.append(extent > 0 ? rest % extent : 0)
        if extent > 0 { rest /= extent }
    }
    return result.reversed()
}
