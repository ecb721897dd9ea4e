// SPDX-License-Identifier: MIT
internal import BeastCore

/// Every op of the contract once more: in double precision, on dense arrays, from the formulas of `beasts_backend.h`.
///
/// It shares no code with BeastCore's compositions and none with any backend, and takes another way to the same result
/// where there is one (erfc for GELU, a shifted sum for the variance, explicitly padded arrays for convolutions).
enum Oracle {
    // MARK: Element by element

    /// Rounded once to the output's type.
    static func cast(_ values: [Double], to dtype: DType) -> [Estimate] {
        let format = NumberFormat(dtype)
        return values.map { .exact(format.rounded($0)) }
    }

    static func gatherRows(table: DenseArray, indices: [Double]) -> [Estimate] {
        let rows = table.rows
        return indices.flatMap { rows[Int($0)] }.map { .exact($0) }
    }

    static func add(_ left: [Double], _ right: [Double]) -> [Estimate] {
        zip(left, right).map { Estimate.exact($0).plus(.exact($1)) }
    }

    static func multiply(_ left: [Double], _ right: [Double]) -> [Estimate] {
        zip(left, right).map { Estimate.exact($0).times(.exact($1)) }
    }

    static func scale(_ input: [Double], alpha: Float, beta: Float) -> [Estimate] {
        input.map { Estimate.exact($0).times(Double(alpha)).plus(.exact(Double(beta))) }
    }

    static func activation(_ input: [Double], _ activation: Activation) -> [Estimate] {
        input.map { Estimate.exact($0).activated(activation) }
    }

    // MARK: Reductions

    /// input [outer, n, inner]
    static func reduce(_ input: DenseArray, _ reduction: Reduction) -> [Estimate] {
        let (outer, count, inner) = (input.shape[0], input.shape[1], input.shape[2])
        var result: [Estimate] = []
        for i in 0..<outer {
            for j in 0..<inner {
                let items = (0..<count).map { input.values[(i * count + $0) * inner + j] }
                switch reduction {
                case .sum: result.append(sum(items))
                case .mean: result.append(sum(items).times(1 / Double(count)))
                case .maximum: result.append(.exact(largest(items)))
                }
            }
        }
        return result
    }

    static func sum(_ items: [Double]) -> Estimate {
        Estimate(
            value: items.reduce(0, +), error: Rounding.accumulation(items.count) * items.reduce(0) { $0 + abs($1) })
    }

    /// NaN if there is one among them.
    static func largest(_ items: [Double]) -> Double {
        items.contains(where: \.isNaN) ? .nan : items.max() ?? -.infinity
    }

    /// input [rows, n]
    static func argReduce(_ input: DenseArray, _ extremum: Extremum) -> [Estimate] {
        input.rows.map { row in
            let wanted = extremum == .maximum ? row.max() : row.min()
            let first = row.firstIndex(where: \.isNaN) ?? row.firstIndex { $0 == wanted } ?? row.startIndex
            return .exact(Double(first - row.startIndex))
        }
    }
}

extension Estimate {
    func activated(_ activation: Activation) -> Estimate {
        switch activation {
        case .none: self
        case .relu: relu()
        case .gelu: gelu()
        case .silu: silu()
        }
    }
}
