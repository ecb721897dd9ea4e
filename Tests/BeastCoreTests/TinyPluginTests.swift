// SPDX-License-Identifier: MIT
import BeastCore
import Testing

/// A plugin in C that knows nothing but the header: proof that the contract needs no more.
@Suite("The tiny plugin") struct TinyPluginTests {
    private let context: PluginBackend

    init() throws { context = try PluginLibrary(path: "\(buildFolder)/libBeastTestTinyPlugin.so").makeContext() }

    private func view(_ values: [Float], _ shape: Shape) throws -> TensorView {
        let buffer = try context.makeBuffer(byteCount: values.count * 4)
        try values.withUnsafeBytes { try context.upload($0, to: buffer, byteOffset: 0) }
        return TensorView(buffer: buffer, shape: shape)
    }

    private func values(_ view: TensorView) throws -> [Float] {
        var values = [Float](repeating: .nan, count: view.elementCount)
        try values.withUnsafeMutableBytes { try context.download($0, from: view.buffer, byteOffset: 0) }
        return values
    }

    @Test("computes linear with a bias") func linear() throws {
        let input = try view([1, 2, 3, 4, 5, 6], [2, 3])
        let bias = try view([100, 200], [2])
        let output = try view([0, 0, 0, 0], [2, 2])
        let matrix: [Float] = [1, 0, -1, 2, 2, 2]
        let weight = try matrix.withUnsafeBytes { bytes in
            try context.prepareWeight(
                WeightDescription(
                    kind: .linear, parts: [HostTensor(bytes: bytes, dtype: .float32, shape: [2, 3], strides: [3, 1])]))
        }
        #expect(weight.byteCount == 24)
        try context.linear(
            LinearArguments(
                output: output, input: input, weight: weight.handle, alpha: 2, epilogue: Epilogue(bias: bias)))
        #expect(try values(output) == [96, 224, 96, 260])
        try context.releaseWeight(weight.handle)
        #expect(throws: BackendError.self) {
            try context.linear(LinearArguments(output: output, input: input, weight: weight.handle))
        }
    }

    @Test("fills, copies, adds, multiplies and scales") func elementwise() throws {
        let (a, b) = (try view([1, 2, 3], [3]), try view([0, 0, 0], [3]))
        try context.fill(FillArguments(output: b, value: 10))
        try context.add(AddArguments(output: b, left: a, right: b))
        #expect(try values(b) == [11, 12, 13])
        try context.multiply(MultiplyArguments(output: b, left: b, right: a))
        try context.scale(ScaleArguments(output: b, input: b, alpha: 2, beta: 1))
        try context.copy(CopyArguments(output: a, input: b))
        #expect(try values(a) == [23, 49, 79])
    }

    @Test("answers unsupported, with its name, to what it leaves out") func unsupported() throws {
        let x = try view([1, 2], [1, 2])
        do throws(BackendError) {
            try context.softmax(SoftmaxArguments(output: x, input: x, keyLength: 2))
            Issue.record("softmax ran")
        } catch {
            #expect(error.code == .unsupported)
            #expect(error.description == "backend 'tiny': softmax: left out of this small backend")
        }
        #expect(!context.library.hasEntry(.attention))
        #expect(
            !context.supports(
                AttentionArguments(output: x, query: x, key: x, value: x, scale: 1, keyLength: 1)))
    }
}
