// SPDX-License-Identifier: MIT
internal import BeastWeights

/// Holds results against the expected arrays of one case and remembers the worst.
struct FixtureComparison {
    let folder: String
    private(set) var worstRatio = 0.0
    private(set) var isIdentical: Bool?
    private(set) var failures: [String] = []
    private(set) var comparedCount = 0
    /// What a case without expected arrays is reported with.
    private(set) var remark: String?

    init(folder: String) { self.folder = folder }

    /// Records a check that is no comparison of arrays.
    mutating func check(_ isFulfilled: Bool, _ failure: @autoclosure () -> String) {
        comparedCount += 1
        if !isFulfilled { failures.append(failure()) }
    }

    /// Sets what the report says of the case instead of how many outputs were compared.
    mutating func remark(_ text: String) { remark = text }

    /// Compares floats by the rule `|got - expected| <= atol + rtol * |expected|`; a NaN on either side never passes.
    mutating func compare(_ name: String, _ values: [Float], shape: [Int], with output: FixtureCase.Output) throws {
        guard output.compare == "close", let absolute = output.atol, let relative = output.rtol else {
            throw FixtureError("output '\(name)': rule '\(output.compare)' is not one for floats")
        }
        let expected = try NumpyArray.read(path: "\(folder)/\(output.file)")
        comparedCount += 1
        guard expected.shape == shape, values.count == expected.count else {
            failures.append("\(name): shape \(shape), expected \(expected.shape)")
            return
        }
        var worst = (ratio: 0.0, index: 0)
        let reference = expected.floats()
        for index in values.indices {
            let (got, wanted) = (Double(values[index]), Double(reference[index]))
            let ratio = abs(got - wanted) / (absolute + relative * abs(wanted))
            if !(ratio <= worst.ratio) { worst = (ratio.isNaN ? .infinity : ratio, index) }
        }
        worstRatio = max(worstRatio, worst.ratio)
        if worst.ratio > 1 {
            failures.append(
                "\(name): element \(worst.index) of \(shape) is \(values[worst.index]), expected \(reference[worst.index])"
            )
        }
    }

    /// Compares 8-bit values by their largest and mean difference.
    mutating func compare(_ name: String, _ values: [UInt8], shape: [Int], with output: FixtureCase.Output) throws {
        guard output.compare == "uint8" || output.compare == "exact" else {
            throw FixtureError("output '\(name)': rule '\(output.compare)' is not one for bytes")
        }
        let expected = try NumpyArray.read(path: "\(folder)/\(output.file)")
        comparedCount += 1
        guard expected.shape == shape, let reference = expected.integers(), reference.count == values.count else {
            failures.append("\(name): shape \(shape), expected \(expected.shape)")
            return
        }
        var (largest, sum) = (0, 0)
        for index in values.indices {
            let difference = abs(Int(values[index]) - reference[index])
            largest = max(largest, difference)
            sum += difference
        }
        isIdentical = (isIdentical ?? true) && largest == 0
        let mean = Double(sum) / Double(max(1, values.count))
        if largest > output.max_diff ?? 0 || mean > output.mean_diff ?? 0 {
            failures.append("\(name): differs by up to \(largest), on average \(mean)")
        }
    }

    /// Compares integers, all of which must be equal.
    /// - Parameter isExcused: whether a difference at an index is one that the case does not mind, such as a tie.
    mutating func compare(
        _ name: String, _ values: [Int32], shape: [Int], with output: FixtureCase.Output,
        isExcused: (_ index: Int, _ expected: Int) throws -> Bool = { _, _ in false }
    ) throws {
        guard output.compare == "exact" else {
            throw FixtureError("output '\(name)': rule '\(output.compare)' is not one for integers")
        }
        let expected = try NumpyArray.read(path: "\(folder)/\(output.file)")
        comparedCount += 1
        guard expected.shape == shape, let reference = expected.integers(), reference.count == values.count else {
            failures.append("\(name): shape \(shape), expected \(expected.shape)")
            return
        }
        for index in values.indices where Int(values[index]) != reference[index] {
            if try isExcused(index, reference[index]) { continue }
            failures.append(
                "\(name): element \(index) of \(shape) is \(values[index]), expected \(reference[index])")
            return
        }
    }
}
