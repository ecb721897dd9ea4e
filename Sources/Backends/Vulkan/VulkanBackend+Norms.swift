// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    func softmax(_ arguments: SoftmaxArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        let rank = arguments.output.rank
        try split([arguments.output, arguments.input], along: 0..<rank - 2) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let operands = try read(views[1])
            let shape = views[0].shape
            let rowGroup = rowGroup(columns: shape[rank - 1])
            let key = PipelineKey(
                .softmax,
                [
                    .group: rowGroup.group, .one: rowGroup.lanes, .leftType: Int(views[1].dtype.rawValue),
                    .outputType: Int(views[0].dtype.rawValue), .five: arguments.isCausal ? 1 : 0,
                ]
            ).reading(operands)
            func leading(_ values: Shape, _ missing: Int) -> [Int] {
                [Int](repeating: missing, count: 4 - rank) + values.dropLast()
            }
            let rows = shape.dropLast().elementCount
            var parameters = Parameters(rows, shape[rank - 1], output.offset, operands.offsets[0])
            parameters.append(leading(shape, 1))
            parameters.append(leading(views[0].strides, 0))
            parameters.append(leading(views[1].strides, 0))
            parameters.append(arguments.queryOffset, arguments.keyLength, 0)
            parameters.append(arguments.scale)
            try stream.dispatch(
                key, [output.binding] + operands.bindings, texels: operands.texels, parameters,
                groups: rowGrid(rows, rowGroup))
        }
    }

    func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) {
        try normalise(
            arguments.output, arguments.input, residual: nil, weight: arguments.weight, bias: arguments.bias,
            epsilon: arguments.epsilon, activation: arguments.activation)
    }

    func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) {
        try normalise(
            arguments.output, arguments.input, residual: arguments.residual, weight: arguments.weight,
            bias: arguments.bias, epsilon: arguments.epsilon, activation: .none)
    }

    private func normalise(
        _ output: TensorView, _ input: TensorView, residual: TensorView?, weight: TensorView, bias: TensorView,
        epsilon: Float, activation: Activation
    ) throws(BackendError) {
        guard output.elementCount > 0 else { return }
        let views = [output, input] + (residual.map { [$0] } ?? [])
        try split(views, along: 0..<output.rank - 1) { (views) throws(BackendError) in
            let target = try bind(views[0], isWritten: true)
            let operands = try read(views[1], weight, bias, views.count > 2 ? views[2] : views[1])
            let other = views.count > 2 ? try bind(views[2], isWritten: true) : nil
            let columns = output.shape[output.rank - 1]
            let rowGroup = rowGroup(columns: columns)
            let key = PipelineKey(
                .layerNorm,
                [
                    .group: rowGroup.group, .one: rowGroup.lanes, .leftType: Int(input.dtype.rawValue),
                    .rightType: residual.map { Int($0.dtype.rawValue) } ?? 0, .outputType: Int(output.dtype.rawValue),
                    .five: Int(weight.dtype.rawValue), .biasType: Int(bias.dtype.rawValue),
                    .activation: Int(activation.rawValue),
                ]
            ).reading(operands)
            let bindings = [target.binding] + operands.bindings.dropLast() + [other?.binding ?? operands.bindings[3]]
            try Axes(views[0].shape.dropLast(), views.map(\.strides)).split(toRank: 3) {
                (axes, offsets) throws(BackendError) in
                var parameters = Parameters(
                    axes.count, columns, target.offset + offsets[0], operands.offsets[0] + offsets[1],
                    operands.offsets[1], operands.offsets[2], other.map { $0.offset + offsets[2] } ?? 0)
                parameters.append(Array(axes.extents(3).dropFirst()))
                for view in 0..<3 {
                    parameters.append(view < axes.viewCount ? axes.strides(view, 3) : [0, 0, 0])
                }
                parameters.append(epsilon)
                parameters.append(operands.offsets[3] + (other == nil ? 0 : offsets[2]))
                try stream.dispatch(
                    key, bindings, texels: operands.texels, parameters, groups: rowGrid(axes.count, rowGroup))
            }
        }
    }

    func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) {
        let rank = arguments.output.rank
        guard arguments.output.elementCount > 0 else { return }
        let channels = arguments.output.shape[rank - 1]
        try split([arguments.output, arguments.input], along: 0..<1) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let operands = try read(views[1], arguments.weight, arguments.bias)
            // [B, up to three axes of positions, C]
            let shape = views[0].shape
            let positions = Array(shape.dropLast().dropFirst())
            let extents = [Int](repeating: 1, count: 3 - positions.count) + positions
            func strides(_ view: TensorView) -> [Int] {
                [view.strides[0]] + [Int](repeating: 0, count: 3 - positions.count)
                    + view.strides.dropLast().dropFirst()
            }
            let rows = shape[0] * arguments.groups
            let groupChannels = channels / arguments.groups
            let count = positions.reduce(1, *)
            let statistics = try allocate(byteCount: rows * 8)
            defer { stream.release(statistics, to: memory) }
            // A group has many elements: shared memory pays here on every device.
            let lanes = device.description.isSoftware ? 32 : 256
            let first = PipelineKey(
                .groupStatistics,
                [.group: lanes, .one: lanes, .leftType: Int(views[1].dtype.rawValue)]
            ).reading(operands)
            var parameters = Parameters(rows, arguments.groups, groupChannels, count, operands.offsets[0])
            parameters.append(extents)
            parameters.append(strides(views[1]))
            parameters.append(arguments.epsilon)
            try stream.dispatch(
                first, [bind(statistics, byteCount: rows * 8, isWritten: true)] + operands.bindings.prefix(1),
                texels: Array(operands.texels.prefix(1)), parameters, groups: grid(rows))
            let second = PipelineKey(
                .groupNorm,
                [
                    .group: elementGroup, .leftType: Int(views[1].dtype.rawValue),
                    .outputType: Int(views[0].dtype.rawValue), .five: Int(arguments.weight.dtype.rawValue),
                    .biasType: Int(arguments.bias.dtype.rawValue), .activation: Int(arguments.activation.rawValue),
                ]
            ).reading(operands)
            parameters = Parameters(
                shape.elementCount, channels, arguments.groups, groupChannels, count, output.offset)
            parameters.append(operands.offsets)
            parameters.append(extents)
            parameters.append(strides(views[0]))
            parameters.append(strides(views[1]))
            try stream.dispatch(
                second, [output.binding] + operands.bindings + [bind(statistics, byteCount: rows * 8)],
                texels: operands.texels, parameters, groups: grid(shape.elementCount, by: second.group))
        }
    }
}
