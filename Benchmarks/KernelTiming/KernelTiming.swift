// SPDX-License-Identifier: MIT
import BeastCore
import Foundation

/// `kernel-timing BACKEND.so [--f16] [--device N] CASE...`: times single ops of a backend.
///
/// A case is `linear:M,K,N`, `matmul:M,K,N`, `attention:B,H,T,D` or `conv:B,H,W,C,N,KERNEL,STRIDE,GROUPS`. Each prints its
/// name, the best milliseconds of a call, and GFLOP/s.
@main struct KernelTiming {
    let session: Session
    let dtype: DType

    static func main() throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        func take(_ flag: String) -> Bool {
            guard let place = arguments.firstIndex(of: flag) else { return false }
            arguments.remove(at: place)
            return true
        }
        let dtype: DType = take("--f16") ? .float16 : .float32
        var device: Int?
        if let place = arguments.firstIndex(of: "--device"), place + 1 < arguments.count {
            device = Int(arguments[place + 1])
            arguments.removeSubrange(place...place + 1)
        }
        guard arguments.count >= 2 else {
            FileHandle.standardError.write(Data("usage: kernel-timing BACKEND.so [--f16] [--device N] CASE...\n".utf8))
            exit(64)
        }
        let library = try PluginLibrary(path: arguments[0])
        print("\(library.name) on \(try library.probe(device: device).deviceName), \(dtype)")
        let session = Session(backend: try library.makeContext(ContextOptions(device: device)))
        for name in arguments.dropFirst() { try KernelTiming(session: session, dtype: dtype).run(name) }
    }

    private func run(_ name: String) throws {
        let parts = name.split(separator: ":")
        let numbers = parts.last?.split(separator: ",").compactMap { Int($0) } ?? []
        switch (parts.first ?? "", numbers.count) {
        case ("linear", 3): try time(name) { try linear(numbers) }
        case ("matmul", 3): try time(name) { try matmul(numbers) }
        case ("attention", 4): try time(name) { try attention(numbers) }
        case ("conv", 8): try time(name) { try convolution(numbers) }
        default: print("\(name): no such case")
        }
    }

    /// Calls that fill at least a tenth of a second, three times over, after a first one that compiles.
    private func time(_ name: String, _ make: () throws -> (operations: Double, call: () throws -> Void)) throws {
        let (operations, call) = try make()
        func seconds(_ count: Int) throws -> Double {
            let start = ContinuousClock.now
            for _ in 0..<count { try call() }
            try session.backend.synchronize()
            let duration = (ContinuousClock.now - start).components
            return Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
        }
        _ = try seconds(1)
        let count = max(1, Int(0.1 / max(try seconds(1), 1e-6)))
        let best = try (0..<3).map { _ in try seconds(count) / Double(count) }.min() ?? 0
        print(String(format: "%@ %.4f ms %.1f GFLOP/s", name, best * 1e3, operations / best * 1e-9))
    }

    private func tensor(_ shape: Shape) throws -> Tensor {
        let elements = (0..<shape.elementCount).map { Float(($0 * 7919) % 1009) / 1009 - 0.5 }
        let source = try session.makeTensor(elements, shape: shape)
        if dtype == .float32 { return source }
        let result = try session.makeTensor(shape, dtype: dtype)
        try session.run(CopyArguments(output: result.view, input: source.view))
        return result
    }

    private func weight(_ kind: WeightKind, _ shape: [Int], groups: Int = 1) throws -> Weight {
        let count = shape.reduce(1, *)
        let elements = (0..<count).map { Float(($0 * 104_729) % 997) / 997 - 0.5 }
        return try elements.withUnsafeBytes { bytes in
            let part = HostTensor(
                bytes: bytes, dtype: .float32, shape: shape, strides: Array(Shape(shape).denseStrides))
            return try session.prepareWeight(kind, [part], groups: groups, target: dtype)
        }
    }

    private func linear(_ n: [Int]) throws -> (Double, () throws -> Void) {
        let input = try tensor([n[0], n[1]])
        let output = try session.makeTensor([n[0], n[2]], dtype: dtype)
        let bias = try session.makeTensor([Float](repeating: 0.1, count: n[2]), shape: [n[2]])
        let weight = try weight(.linear, [n[2], n[1]])
        return (
            2 * Double(n[0]) * Double(n[1]) * Double(n[2]),
            {
                try session.run(
                    LinearArguments(
                        output: output.view, input: input.view, weight: weight.handle,
                        epilogue: Epilogue(bias: bias.view)))
            }
        )
    }

    private func matmul(_ n: [Int]) throws -> (Double, () throws -> Void) {
        let (left, right) = (try tensor([n[0], n[1]]), try tensor([n[1], n[2]]))
        let output = try session.makeTensor([n[0], n[2]], dtype: dtype)
        return (
            2 * Double(n[0]) * Double(n[1]) * Double(n[2]),
            { try session.run(MatmulArguments(output: output.view, left: left.view, right: right.view)) }
        )
    }

    private func attention(_ n: [Int]) throws -> (Double, () throws -> Void) {
        let qkv = try tensor([n[0], n[2], 3, n[1], n[3]]).permuted(2, 0, 3, 1, 4)
        let output = try session.makeTensor([n[0], n[2], n[1], n[3]], dtype: dtype).permuted(0, 2, 1, 3)
        return (
            4 * Double(n[0] * n[1]) * Double(n[2]) * Double(n[2]) * Double(n[3]),
            {
                try session.run(
                    AttentionArguments(
                        output: output.view, query: qkv.select(0, 0).view, key: qkv.select(0, 1).view,
                        value: qkv.select(0, 2).view, scale: 0.125, keyLength: n[2]))
            }
        )
    }

    private func convolution(_ n: [Int]) throws -> (Double, () throws -> Void) {
        let (kernel, step, groups) = (n[5], n[6], n[7])
        let padding = kernel / 2
        let extents = [n[1], n[2]].map { ($0 + 2 * padding - kernel) / step + 1 }
        let input = try tensor([n[0], n[1], n[2], n[3]])
        let output = try session.makeTensor([n[0], extents[0], extents[1], n[4]], dtype: dtype)
        let weight = try weight(.conv2d, [n[4], n[3] / groups, kernel, kernel], groups: groups)
        let operations = 2 * Double(output.shape.elementCount) * Double(n[3] / groups * kernel * kernel)
        return (
            operations,
            {
                try session.run(
                    Conv2dArguments(
                        output: output.view, input: input.view, weight: weight.handle, strideY: step, strideX: step,
                        paddingTop: padding, paddingBottom: padding, paddingLeft: padding, paddingRight: padding,
                        groups: groups))
            }
        )
    }
}
