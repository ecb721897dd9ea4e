// SPDX-License-Identifier: MIT
internal import BeastCore

/// The matrices of one product, made once.
struct LimitOperands {
    private let left: Tensor
    private let right: Tensor
    private let weight: Weight
    private let output: Tensor

    init(_ shape: MatmulLimit.ShapeResult, _ session: Session) throws {
        let precision = session.precision
        left = try session.makeTensor(Self.elements(shape.m * shape.k), shape: [shape.m, shape.k])
            .cast(to: precision.activations)
        let elements = Self.elements(shape.k * shape.n)
        right = try session.makeTensor(elements, shape: [shape.k, shape.n])
        weight = try elements.withUnsafeBytes { bytes in
            try session.prepareWeight(
                .linear,
                [HostTensor(bytes: bytes, dtype: .float32, shape: [shape.n, shape.k], strides: [shape.k, 1])],
                target: precision.matrices)
        }
        output = try session.makeTensor([shape.m, shape.n], dtype: precision.activations)
    }

    var matmul: MatmulArguments { MatmulArguments(output: output.view, left: left.view, right: right.view) }
    var linear: LinearArguments { LinearArguments(output: output.view, input: left.view, weight: weight.handle) }

    /// Noise from -1 to 1 that repeats itself, which no product takes notice of.
    private static func elements(_ count: Int) -> [Float] {
        var generator = CounterGenerator(seed: 1, stream: 0)
        let pattern = (0..<1021).map { _ in 2 * generator.nextUniform() - 1 }
        var elements: [Float] = []
        elements.reserveCapacity(count + pattern.count)
        while elements.count < count { elements += pattern }
        elements.removeLast(elements.count - count)
        return elements
    }
}
