// SPDX-License-Identifier: MIT
import BeastCore
import Testing

/// A dense array of doubles for the naive loops that results are held against. Elements are float32 values where it is
/// made at random, so that the backend starts from the same numbers.
struct Grid {
    let shape: [Int]
    var elements: [Double]

    init(_ shape: [Int], repeating value: Double = 0) {
        self.shape = shape
        elements = Array(repeating: value, count: shape.reduce(1, *))
    }

    init(_ shape: [Int], _ elements: [Float]) {
        self.shape = shape
        self.elements = elements.map(Double.init)
    }

    /// Uniform in ±`bound`, the same for the same seed.
    static func random(_ shape: [Int], seed: UInt64, bound: Float = 1) -> Grid {
        var generator = SplitMix64(state: seed)
        return Grid(shape, (0..<shape.reduce(1, *)).map { _ in Float.random(in: -bound...bound, using: &generator) })
    }

    var floats: [Float] { elements.map { Float($0) } }

    subscript(_ position: Int...) -> Double {
        get { elements[offset(position)] }
        set { elements[offset(position)] = newValue }
    }

    private func offset(_ position: [Int]) -> Int {
        precondition(position.count == shape.count, "\(position) of \(shape)")
        var offset = 0
        for (index, extent) in zip(position, shape) {
            precondition(index >= 0 && index < extent, "\(position) of \(shape)")
            offset = offset * extent + index
        }
        return offset
    }
}

/// Steele, Lea and Flood 2014: small, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

extension Session {
    func tensor(_ grid: Grid) throws -> Tensor { try makeTensor(grid.floats, shape: Shape(grid.shape)) }

    func weight(_ kind: WeightKind, _ grid: Grid, groups: Int = 1) throws -> Weight {
        try grid.floats.withUnsafeBytes { bytes in
            let part = HostTensor(
                bytes: bytes, dtype: .float32, shape: grid.shape, strides: Array(Shape(grid.shape).denseStrides))
            return try prepareWeight(kind, [part], groups: groups)
        }
    }

    /// A tensor full of a number that no right result holds, so that an element left out is seen.
    func blank(_ shape: Shape) throws -> Tensor {
        try makeTensor([Float](repeating: -12345, count: shape.elementCount), shape: shape)
    }
}

/// Holds a result against doubles; the message names the worst element.
func expectClose(
    _ actual: [Float], _ expected: Grid, within tolerance: Double, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.elements.count else {
        Issue.record("\(actual.count) elements, expected \(expected.elements.count)", sourceLocation: sourceLocation)
        return
    }
    var (worst, difference) = (0, -1.0)
    for (index, (found, wanted)) in zip(actual, expected.elements).enumerated() {
        let distance = Double(found) == wanted ? 0 : abs(Double(found) - wanted)
        if distance.isNaN || distance > difference {
            (worst, difference) = (index, distance)
            if distance.isNaN { break }
        }
    }
    guard !actual.isEmpty else { return }
    #expect(
        difference <= tolerance,
        "\(comment.map { "\($0): " } ?? "")element \(worst) of \(expected.shape): \(actual[worst]), expected \(expected.elements[worst]), tolerance \(tolerance)",
        sourceLocation: sourceLocation)
}
