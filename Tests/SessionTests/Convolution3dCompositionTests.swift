// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// 3-D convolutions on a backend that has only two dimensions.
@Suite struct Convolution3dCompositionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var batch = 2
        var input = Extent3(4, 3, 5)
        var channels = 2
        var outputs = 3
        var kernel = Extent3(3, 3, 3)
        var stride = Extent3(1, 1, 1)
        var before = Extent3(0, 0, 0)
        var after = Extent3(0, 0, 0)
        var cropping = Extent3(0, 0, 0)
        var mode = PaddingMode.zero
        var hasBias = false
        var hasResidual = false
        var activation = Activation.none
        var order = EpilogueOrder.activationThenResidual

        var testDescription: String {
            "\(batch) x \(input) x \(channels) -> \(outputs), kernel \(kernel), stride \(stride), \(mode) \(before) \(after), "
                + "cropping \(cropping), bias \(hasBias), residual \(hasResidual), \(activation) \(order)"
        }
    }

    private static let ones = Extent3(1, 1, 1)

    static let forward: [Case] = [
        Case(), Case(batch: 1, input: Extent3(1, 1, 1), kernel: ones), Case(kernel: ones, hasBias: true),
        Case(before: ones, after: ones), Case(before: ones, after: ones, mode: .replicate, hasBias: true),
        // The published video model's way: kernel 4, stride 2, and stride 1 with uneven padding.
        Case(kernel: Extent3(4, 4, 4), stride: Extent3(2, 2, 2), before: ones, after: ones, mode: .replicate),
        Case(
            kernel: Extent3(4, 4, 4), stride: Extent3(1, 2, 2), before: Extent3(2, 1, 1), after: ones, mode: .replicate,
            hasBias: true),
        Case(kernel: Extent3(2, 3, 1), stride: Extent3(2, 1, 3), before: Extent3(0, 2, 1), after: Extent3(3, 0, 2)),
        Case(
            kernel: Extent3(2, 3, 1), stride: Extent3(2, 1, 3), before: Extent3(0, 2, 1), after: Extent3(3, 0, 2),
            mode: .replicate),
        // Padding wider than the clip itself.
        Case(input: Extent3(1, 2, 1), before: Extent3(3, 2, 4), after: Extent3(2, 3, 3), mode: .replicate),
        Case(before: ones, after: ones, hasBias: true, hasResidual: true, activation: .silu),
        Case(
            before: ones, after: ones, hasBias: true, hasResidual: true, activation: .relu,
            order: .residualThenActivation),
        Case(hasResidual: true), Case(activation: .gelu), Case(batch: 0),
    ]

    static let transposed: [Case] = [
        Case(), Case(batch: 1, input: Extent3(1, 1, 1), kernel: ones), Case(stride: Extent3(2, 2, 2)),
        Case(kernel: Extent3(4, 3, 2), stride: Extent3(2, 1, 3), cropping: Extent3(1, 2, 0), hasBias: true),
        Case(kernel: Extent3(2, 2, 2), stride: Extent3(3, 3, 3)),
        Case(before: Extent3(1, 0, 2), after: Extent3(0, 2, 1), cropping: ones),
        Case(before: Extent3(1, 0, 2), after: Extent3(0, 2, 1), cropping: Extent3(2, 2, 2), mode: .replicate),
        Case(stride: Extent3(2, 2, 2), hasBias: true, hasResidual: true, activation: .silu),
        Case(
            stride: Extent3(2, 2, 2), hasBias: true, hasResidual: true, activation: .relu,
            order: .residualThenActivation),
    ]

    private static func list(_ extent: Extent3) -> [Int] { [extent.time, extent.height, extent.width] }

    /// The clip with its surroundings, each element by asking where it comes from.
    private static func padded(_ clip: Grid, _ c: Case) -> Grid {
        let (before, after) = (list(c.before), list(c.after))
        let extents = (0..<3).map { clip.shape[$0 + 1] + before[$0] + after[$0] }
        var result = Grid([clip.shape[0]] + extents + [clip.shape[4]])
        for b in 0..<clip.shape[0] {
            for t in 0..<extents[0] {
                for y in 0..<extents[1] {
                    for x in 0..<extents[2] {
                        let source = zip([t, y, x], before).map { $0 - $1 }
                        let inside = source.enumerated().map { min(max($1, 0), clip.shape[$0 + 1] - 1) }
                        if c.mode == .zero, inside != source { continue }
                        for channel in 0..<clip.shape[4] {
                            result[b, t, y, x, channel] = clip[b, inside[0], inside[1], inside[2], channel]
                        }
                    }
                }
            }
        }
        return result
    }

    /// Σ over the window, for each output. `kernel` is [out, in, time, height, width].
    static func naiveConvolution(_ clip: Grid, _ kernel: Grid, _ c: Case) -> Grid {
        let padded = padded(clip, c)
        let (size, stride) = (Array(kernel.shape[2...]), list(c.stride))
        let extents = (0..<3).map { axis -> Int in (padded.shape[axis + 1] - size[axis]) / stride[axis] + 1 }
        var result = Grid([clip.shape[0]] + extents + [kernel.shape[0]])
        for b in 0..<clip.shape[0] {
            for t in 0..<extents[0] {
                for y in 0..<extents[1] {
                    for x in 0..<extents[2] {
                        for output in 0..<kernel.shape[0] {
                            var sum = 0.0
                            for i in 0..<size[0] {
                                for j in 0..<size[1] {
                                    for k in 0..<size[2] {
                                        for channel in 0..<kernel.shape[1] {
                                            sum +=
                                                padded[
                                                    b, t * stride[0] + i, y * stride[1] + j, x * stride[2] + k, channel]
                                                * kernel[output, channel, i, j, k]
                                        }
                                    }
                                }
                            }
                            result[b, t, y, x, output] = sum
                        }
                    }
                }
            }
        }
        return result
    }

    /// Every input element is spread over the outputs it reaches; what is cropped falls away. `kernel` is
    /// [in, out, time, height, width].
    private static func naiveTransposed(_ clip: Grid, _ kernel: Grid, _ c: Case) -> Grid {
        let padded = padded(clip, c)
        let (size, stride, crop) = (Array(kernel.shape[2...]), list(c.stride), list(c.cropping))
        let extents = (0..<3).map { axis -> Int in
            let spread: Int = (padded.shape[axis + 1] - 1) * stride[axis]
            return spread + size[axis] - 2 * crop[axis]
        }
        var result = Grid([clip.shape[0]] + extents + [kernel.shape[1]])
        for b in 0..<clip.shape[0] {
            for t in 0..<padded.shape[1] {
                for y in 0..<padded.shape[2] {
                    for x in 0..<padded.shape[3] {
                        for i in 0..<size[0] {
                            for j in 0..<size[1] {
                                for k in 0..<size[2] {
                                    let at: [Int] = [
                                        t * stride[0] + i - crop[0], y * stride[1] + j - crop[1],
                                        x * stride[2] + k - crop[2],
                                    ]
                                    guard zip(at, extents).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
                                    for input in 0..<kernel.shape[0] {
                                        for output in 0..<kernel.shape[1] {
                                            result[b, at[0], at[1], at[2], output] +=
                                                padded[b, t, y, x, input] * kernel[input, output, i, j, k]
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
    }

    private func epilogue(_ c: Case, _ shape: [Int]) -> NaiveEpilogue {
        NaiveEpilogue(
            bias: c.hasBias ? .random([c.outputs], seed: 7) : nil,
            residual: c.hasResidual ? .random(shape, seed: 8) : nil,
            activation: c.activation, order: c.order)
    }

    // The sum over a window of at most 4 * 4 * 4 * 3 products below 1 stays below 40 here, and is rounded to float32
    // for each of up to four time steps of the kernel, then for bias, activation and residual: 7 * 40 * 2^-24 = 1.7e-5.
    private let tolerance = 1.7e-5

    @Test(arguments: forward, [false, true]) func convolutionEqualsTheNaiveSums(_ c: Case, deniesEpilogues: Bool) throws
    {
        let backend = AlteredBackend(try Reference.context())
        backend.deniesEpilogues = deniesEpilogues
        let session = Session(backend: backend)
        let clip = Grid.random([c.batch] + Self.list(c.input) + [c.channels], seed: 5)
        let kernel = Grid.random([c.outputs, c.channels] + Self.list(c.kernel), seed: 6)
        let products = Self.naiveConvolution(clip, kernel, c)
        let naive = epilogue(c, products.shape)
        let input = try session.tensor(clip)
        let weight = try session.weight(.conv3d, kernel)
        let bias = try naive.bias.map(session.tensor)
        let residual = try naive.residual.map(session.tensor)
        var arguments = Conv3dArguments(
            output: input.view, input: input.view, weight: weight.handle, stride: c.stride, paddingBefore: c.before,
            paddingAfter: c.after, paddingMode: c.mode,
            epilogue: Epilogue(bias: bias?.view, residual: residual?.view, activation: c.activation, order: c.order))
        #expect(arguments.outputShape(kernel: c.kernel, channels: c.outputs) == Shape(products.shape))
        let output = try session.blank(Shape(products.shape))
        arguments.output = output.view
        try session.run(arguments)
        expectClose(try session.download(output), naive.applied(to: products), within: tolerance)
        if let residual {
            // The same with the output in the residual's place.
            arguments.output = residual.view
            try session.run(arguments)
            #expect(try session.download(residual) == session.download(output))
        }
        withExtendedLifetime((weight, bias)) {}
    }

    @Test(arguments: transposed) func transposedConvolutionEqualsTheNaiveSums(_ c: Case) throws {
        let session = try Reference.session()
        let clip = Grid.random([c.batch] + Self.list(c.input) + [c.channels], seed: 5)
        let kernel = Grid.random([c.channels, c.outputs] + Self.list(c.kernel), seed: 6)
        try check(c, clip, kernel, session)
    }

    private func check(_ c: Case, _ clip: Grid, _ kernel: Grid, _ session: Session) throws {
        let products = Self.naiveTransposed(clip, kernel, c)
        let naive = epilogue(c, products.shape)
        let input = try session.tensor(clip)
        let weight = try session.weight(.convTranspose3d, kernel)
        let bias = try naive.bias.map(session.tensor)
        let residual = try naive.residual.map(session.tensor)
        let output = try session.blank(Shape(products.shape))
        try session.run(
            ConvTranspose3dArguments(
                output: output.view, input: input.view, weight: weight.handle, stride: c.stride,
                paddingBefore: c.before,
                paddingAfter: c.after, cropping: c.cropping, paddingMode: c.mode,
                epilogue: Epilogue(bias: bias?.view, residual: residual?.view, activation: c.activation, order: c.order)
            ))
        expectClose(try session.download(output), naive.applied(to: products), within: tolerance)
        withExtendedLifetime((weight, bias, residual)) {}
    }

    /// The decoder of the video model: padded as the encoder is (k - s in all, the larger half in front, edges
    /// repeated), stride s, k - 1 cropped, so that the output is s times the input.
    @Test(arguments: [Extent3(2, 2, 2), Extent3(1, 2, 2), Extent3(2, 1, 1)])
    func theVideoDecoderEnlargesByItsStride(_ stride: Extent3) throws {
        func total(_ stride: Int) -> Int { 4 - stride }
        let totals = Self.list(stride).map(total)
        let (before, after) = (totals.map { ($0 + 1) / 2 }, totals.map { $0 / 2 })
        let c = Case(
            batch: 1, input: Extent3(3, 2, 4), channels: 3, outputs: 2, kernel: Extent3(4, 4, 4), stride: stride,
            before: Extent3(before[0], before[1], before[2]), after: Extent3(after[0], after[1], after[2]),
            cropping: Extent3(3, 3, 3), mode: .replicate, hasBias: true)
        let clip = Grid.random([1, 3, 2, 4, 3], seed: 9)
        let kernel = Grid.random([3, 2, 4, 4, 4], seed: 10)
        #expect(
            Self.naiveTransposed(clip, kernel, c).shape == [1, 3 * stride.time, 2 * stride.height, 4 * stride.width, 2])
        try check(c, clip, kernel, try Reference.session())
    }

    @Test func halfPrecisionKernelsInPartsAreJoined() throws {
        let session = try Reference.session()
        let kernel = Grid.random([3, 4, 2, 3, 2], seed: 11)
        // Sixteenths up to ±1 are exact in half precision.
        let halves = kernel.elements.map { Float16(($0 * 16).rounded() / 16) }
        let rounded = Grid(kernel.shape, halves.map { Float($0) })
        func prepare(_ kind: WeightKind) throws -> Weight {
            try halves.withUnsafeBytes { bytes in
                let strides = Array(Shape(kernel.shape).denseStrides)
                let parts = [0..<1, 1..<3].map { rows in
                    HostTensor(
                        bytes: UnsafeRawBufferPointer(rebasing: bytes[(rows.lowerBound * strides[0] * 2)...]),
                        dtype: .float16,
                        shape: [rows.count] + kernel.shape[1...], strides: strides)
                }
                return try session.prepareWeight(kind, parts)
            }
        }
        let c = Case(input: Extent3(4, 5, 4), channels: 3, outputs: 4)
        let clip = Grid.random([1, 4, 5, 4, 3], seed: 12)
        let expected = Self.naiveTransposed(clip, rounded, c)
        let (input, output) = (try session.tensor(clip), try session.blank(Shape(expected.shape)))
        let weight = try prepare(.convTranspose3d)
        try session.run(ConvTranspose3dArguments(output: output.view, input: input.view, weight: weight.handle))
        expectClose(try session.download(output), expected, within: tolerance)

        let forwardClip = Grid.random([1, 4, 5, 4, 4], seed: 13)
        let forward = Self.naiveConvolution(forwardClip, rounded, c)
        let (forwardInput, forwardOutput) = (try session.tensor(forwardClip), try session.blank(Shape(forward.shape)))
        let forwardWeight = try prepare(.conv3d)
        try session.run(
            Conv3dArguments(output: forwardOutput.view, input: forwardInput.view, weight: forwardWeight.handle))
        expectClose(try session.download(forwardOutput), forward, within: tolerance)
        withExtendedLifetime((weight, forwardWeight)) {}
    }

    @Test func anEpilogueThatANativeConvolutionDeniesIsComposed() throws {
        let backend = AlteredBackend(try Reference.context())
        backend.deniesEpilogues = true
        backend.conv3dKernel = { (arguments, backend) throws(BackendError) in
            let clip = try backend.grid(arguments.input)
            guard let kernel = backend.kernels[arguments.weight] else { throw BackendError(.internal, "no kernel") }
            try backend.store(Self.naiveConvolution(clip, kernel, Case()), to: arguments.output)
        }
        let session = Session(backend: backend)
        let clip = Grid.random([2, 4, 3, 5, 2], seed: 5)
        let kernel = Grid.random([3, 2, 3, 3, 3], seed: 6)
        let products = Self.naiveConvolution(clip, kernel, Case())
        let naive = NaiveEpilogue(
            bias: .random([3], seed: 7), residual: .random(products.shape, seed: 8), activation: .relu,
            order: .residualThenActivation)
        let weight = try session.weight(.conv3d, kernel)
        let input = try session.tensor(clip)
        let bias = try naive.bias.map(session.tensor)
        let residual = try session.tensor(try #require(naive.residual))
        try session.run(
            Conv3dArguments(
                output: residual.view, input: input.view, weight: weight.handle,
                epilogue: Epilogue(
                    bias: bias?.view, residual: residual.view, activation: .relu, order: .residualThenActivation)))
        expectClose(try session.download(residual), naive.applied(to: products), within: tolerance)
        #expect(backend.calls[.conv3d] == 1)
        #expect(backend.calls[.conv2d] == nil)
        withExtendedLifetime((weight, bias)) {}
    }

    @Test func aKernelWithoutTimeStepsIsRefused() throws {
        let session = try Reference.session()
        for kind in [WeightKind.conv3d, .convTranspose3d] {
            let error = #expect(throws: BackendError.self) { try session.weight(kind, Grid([2, 3, 0, 3, 3])) }
            #expect(error?.message == "prepare_weight: a kernel of shape [2, 3, 0, 3, 3] has no time steps")
        }
    }

    @Test func aWeightOfAnotherShapeIsRefused() throws {
        let session = try Reference.session()
        let weight = try session.weight(.conv3d, Grid([4, 3, 3, 3, 3]))
        let input = try session.makeTensor([1, 4, 4, 4, 2])
        let output = try session.makeTensor([1, 2, 2, 2, 4])
        let error = #expect(throws: BackendError.self) {
            try session.run(Conv3dArguments(output: output.view, input: input.view, weight: weight.handle))
        }
        #expect(error?.code == .invalidArgument)
        withExtendedLifetime(weight) {}
    }
}

extension AlteredBackend {
    fileprivate func grid(_ view: TensorView) throws(BackendError) -> Grid {
        var elements = [Float](repeating: 0, count: view.elementCount)
        let result = elements.withUnsafeMutableBytes { bytes in
            Result { () throws(BackendError) in try download(bytes, from: view.buffer, byteOffset: 4 * view.offset) }
        }
        try result.get()
        return Grid(Array(view.shape), elements)
    }

    fileprivate func store(_ grid: Grid, to view: TensorView) throws(BackendError) {
        let result = grid.floats.withUnsafeBytes { bytes in
            Result { () throws(BackendError) in try upload(bytes, to: view.buffer, byteOffset: 4 * view.offset) }
        }
        try result.get()
    }
}
