// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    func reduce(_ arguments: ReduceArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        try split([arguments.output, arguments.input], along: 0..<1) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let input = try bind(views[1])
            let key = PipelineKey(
                .reduce,
                [
                    .group: elementGroup, .one: Int(arguments.reduction.rawValue),
                    .leftType: Int(views[1].dtype.rawValue), .outputType: Int(views[0].dtype.rawValue),
                ])
            let (count, shape) = (views[0].elementCount, views[1].shape)
            var parameters = Parameters(count, shape[2], shape[1], output.offset, input.offset)
            parameters.append(Array(views[0].strides))
            parameters.append(Array(views[1].strides))
            try stream.dispatch(
                key, [output.binding, input.binding], parameters, groups: grid(count, by: key.group))
        }
    }

    func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        try split([arguments.output, arguments.input], along: 0..<1) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let input = try bind(views[1])
            let key = PipelineKey(
                .argReduce,
                [
                    .group: rowGroup.group, .one: rowGroup.lanes, .leftType: Int(views[1].dtype.rawValue),
                    .five: arguments.extremum == .minimum ? 1 : 0,
                ])
            let (rows, columns) = (views[1].shape[0], views[1].shape[1])
            let parameters = Parameters(
                rows, columns, output.offset, input.offset, views[0].strides[0], views[1].strides[0])
            try stream.dispatch(
                key, [output.binding, input.binding], parameters,
                groups: rowGroup.lanes == 1 ? grid(rows, by: rowGroup.group) : grid(rows))
        }
    }

    func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        try split([arguments.output, arguments.input], along: 0..<1) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let input = try bind(views[1])
            let key = PipelineKey(
                .maxPool,
                [
                    .group: elementGroup, .leftType: Int(views[1].dtype.rawValue),
                    .outputType: Int(views[0].dtype.rawValue), .kernelHeight: arguments.kernelY,
                    .kernelWidth: arguments.kernelX, .strideY: arguments.strideY, .strideX: arguments.strideX,
                    .paddingTop: arguments.paddingTop, .paddingLeft: arguments.paddingLeft,
                ])
            let (count, shape) = (views[0].elementCount, views[0].shape)
            var parameters = Parameters(
                count, shape[3], views[1].shape[1], views[1].shape[2], shape[1], shape[2], output.offset, input.offset)
            parameters.append(Array(views[0].strides.dropLast()))
            parameters.append(Array(views[1].strides.dropLast()))
            try stream.dispatch(
                key, [output.binding, input.binding], parameters, groups: grid(count, by: key.group))
        }
    }
}
