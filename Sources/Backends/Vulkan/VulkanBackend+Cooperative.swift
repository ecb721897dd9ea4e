// SPDX-License-Identifier: MIT
internal import BeastCore

// Products, convolutions and attention by cooperative matrices: float16 factors, float32 sums. What does not fit answers
// false, and is computed in tiles.

extension VulkanBackend {
    /// Invocations of a subgroup, which these kernels rely on; a pipeline asks for it.
    private static let subgroup = 32

    /// Whether the types are those of linear_coopmat.comp and conv2d_coopmat.comp.
    private func fits(_ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ epilogue: Epilogue) -> Bool {
        device.form == .cooperative && weight.isCooperative && input.dtype == .float16
            && (output.dtype == .float16 || output.dtype == .float32)
            && (epilogue.bias?.dtype ?? .float32) == .float32
            && (epilogue.residual?.dtype ?? output.dtype) == output.dtype
    }

    private func areAligned(_ numbers: Int...) -> Bool { numbers.allSatisfy { $0.isMultiple(of: 8) } }

    /// Tiles that were good on an H200 (see gemm_coopmat.glsl): work group, rows, columns, inner, subgroups side by side.
    private struct CooperativeTile {
        let group: Int
        let rows: Int
        let columns: Int
        let inner: Int
        let across: Int

        /// - Parameter processors: work groups that such a GPU runs at a time.
        init(rows: Int, columns: Int, isConvolution: Bool, sharedByteCount: Int, processors: Int = 132) {
            func count(_ tileRows: Int, _ tileColumns: Int) -> Int {
                (rows + tileRows - 1) / tileRows * ((columns + tileColumns - 1) / tileColumns)
            }
            let values =
                if columns <= 64 {
                    (128, 128, 64, 32, 2)
                } else if !isConvolution, count(192, 128) > 2 * processors, sharedByteCount >= 46080 {
                    (384, 192, 128, 64, 4)
                } else if count(128, 128) < processors || sharedByteCount < 36864 {
                    (128, 64, 64, 64, 2)
                } else {
                    (256, 128, 128, 64, 4)
                }
            (group, self.rows, self.columns, inner, across) = values
        }

        func groups(rows: Int, columns: Int) -> (Int, Int, Int) {
            ((columns + self.columns - 1) / self.columns, (rows + self.rows - 1) / self.rows, 1)
        }
    }

    /// The constants of gemm_coopmat.glsl.
    private func constants(
        _ tile: CooperativeTile, _ epilogue: Epilogue, _ output: TensorView, isAligned: Bool, isOutputAligned: Bool
    ) -> [(UInt32, Int)] {
        func flag(_ condition: Bool) -> Int { condition ? 1 : 0 }
        let (activation, order) = (Int(epilogue.activation.rawValue), Int(epilogue.order.rawValue))
        // In the order of their numbers.
        let values: [Int] = [
            tile.group, tile.rows, tile.columns, tile.inner, tile.across, Self.subgroup, activation, order,
            flag(epilogue.bias != nil), flag(epilogue.residual != nil), flag(output.dtype == .float32),
            flag(isAligned), 8, flag(isOutputAligned),
        ]
        return values.enumerated().map { (UInt32($0.offset), $0.element) }
    }

    func cooperativeLinear(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ epilogue: Epilogue, alpha: Float
    ) throws(BackendError) -> Bool {
        let rank = output.rank
        let strides = [output.strides, input.strides, epilogue.residual?.strides ?? output.strides]
        let axes = Axes(output.shape.dropLast(), strides)
        guard fits(output, input, weight, epilogue), axes.rank <= 1 else { return false }
        let target = try bind(output, isWritten: true)
        let source = try bind(input)
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        let (rows, columns, inner) = (axes.count, output.shape[rank - 1], input.shape[rank - 1])
        let steps = axes.strides.first ?? [columns, inner, columns]
        let tile = CooperativeTile(
            rows: rows, columns: columns, isConvolution: false,
            sharedByteCount: device.description.sharedByteCount)
        let groups = tile.groups(rows: rows, columns: columns)
        guard groups.1 <= device.description.groupLimits.y else { return false }
        let key = PipelineKey(
            .linearCooperative,
            numbers: constants(
                tile, epilogue, output, isAligned: areAligned(inner, source.offset, steps[1]),
                isOutputAligned: areAligned(columns, target.offset, steps[0])
                    && (epilogue.residual == nil || areAligned(residual.offset, steps[2]))),
            subgroupSize: Self.subgroup)
        var parameters = Parameters(
            rows, columns, inner, source.offset, steps[1], 0, weight.stride, bias.offset, residual.offset, steps[2],
            target.offset, steps[0])
        parameters.append(alpha)
        try stream.dispatch(
            key,
            [
                source.binding, bind(weight.allocation, byteCount: weight.byteCount), bias.binding, residual.binding,
                target.binding,
            ], parameters, groups: groups)
        return true
    }

    /// - Parameter output: [B, H', W', N]; its positions, and those of the residual, must be equally far apart.
    func cooperativeConvolution(
        _ output: TensorView, _ input: TensorView, _ weight: VulkanWeight, _ windows: Windows, _ epilogue: Epilogue
    ) throws(BackendError) -> Bool {
        let strides = [output.strides, epilogue.residual?.strides ?? output.strides]
        let axes = Axes(output.shape.dropLast(), strides)
        guard fits(output, input, weight, epilogue), windows.groups == 1, weight.shape.rank == 4, axes.rank <= 1,
            input.strides[2] == input.shape[3] || input.shape[2] == 1
        else { return false }
        let target = try bind(output, isWritten: true)
        let source = try bind(input)
        let bias = try bind(epilogue.bias, else: source)
        let residual = try bind(epilogue.residual, else: source)
        let (rows, columns, channels) = (axes.count, output.shape[3], input.shape[3])
        let steps = axes.strides.first ?? [columns, columns]
        let tile = CooperativeTile(
            rows: rows, columns: columns, isConvolution: true, sharedByteCount: device.description.sharedByteCount)
        let groups = tile.groups(rows: rows, columns: columns)
        guard groups.1 <= device.description.groupLimits.y else { return false }
        let key = PipelineKey(
            .convolutionCooperative,
            numbers: constants(
                tile, epilogue, output,
                isAligned: areAligned(channels, source.offset, input.strides[0], input.strides[1]),
                isOutputAligned: areAligned(columns, target.offset, steps[0])
                    && (epilogue.residual == nil || areAligned(residual.offset, steps[1]))),
            subgroupSize: Self.subgroup)
        var parameters = Parameters(
            rows, columns, windows.kernelHeight * weight.line, 0, weight.stride, bias.offset, residual.offset, steps[1],
            target.offset, steps[0])
        parameters.append(Float(1))
        parameters.append(
            source.offset, input.strides[0], input.strides[1], input.shape[1], input.shape[2] * channels,
            windows.kernelWidth * channels, output.shape[1], output.shape[2], windows.strideY,
            windows.strideX * channels, windows.paddingTop, windows.paddingLeft * channels)
        try stream.dispatch(
            key,
            [
                source.binding, bind(weight.allocation, byteCount: weight.byteCount), bias.binding, residual.binding,
                target.binding,
            ], parameters, groups: groups)
        return true
    }

    /// Whether attention_coopmat.comp takes these arguments.
    func supportsCooperativeAttention(_ arguments: AttentionArguments) -> Bool {
        let views = [arguments.output, arguments.query, arguments.key, arguments.value]
        let limits = device.description.groupLimits
        return device.form == .cooperative
            && views.allSatisfy { $0.dtype == .float16 && ($0.strides[3] == 1 || $0.shape[3] == 1) }
            && arguments.query.shape[3] <= 128 && arguments.query.shape[1] <= limits.y
            && arguments.query.shape[0] <= limits.z
    }

    func cooperativeAttention(_ arguments: AttentionArguments, _ views: [TensorView]) throws(BackendError) {
        let output = try bind(views[0], isWritten: true)
        let inputs = [try bind(views[1]), try bind(views[2]), try bind(views[3])]
        let shape = views[0].shape
        let depth = shape[3]
        let bound = inputs + [output]
        let order = [views[1], views[2], views[3], views[0]]
        let isAligned =
            depth.isMultiple(of: 8)
            && zip(bound, order).allSatisfy { areAligned($0.offset, $1.strides[0], $1.strides[1], $1.strides[2]) }
        // Tiles that were good on an H200; 64 rows a work group in both.
        let isFlexible = device.description.hasFlexibleMatrices
        let tile: [(UInt32, Int)] = isFlexible ? [(0, 128), (1, 16), (2, depth <= 64 ? 48 : 64)] : [(0, 64), (2, 32)]
        let key = PipelineKey(
            isFlexible ? .attentionCooperative2 : .attentionCooperative,
            numbers: tile + [
                (3, depth), (4, (depth + 15) / 16 * 16), (5, arguments.isCausal ? 1 : 0), (6, isAligned ? 1 : 0),
            ], subgroupSize: Self.subgroup)
        var parameters = Parameters(shape[2], arguments.keyLength, arguments.queryOffset)
        parameters.append(arguments.scale)
        for (view, place) in zip(order, bound) {
            parameters.append(place.offset, view.strides[0], view.strides[2], view.strides[1])
        }
        try stream.dispatch(key, bound.map(\.binding), parameters, groups: ((shape[2] + 63) / 64, shape[1], shape[0]))
    }
}
