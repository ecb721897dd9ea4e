// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    /// Where the windows of a convolution lie.
    struct Windows {
        var kernelTime = 1
        var kernelHeight: Int
        var kernelWidth: Int
        var strideTime = 1
        var strideY: Int
        var strideX: Int
        var paddingFront = 0
        var paddingTop = 0
        var paddingLeft = 0
        var groups = 1
        /// Rather than zeros beyond them.
        var repeatsEdges = false

        var constants: [(Constant, Int)] {
            [
                (.kernelHeight, kernelHeight), (.kernelWidth, kernelWidth), (.strideY, strideY), (.strideX, strideX),
                (.paddingTop, paddingTop), (.paddingLeft, paddingLeft), (.kernelTime, kernelTime),
                (.strideTime, strideTime), (.paddingFront, paddingFront), (.repeatsEdges, repeatsEdges ? 1 : 0),
            ]
        }
    }

    func conv2d(_ arguments: Conv2dArguments) throws(BackendError) {
        let weight = try weight(arguments.weight)
        let (output, input) = (arguments.output, arguments.input)
        guard output.elementCount > 0 else { return }
        let isPadded =
            arguments.paddingTop != 0 || arguments.paddingBottom != 0 || arguments.paddingLeft != 0
            || arguments.paddingRight != 0
        let hasSteps = arguments.strideY != 1 || arguments.strideX != 1
        if weight.shape[1] == 1, weight.shape[2] == 1, arguments.groups == 1, !isPadded, !hasSteps {
            // Pixels that are multiplied by a matrix.
            return try linear(output, input, weight, arguments.epilogue)
        }
        try convolve(
            output, input, weight,
            Windows(
                kernelHeight: weight.shape[1], kernelWidth: weight.shape[2], strideY: arguments.strideY,
                strideX: arguments.strideX, paddingTop: arguments.paddingTop, paddingLeft: arguments.paddingLeft,
                groups: arguments.groups), arguments.epilogue)
    }

    func conv3d(_ arguments: Conv3dArguments) throws(BackendError) {
        let weight = try weight(arguments.weight)
        let (output, input) = (arguments.output, arguments.input)
        guard output.elementCount > 0 else { return }
        let windows = Windows(
            kernelTime: weight.shape[1], kernelHeight: weight.shape[2], kernelWidth: weight.shape[3],
            strideTime: arguments.stride.time, strideY: arguments.stride.height, strideX: arguments.stride.width,
            paddingFront: arguments.paddingBefore.time, paddingTop: arguments.paddingBefore.height,
            paddingLeft: arguments.paddingBefore.width, repeatsEdges: arguments.paddingMode == .replicate)
        if windows.repeatsEdges, input.shape.dropLast().elementCount == 0 {
            throw BackendError(.invalidArgument, "conv3d: an empty axis of input \(input.shape) has no edge to repeat")
        }
        let views = [output, input] + (arguments.epilogue.residual.map { [$0] } ?? [])
        try split(views, along: 0..<1) { (views) throws(BackendError) in
            var rest = arguments.epilogue
            if views.count > 2 { rest.residual = views[2] }
            try convolveWhole(views[0], views[1], weight, windows, rest)
        }
    }

    /// Patches are windows that neither overlap nor leave anything between them.
    func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) {
        guard supports(arguments) else {
            throw BackendError(.unsupported, "patches of several frames are composed from a copy and a product")
        }
        let weight = try weight(arguments.weight)
        var (output, input) = (arguments.output, arguments.input)
        guard output.elementCount > 0 else { return }
        let pictures = input.rank == 5 ? input.shape[1] : 1
        if input.rank == 4 { input = input.reshapedToClip }
        let (height, width) = (arguments.patch.height, arguments.patch.width)
        let grid = (input.shape[2] / height, input.shape[3] / width)
        let (clips, steps) = (input.shape[0], output.strides)
        // [B, pictures, lines, columns, D]
        output.shape = [clips, pictures, grid.0, grid.1, output.shape[2]]
        output.strides = [steps[0], grid.0 * grid.1 * steps[1], grid.1 * steps[1], steps[1], 1]
        let windows = Windows(kernelHeight: height, kernelWidth: width, strideY: height, strideX: width)
        let epilogue = Epilogue(bias: arguments.bias)
        let parts =
            pictures == 1
            ? [(output.select(1, 0), input.select(1, 0))]
            : (0..<clips).map { (output.select(0, $0), input.select(0, $0)) }
        for (output, input) in parts {
            try multiplyPatches(output, input, weight, windows, epilogue)
        }
    }

    /// Patches are gathered into rows, which a product then reads in long runs.
    private func multiplyPatches(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue
    ) throws(BackendError) {
        let (height, width, steps) = (windows.kernelHeight, windows.kernelWidth, input.strides)
        var pixels = input
        pixels.shape = [output.shape[0], output.shape[1], output.shape[2], height, width, input.shape[3]]
        pixels.strides = [steps[0], height * steps[1], width * steps[2], steps[1], steps[2], steps[3]]
        let buffer = register(try allocate(byteCount: pixels.elementCount * input.dtype.byteCount))
        var rows = TensorView(buffer: buffer, dtype: input.dtype, shape: pixels.shape)
        do throws(BackendError) {
            try copy(CopyArguments(output: rows, input: pixels))
            let shape = output.shape
            rows = TensorView(
                buffer: buffer, dtype: input.dtype,
                shape: [shape[0], shape[1], shape[2], height * width * input.shape[3]])
            try linear(output, rows, weight, epilogue)
        } catch {
            try destroyBuffer(buffer)
            throw error
        }
        try destroyBuffer(buffer)
    }

    private func convolve(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue
    ) throws(BackendError) {
        let views = [output, input] + (epilogue.residual.map { [$0] } ?? [])
        try split(views, along: 0..<1) { (views) throws(BackendError) in
            var rest = epilogue
            if views.count > 2 { rest.residual = views[2] }
            if try cooperativeConvolution(views[0], views[1], weight, windows, rest) { return }
            rest.residual = rest.residual?.insertingAxis(1)
            try convolveWhole(views[0].insertingAxis(1), views[1].insertingAxis(1), weight, windows, rest)
        }
    }

    /// - Parameter output: [B, T, H, W, N], and so are input and residual.
    private func convolveWhole(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue
    ) throws(BackendError) {
        if isRegister, try registerConvolution(output, input, weight, windows, epilogue) { return }
        let target = try bind(output, isWritten: true)
        let source = try bind(input)
        let factor = bind(weight.allocation, byteCount: weight.byteCount)
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        let rows = output.shape.dropLast().elementCount
        let (key, tileRows, tileColumns) = convolutionKernel(
            output, input, weight, windows, epilogue, rows: rows, offset: source.offset)
        try dispatchConvolution(
            key, output, input, weight, windows, epilogue,
            [source.binding, factor, target.binding, bias.binding, residual.binding], [],
            offsets: (source.offset, 0, target.offset, bias.offset, residual.offset), tile: (tileRows, tileColumns))
    }

    /// Blocks of rows that a dispatch takes.
    /// - Parameters:
    ///   - offsets: where input, weight, output, bias and residual begin.
    ///   - tile: positions and channels of a work group.
    func dispatchConvolution(
        _ key: PipelineKey, _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows,
        _ epilogue: Epilogue, _ bindings: [Binding], _ texels: [TexelBinding],
        offsets: (input: Int, weight: Int, output: Int, bias: Int, residual: Int), tile: (rows: Int, columns: Int)
    ) throws(BackendError) {
        let columns = output.shape[4]
        let rows = output.shape.dropLast().elementCount
        let groupChannels = input.shape[4] / windows.groups
        let block = device.description.groupLimits.y * tile.rows
        for firstRow in stride(from: 0, to: rows, by: block) {
            let count = min(block, rows - firstRow)
            var parameters = Parameters(
                rows, columns, columns / windows.groups, groupChannels, input.shape[1], input.shape[2],
                input.shape[3], output.shape[1], output.shape[2], output.shape[3], offsets.input, offsets.weight,
                offsets.output, offsets.bias, offsets.residual)
            parameters.append(Array(input.strides.dropLast()))
            parameters.append(Array(output.strides.dropLast()))
            parameters.append(epilogue.residual.map { Array($0.strides.dropLast()) } ?? [0, 0, 0, 0])
            parameters.append(firstRow, weight.stride, weight.frame, weight.line, weight.tap)
            try stream.dispatch(
                key, bindings, texels: texels, parameters,
                groups: ((columns + tile.columns - 1) / tile.columns, (count + tile.rows - 1) / tile.rows, 1))
        }
    }

    private func convolutionKernel(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue,
        rows: Int, offset: Int
    ) -> (PipelineKey, rows: Int, columns: Int) {
        let windowConstants = windows.constants
        let types = EpilogueConstants(input.dtype, weight.dtype, output.dtype, epilogue)
        let columns = output.shape[4]
        if windows.groups > 1 {
            let groupColumns = columns / windows.groups
            let kept = groupColumns % 4 == 0 ? 4 : groupColumns % 2 == 0 ? 2 : 1
            let steps = [input.shape[4] / windows.groups, offset, weight.stride, weight.line, weight.tap]
            let byFour = (steps + input.strides.dropLast()).allSatisfy { $0.isMultiple(of: 4) }
            let keptRows = byFour ? 8 : 4
            let key = PipelineKey(
                .convolutionGrouped,
                types.with(
                    windowConstants + [
                        (.group, 32), (.rows, keptRows), (.eleven, kept), (.twelve, byFour ? 1 : 0),
                    ]))
            return (key, keptRows, 32 * kept)
        }
        let tile = Tile(device.description, rows: rows, columns: columns, batches: 1)
        return (PipelineKey(.convolutionTiled, types.with(windowConstants + tile.constants)), tile.rows, tile.columns)
    }
}

extension TensorView {
    /// [B, H, W, C] as [B, 1, H, W, C].
    fileprivate var reshapedToClip: TensorView {
        var view = self
        view.shape = [shape[0], 1, shape[1], shape[2], shape[3]]
        view.strides = [strides[0], 0, strides[1], strides[2], strides[3]]
        return view
    }
}
