// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    private static let rank = 6

    func fill(_ arguments: FillArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        let bits = Int(arguments.output.dtype.bits(of: arguments.value))
        try split([arguments.output], along: 0..<arguments.output.rank) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            try Axes(views[0].shape, [views[0].strides]).split(toRank: Self.rank) {
                (axes, offsets) throws(BackendError) in
                let key = PipelineKey(
                    .fill, [.group: elementGroup, .one: views[0].dtype.byteCount, .axes: max(1, axes.rank)])
                var parameters = Parameters(axes.count, output.offset + offsets[0], bits)
                parameters.append(axes.extents(Self.rank))
                parameters.append(axes.strides(0, Self.rank))
                try stream.dispatch(key, [output.binding], parameters, groups: grid(axes.count, by: key.group))
            }
        }
    }

    func copy(_ arguments: CopyArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        let axes = 0..<arguments.output.rank
        try split([arguments.output, arguments.input], along: axes) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let operands = try read(views[1])
            try Axes(views[0].shape, views.map(\.strides)).split(toRank: Self.rank) {
                (axes, offsets) throws(BackendError) in
                let key = PipelineKey(
                    .copy,
                    [
                        .group: elementGroup, .leftType: Int(views[1].dtype.rawValue),
                        .outputType: Int(views[0].dtype.rawValue), .axes: max(1, axes.rank),
                    ]
                ).reading(operands)
                var parameters = Parameters(
                    axes.count, output.offset + offsets[0], operands.offsets[0] + offsets[1])
                parameters.append(axes.extents(Self.rank))
                for view in 0..<2 { parameters.append(axes.strides(view, Self.rank)) }
                try stream.dispatch(
                    key, [output.binding] + operands.bindings, texels: operands.texels, parameters,
                    groups: grid(axes.count, by: key.group))
            }
        }
    }

    func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) {
        let (output, table, indices) = (arguments.output, arguments.table, arguments.indices)
        guard output.elementCount > 0 else { return }
        let target = try bind(output, isWritten: true)
        let source = try bind(table)
        let numbers = try bind(indices)
        let fault = bind(try fault(), byteCount: 16, isWritten: true)
        let key = PipelineKey(.gatherRows, [.group: elementGroup, .one: output.dtype.byteCount])
        let parameters = Parameters(
            output.elementCount, output.shape[1], table.shape[0], target.offset, source.offset, numbers.offset,
            output.strides[0], table.strides[0], indices.strides[0])
        try stream.dispatch(
            key, [target.binding, source.binding, numbers.binding, fault], parameters,
            groups: grid(output.elementCount, by: key.group))
    }

    /// What elementwise.comp does.
    private enum Kind: Int { case add, multiply, scale, activation }

    func add(_ arguments: AddArguments) throws(BackendError) {
        try combine(.add, arguments.output, arguments.left, arguments.right)
    }

    func multiply(_ arguments: MultiplyArguments) throws(BackendError) {
        try combine(.multiply, arguments.output, arguments.left, arguments.right)
    }

    func scale(_ arguments: ScaleArguments) throws(BackendError) {
        try combine(
            .scale, arguments.output, arguments.input, arguments.input, alpha: arguments.alpha, beta: arguments.beta)
    }

    func activation(_ arguments: ActivationArguments) throws(BackendError) {
        try combine(
            .activation, arguments.output, arguments.input, arguments.input, activation: arguments.activation)
    }

    private func combine(
        _ kind: Kind, _ output: TensorView, _ left: TensorView, _ right: TensorView, alpha: Float = 1, beta: Float = 0,
        activation: Activation = .none
    ) throws(BackendError) {
        guard output.elementCount > 0 else { return }
        try split([output, left, right], along: 0..<output.rank) { (views) throws(BackendError) in
            let target = try bind(views[0], isWritten: true)
            let operands = try read(views[1], views[2])
            let types = views.map { Int($0.dtype.rawValue) }
            try Axes(views[0].shape, views.map(\.strides)).split(toRank: Self.rank) {
                (axes, offsets) throws(BackendError) in
                let key = PipelineKey(
                    .elementwise,
                    [
                        .group: elementGroup, .one: kind.rawValue, .leftType: types[1], .rightType: types[2],
                        .outputType: types[0], .activation: Int(activation.rawValue), .axes: max(1, axes.rank),
                    ]
                ).reading(operands)
                var parameters = Parameters(
                    axes.count, target.offset + offsets[0], operands.offsets[0] + offsets[1],
                    operands.offsets[1] + offsets[2])
                parameters.append(alpha)
                parameters.append(beta)
                parameters.append(axes.extents(Self.rank))
                for view in 0..<3 { parameters.append(axes.strides(view, Self.rank)) }
                try stream.dispatch(
                    key, [target.binding] + operands.bindings, texels: operands.texels, parameters,
                    groups: grid(axes.count, by: key.group))
            }
        }
    }
}

extension DType {
    /// The bits of the element nearest to a number: ties to even, integers saturated.
    fileprivate func bits(of value: Double) -> UInt32 {
        switch self {
        case .float32: Float(value).bitPattern
        case .float16: UInt32(Float16(value).bitPattern)
        case .bfloat16: UInt32(bfloat16Bits(roundedToOdd(value)))
        case .int32: UInt32(bitPattern: saturated(value))
        case .uint8: UInt32(saturated(value) as UInt8)
        case .int8: UInt32(UInt8(bitPattern: saturated(value)))
        }
    }
}

/// A float32 next to a number, its last bit set where that is not exact: rounding it further is then right.
private func roundedToOdd(_ value: Double) -> Float {
    var float = Float(value)
    if float.isNaN || Double(float) == value { return float }
    if abs(Double(float)) > abs(value) { float = Float(bitPattern: float.bitPattern - 1) }
    return Float(bitPattern: float.bitPattern | 1)
}

private func saturated<Integer: FixedWidthInteger>(_ value: Double) -> Integer {
    if value.isNaN { return 0 }
    let rounded = value.rounded(.toNearestOrEven)
    if rounded <= Double(Integer.min) { return Integer.min }
    if rounded >= Double(Integer.max) { return Integer.max }
    return Integer(rounded)
}
