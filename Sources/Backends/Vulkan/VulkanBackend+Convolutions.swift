// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    /// Where the windows of a convolution lie.
    struct Windows {
        var kernelHeight: Int
        var kernelWidth: Int
        var strideY: Int
        var strideX: Int
        var paddingTop = 0
        var paddingLeft = 0
        var groups = 1
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
            if isRegister {
                try convolve(output, input, weight, windows, epilogue)
            } else {
                try multiplyPatches(output, input, weight, windows, epilogue)
            }
        }
    }

    /// Patches are gathered into rows, which a product in tiles then reads in long runs.
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
            try convolveWhole(views[0], views[1], weight, windows, rest)
        }
    }

    private func convolveWhole(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue
    ) throws(BackendError) {
        let target = try bind(output, isWritten: true)
        let source = try bind(input)
        let factor = bind(weight.allocation, byteCount: weight.byteCount)
        // A matrix of patches has one row for all lines.
        let rightLine = weight.shape.rank == 4 ? weight.line : windows.kernelWidth * input.shape[3]
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        let columns = output.shape[3]
        let rows = output.shape.dropLast().elementCount
        let groupChannels = input.shape[3] / windows.groups
        let (key, tileRows, tileColumns) = convolutionKernel(output, input, weight, windows, epilogue, rows: rows)
        let block = device.description.groupLimits.y * tileRows
        for firstRow in stride(from: 0, to: rows, by: block) {
            let count = min(block, rows - firstRow)
            var parameters = Parameters(
                rows, columns, columns / windows.groups, groupChannels, input.shape[1], input.shape[2],
                output.shape[1], output.shape[2], source.offset, 0, target.offset, bias.offset, residual.offset)
            parameters.append(Array(input.strides.dropLast()))
            parameters.append(Array(output.strides.dropLast()))
            parameters.append(epilogue.residual.map { Array($0.strides.dropLast()) } ?? [0, 0, 0])
            parameters.append(Float(1))
            parameters.append(firstRow, weight.stride, rightLine)
            try stream.dispatch(
                key, [source.binding, factor, target.binding, bias.binding, residual.binding], parameters,
                groups: ((columns + tileColumns - 1) / tileColumns, (count + tileRows - 1) / tileRows, 1))
        }
    }

    private func convolutionKernel(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue,
        rows: Int
    ) -> (PipelineKey, rows: Int, columns: Int) {
        let windowConstants: [(Constant, Int)] = [
            (.kernelHeight, windows.kernelHeight), (.kernelWidth, windows.kernelWidth), (.strideY, windows.strideY),
            (.strideX, windows.strideX), (.paddingTop, windows.paddingTop), (.paddingLeft, windows.paddingLeft),
        ]
        let types = EpilogueConstants(input.dtype, weight.dtype, output.dtype, epilogue)
        let columns = output.shape[3]
        if isRegister || windows.groups > 1 {
            let groupColumns = columns / windows.groups
            let kept = windows.groups == 1 || groupColumns % 4 == 0 ? 4 : groupColumns % 2 == 0 ? 2 : 1
            let group = isRegister ? 8 : 32
            let keptRows = isRegister ? (windows.groups == 1 ? 16 : 8) : 4
            let key = PipelineKey(
                .convolutionRegister,
                types.with(
                    windowConstants + [
                        (.group, group), (.rows, keptRows), (.eleven, kept), (.twelve, windows.groups > 1 ? 1 : 0),
                    ]))
            return (key, keptRows, group * kept)
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
