// SPDX-License-Identifier: MIT
private import Glibc

/// Weights of the right names and shapes without a checkpoint, for measurements: seeded random numbers, made when they
/// are asked for and given back after the call.
///
/// A tensor's numbers depend on the seed and its name only. They are of a size that keeps activations in range.
public final class RandomWeights: WeightSource {
    public let origin: String
    public let tensorNames: [String]
    private let shapes: [String: [Int]]
    private let seed: UInt64

    /// - Parameter tensors: names and shapes, such as ``ImageEncoderDescription/tensors``.
    public init(_ tensors: [(name: String, shape: [Int])], seed: UInt64) {
        origin = "random weights (seed \(seed))"
        shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
        tensorNames = shapes.keys.sorted()
        self.seed = seed
    }

    public func shape(of name: String) -> [Int]? { shapes[name] }

    /// - Throws: ``ModelError`` for a name that is not in the list; ``BackendError`` where there is no memory for the numbers;
    ///   what `body` throws.
    public func withTensor<Result>(_ name: String, _ body: (HostTensor) throws -> Result) throws -> Result {
        guard let shape = shapes[name] else {
            throw ModelError(.missingTensor, "\(origin): there is no tensor '\(name)'")
        }
        let (center, bound) = RandomWeights.range(name, shape)
        // FNV-1a: Swift's own hash differs from run to run.
        let stream = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var generator = CounterGenerator(seed: seed, stream: stream)
        let count = shape.reduce(1, *)
        // An array would end the process where there is no memory for it.
        guard let memory = malloc(max(1, count * MemoryLayout<Float>.stride)) else {
            throw BackendError(
                .outOfMemory,
                "no memory for \(count * MemoryLayout<Float>.stride) bytes, the random numbers of '\(name)'")
        }
        defer { free(memory) }
        let elements = memory.bindMemory(to: Float.self, capacity: count)
        for index in 0..<count { elements[index] = center + bound * (2 * generator.nextUniform() - 1) }
        let bytes = UnsafeRawBufferPointer(start: memory, count: count * MemoryLayout<Float>.stride)
        return try body(
            HostTensor(bytes: bytes, dtype: .float32, shape: shape, strides: Array(Shape(shape).denseStrides)))
    }

    /// Where the numbers of a tensor lie: around 0 with variance 1 / inputs for a matrix or kernel, around 1 for what
    /// scales, small for what is added.
    private static func range(_ name: String, _ shape: [Int]) -> (center: Float, bound: Float) {
        let isWeight = name.hasSuffix(".weight")
        if isWeight, shape.count > 1 { return (0, (3 / Float(max(1, shape.dropFirst().reduce(1, *)))).squareRoot()) }
        if isWeight || name.hasSuffix(".running_var") { return (1, 0.1) }
        return (0, shape.count > 1 ? 0.5 : 0.05)
    }
}
