// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    /// Elements of a row that an invocation of reduce.comp goes through: Mesa's software device ends all loops of an
    /// invocation after 65,535 turns.
    private static let longestRun = 1 << 15

    func reduce(_ arguments: ReduceArguments) throws(BackendError) {
        let (output, input) = (arguments.output, arguments.input)
        guard output.elementCount > 0 else { return }
        let extent = input.shape[1]
        let parts = (extent + Self.longestRun - 1) / Self.longestRun
        guard parts > 1 else { return try reduce(output, input, arguments.reduction, divisor: extent) }
        let shape: Shape = [input.shape[0], parts, input.shape[2]]
        let partial = TensorView(buffer: register(try allocate(byteCount: shape.elementCount * 4)), shape: shape)
        let first = arguments.reduction == .mean ? .sum : arguments.reduction
        let result = Result { () throws(BackendError) -> Void in
            for part in 0..<parts {
                let range = part * Self.longestRun..<min(extent, (part + 1) * Self.longestRun)
                try reduce(partial.select(1, part), input.slice(1, range), first, divisor: 1)
            }
            try reduce(output, partial, arguments.reduction, divisor: extent)
        }
        try destroyBuffer(partial.buffer)
        try result.get()
    }

    private func reduce(_ output: TensorView, _ input: TensorView, _ reduction: Reduction, divisor: Int)
        throws(BackendError)
    {
        try split([output, input], along: 0..<1) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let operands = try read(views[1])
            let key = PipelineKey(
                .reduce,
                [
                    .group: elementGroup, .one: Int(reduction.rawValue),
                    .leftType: Int(views[1].dtype.rawValue), .outputType: Int(views[0].dtype.rawValue),
                ]
            ).reading(operands)
            let (count, shape) = (views[0].elementCount, views[1].shape)
            var parameters = Parameters(count, shape[2], shape[1], output.offset, operands.offsets[0])
            parameters.append(Array(views[0].strides))
            parameters.append(Array(views[1].strides))
            parameters.append(Float(divisor))
            try stream.dispatch(
                key, [output.binding] + operands.bindings, texels: operands.texels, parameters,
                groups: grid(count, by: key.group))
        }
    }

    func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        try split([arguments.output, arguments.input], along: 0..<1) { (views) throws(BackendError) in
            try findFirst(views[1], numbers: views[0], negated: nil, isMinimum: arguments.extremum == .minimum)
        }
    }

    /// - Parameters:
    ///   - numbers: [rows], where the first element of each row is.
    ///   - negated: [rows], what it is, negated.
    private func findFirst(_ input: TensorView, numbers: TensorView, negated: TensorView?, isMinimum: Bool)
        throws(BackendError)
    {
        let output = try bind(numbers, isWritten: true)
        let operands = try read(input)
        let values = try negated.map { (view) throws(BackendError) in try bind(view, isWritten: true) } ?? output
        let rowGroup = rowGroup(columns: input.shape[1])
        let key = PipelineKey(
            .argReduce,
            [
                .group: rowGroup.group, .one: rowGroup.lanes, .leftType: Int(input.dtype.rawValue),
                .outputType: Int(negated?.dtype.rawValue ?? 0), .five: isMinimum ? 1 : 0,
            ]
        ).reading(operands)
        let rows = input.shape[0]
        let parameters = Parameters(
            rows, input.shape[1], output.offset, operands.offsets[0], numbers.strides[0], input.strides[0],
            values.offset)
        try stream.dispatch(
            key, [output.binding] + operands.bindings + [values.binding], texels: operands.texels, parameters,
            groups: rowGrid(rows, rowGroup))
    }

    /// The nearest code has the largest 2 z e - |e|^2, which is less the squared distance by the input's own squared norm.
    func nearestCode(_ arguments: NearestCodeArguments) throws(BackendError) {
        let weight = try weight(arguments.weight)
        let (rows, codes) = (arguments.input.shape[0], arguments.squaredNorms.shape[0])
        guard rows > 0 else { return }
        let norms = TensorView(buffer: register(try allocate(byteCount: codes * 4)), shape: [codes])
        let block = min(rows, max(1, min(Self.scoreLimit, device.storageRange / 8) / codes))
        let scores = TensorView(buffer: register(try allocate(byteCount: block * codes * 4)), shape: [block, codes])
        let result = Result { () throws(BackendError) -> Void in
            try scale(ScaleArguments(output: norms, input: arguments.squaredNorms, alpha: -1))
            for start in stride(from: 0, to: rows, by: block) {
                let range = start..<min(rows, start + block)
                let part = scores.slice(0, 0..<range.count)
                try linear(
                    part, arguments.input.slice(0, range), weight, Epilogue(bias: norms), alpha: 2)
                try findFirst(
                    part, numbers: arguments.codes.slice(0, range), negated: arguments.distances.slice(0, range),
                    isMinimum: false)
            }
        }
        try destroyBuffer(norms.buffer)
        try destroyBuffer(scores.buffer)
        try result.get()
    }

    func topK(_ arguments: TopKArguments) throws(BackendError) {
        let (rows, k) = (arguments.input.shape[0], arguments.values.shape[1])
        guard rows > 0 else { return }
        guard endsInTime(arguments) else {
            throw BackendError(
                .unsupported,
                "the \(k) largest of \(arguments.input.shape[1]): more turns than \(device.description.name) allows a loop"
            )
        }
        let views = [arguments.input, arguments.values, arguments.indices, arguments.ties]
        try split(views, along: 0..<1) { (views) throws(BackendError) in
            let operands = try read(views[0])
            let outputs = [
                try bind(views[1], isWritten: true), try bind(views[2], isWritten: true),
                try bind(views[3], isWritten: true),
            ]
            // Of all lanes also where rows else are one's: k turns through a row are many.
            let rowGroup = RowGroup.shared
            let key = PipelineKey(
                .topK,
                [
                    .group: rowGroup.group, .one: rowGroup.lanes, .leftType: Int(views[0].dtype.rawValue),
                    .outputType: Int(views[1].dtype.rawValue),
                ]
            ).reading(operands)
            let rows = views[0].shape[0]
            let parameters = Parameters(
                rows, views[0].shape[1], k, outputs[0].offset, operands.offsets[0], outputs[1].offset,
                outputs[2].offset, views[1].strides[0], views[0].strides[0], views[2].strides[0])
            try stream.dispatch(
                key, [outputs[0].binding] + operands.bindings + outputs.dropFirst().map(\.binding),
                texels: operands.texels, parameters, groups: rowGrid(rows, rowGroup))
        }
    }

    /// Whether all loops of an invocation of top_k.comp end within the turns that Mesa's software device allows.
    func endsInTime(_ arguments: TopKArguments) -> Bool {
        let lanes = RowGroup.shared.lanes
        let turns = (arguments.input.shape[1] + lanes - 1) / lanes + 8
        return !device.description.isSoftware || turns * (arguments.values.shape[1] + 1) <= 2 * Self.longestRun - 256
    }

    func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        try split([arguments.output, arguments.input], along: 0..<1) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let operands = try read(views[1])
            let key = PipelineKey(
                .maxPool,
                [
                    .group: elementGroup, .leftType: Int(views[1].dtype.rawValue),
                    .outputType: Int(views[0].dtype.rawValue), .kernelHeight: arguments.kernelY,
                    .kernelWidth: arguments.kernelX, .strideY: arguments.strideY, .strideX: arguments.strideX,
                    .paddingTop: arguments.paddingTop, .paddingLeft: arguments.paddingLeft,
                ]
            ).reading(operands)
            let (count, shape) = (views[0].elementCount, views[0].shape)
            var parameters = Parameters(
                count, shape[3], views[1].shape[1], views[1].shape[2], shape[1], shape[2], output.offset,
                operands.offsets[0])
            parameters.append(Array(views[0].strides.dropLast()))
            parameters.append(Array(views[1].strides.dropLast()))
            try stream.dispatch(
                key, [output.binding] + operands.bindings, texels: operands.texels, parameters,
                groups: grid(count, by: key.group))
        }
    }
}
