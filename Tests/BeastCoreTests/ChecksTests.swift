// SPDX-License-Identifier: MIT
import BeastCore
import Testing

/// What people read when shapes do not fit: both sides of the mismatch, in one sentence.
@Suite("Checks of arguments") struct ChecksTests {
    private func view(_ shape: Shape, _ dtype: DType = .float32, strides: Shape? = nil) -> TensorView {
        TensorView(buffer: BufferHandle(rawValue: 1), dtype: dtype, shape: shape, strides: strides)
    }

    private func expect(
        _ message: String, _ arguments: some OpArguments, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        do throws(BackendError) {
            try arguments.validate()
            Issue.record("no error: \(message)", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == .invalidArgument && error.message == message, sourceLocation: sourceLocation)
        }
    }

    private let weight = BufferHandle(rawValue: 2)

    @Test("of element-wise ops say which views differ") func elementwise() {
        expect(
            "output has shape [2, 3], input has [3, 2]", CopyArguments(output: view([2, 3]), input: view([3, 2])))
        expect(
            "left has shape [1, 3], output has [2, 3]",
            AddArguments(output: view([2, 3]), left: view([1, 3]), right: view([2, 3])))
        expect(
            "left has elements of type int32, expected floating point",
            AddArguments(output: view([2, 3]), left: view([2, 3], .int32, strides: [0, 0]), right: view([2, 3])))
        expect(
            "input [2, 3]: stride 2 on the last axis, expected 1",
            ScaleArguments(output: view([2, 3]), input: view([2, 3], strides: [6, 2]), alpha: 1))
        expect(
            "output [2, 3], strides [0, 1]: an output must not overlap itself",
            FillArguments(output: view([2, 3], strides: [0, 1]), value: 0))
        expect(
            "output [2, 3], strides [2, 1]: an output must not overlap itself",
            FillArguments(output: view([2, 3], strides: [2, 1]), value: 0))
        expect(
            "indices has elements of type float32, expected int32",
            GatherRowsArguments(output: view([3, 2]), table: view([5, 2]), indices: view([3])))
        expect(
            "output [3, 2] does not fit indices [4] and table [5, 2]",
            GatherRowsArguments(output: view([3, 2]), table: view([5, 2]), indices: view([4], .int32)))
    }

    @Test("of products say what does not fit") func products() {
        expect(
            "inner dimensions differ, left [3, 4], right [5, 6]",
            MatmulArguments(output: view([3, 6]), left: view([3, 4]), right: view([5, 6])))
        expect(
            "output [3, 7] does not fit left [3, 4] and right [4, 6]",
            MatmulArguments(output: view([3, 7]), left: view([3, 4]), right: view([4, 6])))
        expect(
            "left [3, 4]: strides [8, 2], expected 1 on one of the last two axes",
            MatmulArguments(output: view([3, 6]), left: view([3, 4], strides: [8, 2]), right: view([4, 6])))
        expect(
            "output [3, 5] does not fit input [4, 6]: all axes but the last must be equal",
            LinearArguments(output: view([3, 5]), input: view([4, 6]), weight: weight))
        expect(
            "bias has shape [6], expected [5]",
            LinearArguments(
                output: view([3, 5]), input: view([3, 6]), weight: weight, epilogue: Epilogue(bias: view([6]))))
        expect(
            "residual has shape [5, 3], output has [3, 5]",
            LinearArguments(
                output: view([3, 5]), input: view([3, 6]), weight: weight, epilogue: Epilogue(residual: view([5, 3]))))
        expect(
            "6 and 4 channels cannot be split into 4 groups",
            Conv2dArguments(output: view([1, 3, 3, 4]), input: view([1, 3, 3, 6]), weight: weight, groups: 4))
        expect(
            "strides 0, 1: expected 1 or more",
            Conv2dArguments(output: view([1, 3, 3, 4]), input: view([1, 3, 3, 4]), weight: weight, strideY: 0))
    }

    @Test("of norms, softmax and reductions say what is out of range") func others() {
        expect(
            "key length 5, expected 0 to 4", SoftmaxArguments(output: view([3, 4]), input: view([3, 4]), keyLength: 5))
        expect(
            "query offset -1, expected 0 or more",
            SoftmaxArguments(output: view([3, 4]), input: view([3, 4]), isCausal: true, queryOffset: -1, keyLength: 4))
        expect(
            "output [4]: rank 1, expected 2 to 4", SoftmaxArguments(output: view([4]), input: view([4]), keyLength: 4))
        expect(
            "weight has shape [3], expected [4]",
            LayerNormArguments(
                output: view([2, 4]), input: view([2, 4]), weight: view([3]), bias: view([4]), epsilon: 1))
        expect(
            "epsilon is -1.0, expected 0 or more",
            LayerNormArguments(
                output: view([2, 4]), input: view([2, 4]), weight: view([4]), bias: view([4]), epsilon: -1))
        expect(
            "activation gelu after a norm, expected none or silu",
            LayerNormArguments(
                output: view([2, 4]), input: view([2, 4]), weight: view([4]), bias: view([4]), epsilon: 1,
                activation: .gelu))
        expect(
            "4 channels cannot be split into 3 groups",
            GroupNormArguments(
                output: view([2, 4]), input: view([2, 4]), weight: view([4]), bias: view([4]), epsilon: 1, groups: 3))
        expect("mean of no elements", ReduceArguments(output: view([2, 4]), input: view([2, 0, 4]), reduction: .mean))
        expect(
            "padding must be smaller than the kernel 2 x 2",
            MaxPool2dArguments(
                output: view([1, 3, 3, 1]), input: view([1, 2, 2, 1]), kernelY: 2, kernelX: 2, paddingTop: 2))
        expect(
            "query [1, 1, 3, 8] does not fit key [1, 1, 4, 9]: batch, heads and head dimension must be equal",
            AttentionArguments(
                output: view([1, 1, 3, 8]), query: view([1, 1, 3, 8]), key: view([1, 1, 4, 9]),
                value: view([1, 1, 4, 9]),
                scale: 1, keyLength: 4))
        expect(
            "head dimension 513, at most 512 is allowed",
            AttentionProbabilitiesArguments(
                output: view([1, 1, 3, 4]), query: view([1, 1, 3, 513]), key: view([1, 1, 4, 513]), scale: 1,
                keyLength: 4))
        expect(
            "the 5 largest of 4 elements",
            TopKArguments(
                values: view([1, 5]), indices: view([1, 5], .int32), ties: view([1], .int32), input: view([1, 4])))
    }

    @Test("do not trap on extents that overflow") func overflow() {
        let huge = TensorView(
            buffer: BufferHandle(rawValue: 1), shape: [1, 1 << 20, 1 << 20, 3], strides: [0, 0, 0, 1])
        expect(
            "output [1, 1, 1] does not fit input [1, 1048576, 1048576, 3], patch (1, 1, 1): "
                + "expected 1099511627776 patches",
            PatchEmbeddingArguments(output: view([1, 1, 1]), input: huge, weight: weight, patch: Extent3(1, 1, 1)))
        let most = Int(Int32.max)
        let transposed = ConvTranspose3dArguments(
            output: view([1, 1, 1, 1, 1]), input: view([1, 1 << 30, 1, 1, 1], strides: [0, 0, 0, 0, 1]), weight: weight,
            stride: Extent3(most, 1, 1), paddingBefore: Extent3(most, 0, 0), paddingAfter: Extent3(most, 0, 0))
        #expect(transposed.outputShape(kernel: Extent3(1, 1, 1), channels: 1) == nil)
    }
}
