import CBeasts
import Testing

// SPDX-License-Identifier: MIT
@testable import BeastCore

/// Arguments on their way across: every field must arrive in the C field of its name, and come back.
@Suite("Arguments in C form") struct RoundTripTests {
    /// Views that differ in every field.
    private func view(_ number: Int) -> TensorView {
        TensorView(
            buffer: BufferHandle(rawValue: UInt64(number)), offset: 10 * number, dtype: DType.allCases[number % 3],
            shape: [number + 1, 2, 3], strides: [1000 * number, 7, 1])
    }

    private var epilogue: Epilogue {
        Epilogue(bias: view(8), residual: view(9), activation: .silu, order: .residualThenActivation)
    }

    /// Reads the C form back; the C form of that must be the same, byte for byte.
    private func roundTrip<Arguments: OpArguments>(_ arguments: Arguments) throws -> Arguments.Contract {
        var contract = arguments.contract
        let size = withUnsafeBytes(of: contract) { $0.loadUnaligned(as: UInt32.self) }
        #expect(Int(size) == MemoryLayout<Arguments.Contract>.size)
        var again = try withUnsafePointer(to: &contract) { try Arguments.read(UnsafeRawPointer($0)) }.contract
        #expect(withUnsafeBytes(of: &contract) { Array($0) } == withUnsafeBytes(of: &again) { Array($0) })
        return contract
    }

    private func expect(_ found: beasts_view, _ number: Int) {
        #expect(found.buffer == UInt64(number) && found.offset == Int64(10 * number) && found.rank == 3)
        #expect(found.dtype == DType.allCases[number % 3].rawValue)
        #expect(found.shape.0 == Int64(number + 1) && found.shape.1 == 2 && found.shape.2 == 3 && found.shape.3 == 0)
        #expect(
            found.stride.0 == Int64(1000 * number) && found.stride.1 == 7 && found.stride.2 == 1 && found.stride.3 == 0)
    }

    private func expect(_ found: beasts_epilogue) {
        expect(found.bias, 8)
        expect(found.residual, 9)
        #expect(found.activation == 4 && found.order == 2)
    }

    @Test("of element-wise ops") func elementwise() throws {
        let fill = try roundTrip(FillArguments(output: view(1), value: 0.3))
        expect(fill.output, 1)
        #expect(fill.value == 0.3)
        let copy = try roundTrip(CopyArguments(output: view(1), input: view(2)))
        expect(copy.output, 1)
        expect(copy.input, 2)
        let gather = try roundTrip(GatherRowsArguments(output: view(1), table: view(2), indices: view(3)))
        expect(gather.output, 1)
        expect(gather.table, 2)
        expect(gather.indices, 3)
        for binary in [
            try roundTrip(AddArguments(output: view(1), left: view(2), right: view(3))),
            try roundTrip(MultiplyArguments(output: view(1), left: view(2), right: view(3))),
        ] {
            expect(binary.output, 1)
            expect(binary.left, 2)
            expect(binary.right, 3)
        }
        let scale = try roundTrip(ScaleArguments(output: view(1), input: view(2), alpha: 3, beta: 4))
        expect(scale.output, 1)
        expect(scale.input, 2)
        #expect(scale.alpha == 3 && scale.beta == 4)
        let activation = try roundTrip(ActivationArguments(output: view(1), input: view(2), activation: .gelu))
        expect(activation.output, 1)
        expect(activation.input, 2)
        #expect(activation.activation == 3)
    }

    @Test("of products") func products() throws {
        let matmul = try roundTrip(MatmulArguments(output: view(1), left: view(2), right: view(3), alpha: 5))
        expect(matmul.output, 1)
        expect(matmul.left, 2)
        expect(matmul.right, 3)
        #expect(matmul.alpha == 5)
        let linear = try roundTrip(
            LinearArguments(
                output: view(1), input: view(2), weight: BufferHandle(rawValue: 99), alpha: 6, epilogue: epilogue))
        expect(linear.output, 1)
        expect(linear.input, 2)
        expect(linear.epilogue)
        #expect(linear.weight == 99 && linear.alpha == 6)
        let bare = try roundTrip(LinearArguments(output: view(1), input: view(2), weight: BufferHandle(rawValue: 99)))
        #expect(bare.epilogue.bias.buffer == 0 && bare.epilogue.residual.buffer == 0)
        #expect(bare.epilogue.activation == 1 && bare.epilogue.order == 1 && bare.alpha == 1)
    }

    @Test("of windows over pictures") func windows() throws {
        let conv = try roundTrip(
            Conv2dArguments(
                output: view(1), input: view(2), weight: BufferHandle(rawValue: 99), strideY: 11, strideX: 12,
                paddingTop: 13,
                paddingBottom: 14, paddingLeft: 15, paddingRight: 16, groups: 17, epilogue: epilogue))
        expect(conv.output, 1)
        expect(conv.input, 2)
        expect(conv.epilogue)
        #expect(conv.weight == 99 && conv.groups == 17 && conv.stride_y == 11 && conv.stride_x == 12)
        #expect([conv.padding_top, conv.padding_bottom, conv.padding_left, conv.padding_right] == [13, 14, 15, 16])
        let pool = try roundTrip(
            MaxPool2dArguments(
                output: view(1), input: view(2), kernelY: 21, kernelX: 22, strideY: 23, strideX: 24, paddingTop: 25,
                paddingBottom: 26, paddingLeft: 27, paddingRight: 28))
        expect(pool.output, 1)
        expect(pool.input, 2)
        #expect([pool.kernel_y, pool.kernel_x, pool.stride_y, pool.stride_x] == [21, 22, 23, 24])
        #expect([pool.padding_top, pool.padding_bottom, pool.padding_left, pool.padding_right] == [25, 26, 27, 28])
    }

    @Test("of softmax and attention") func attention() throws {
        let softmax = try roundTrip(
            SoftmaxArguments(output: view(1), input: view(2), scale: 3, isCausal: true, queryOffset: 4, keyLength: 5))
        expect(softmax.output, 1)
        expect(softmax.input, 2)
        #expect(softmax.scale == 3 && softmax.causal == 1 && softmax.query_offset == 4 && softmax.key_length == 5)
        let attention = try roundTrip(
            AttentionArguments(
                output: view(1), query: view(2), key: view(3), value: view(4), scale: 3, isCausal: true, queryOffset: 4,
                keyLength: 5))
        for (found, number) in [(attention.output, 1), (attention.query, 2), (attention.key, 3), (attention.value, 4)] {
            expect(found, number)
        }
        #expect(
            attention.scale == 3 && attention.causal == 1 && attention.query_offset == 4 && attention.key_length == 5)
        let maps = try roundTrip(
            AttentionProbabilitiesArguments(
                output: view(1), query: view(2), key: view(3), scale: 3, isCausal: false, queryOffset: 4, keyLength: 5))
        for (found, number) in [(maps.output, 1), (maps.query, 2), (maps.key, 3)] { expect(found, number) }
        #expect(maps.scale == 3 && maps.causal == 0 && maps.query_offset == 4 && maps.key_length == 5)
    }

    @Test("of norms") func norms() throws {
        let layer = try roundTrip(
            LayerNormArguments(
                output: view(1), input: view(2), weight: view(3), bias: view(4), epsilon: 0.5, activation: .silu))
        for (found, number) in [(layer.output, 1), (layer.input, 2), (layer.weight, 3), (layer.bias, 4)] {
            expect(found, number)
        }
        #expect(layer.epsilon == 0.5 && layer.activation == 4)
        let group = try roundTrip(
            GroupNormArguments(
                output: view(1), input: view(2), weight: view(3), bias: view(4), epsilon: 0.5, groups: 32))
        for (found, number) in [(group.output, 1), (group.input, 2), (group.weight, 3), (group.bias, 4)] {
            expect(found, number)
        }
        #expect(group.epsilon == 0.5 && group.groups == 32 && group.activation == 1)
        let sum = try roundTrip(
            ResidualLayerNormArguments(
                output: view(1), residual: view(2), input: view(3), weight: view(4), bias: view(5), epsilon: 0.25))
        for (found, number) in [(sum.output, 1), (sum.residual, 2), (sum.input, 3), (sum.weight, 4), (sum.bias, 5)] {
            expect(found, number)
        }
        #expect(sum.epsilon == 0.25)
    }

    @Test("of reductions") func reductions() throws {
        let reduce = try roundTrip(ReduceArguments(output: view(1), input: view(2), reduction: .maximum))
        expect(reduce.output, 1)
        expect(reduce.input, 2)
        #expect(reduce.reduction == 3)
        let extremum = try roundTrip(ArgReduceArguments(output: view(1), input: view(2), extremum: .minimum))
        expect(extremum.output, 1)
        expect(extremum.input, 2)
        #expect(extremum.extremum == 2)
        let nearest = try roundTrip(
            NearestCodeArguments(
                codes: view(1), distances: view(2), input: view(3), weight: BufferHandle(rawValue: 99),
                squaredNorms: view(4)))
        for (found, number) in [
            (nearest.codes, 1), (nearest.distances, 2), (nearest.input, 3), (nearest.squared_norms, 4),
        ] {
            expect(found, number)
        }
        #expect(nearest.weight == 99)
        let top = try roundTrip(TopKArguments(values: view(1), indices: view(2), ties: view(3), input: view(4)))
        for (found, number) in [(top.values, 1), (top.indices, 2), (top.ties, 3), (top.input, 4)] {
            expect(found, number)
        }
    }

    @Test("of windows over clips, and patches") func clips() throws {
        let weight = BufferHandle(rawValue: 99)
        let conv = try roundTrip(
            Conv3dArguments(
                output: view(1), input: view(2), weight: weight, stride: Extent3(1, 2, 3),
                paddingBefore: Extent3(4, 5, 6),
                paddingAfter: Extent3(7, 8, 9), paddingMode: .replicate, epilogue: epilogue))
        expect(conv.output, 1)
        expect(conv.input, 2)
        expect(conv.epilogue)
        #expect(conv.weight == 99 && conv.padding_mode == 2 && conv.stride == (1, 2, 3))
        #expect(conv.padding_before == (4, 5, 6) && conv.padding_after == (7, 8, 9))
        let transposed = try roundTrip(
            ConvTranspose3dArguments(
                output: view(1), input: view(2), weight: weight, stride: Extent3(1, 2, 3),
                paddingBefore: Extent3(4, 5, 6),
                paddingAfter: Extent3(7, 8, 9), cropping: Extent3(10, 11, 12), paddingMode: .zero, epilogue: epilogue))
        expect(transposed.output, 1)
        expect(transposed.input, 2)
        expect(transposed.epilogue)
        #expect(transposed.weight == 99 && transposed.padding_mode == 1 && transposed.stride == (1, 2, 3))
        #expect(transposed.padding_before == (4, 5, 6) && transposed.padding_after == (7, 8, 9))
        #expect(transposed.cropping == (10, 11, 12))
        let patches = try roundTrip(
            PatchEmbeddingArguments(
                output: view(1), input: view(2), weight: weight, bias: view(3), patch: Extent3(2, 16, 8)))
        for (found, number) in [(patches.output, 1), (patches.input, 2), (patches.bias, 3)] { expect(found, number) }
        #expect(patches.weight == 99 && patches.patch == (2, 16, 8))
    }
}
