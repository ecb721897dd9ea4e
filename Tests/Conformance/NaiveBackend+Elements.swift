// SPDX-License-Identifier: MIT
import BeastCore

extension NaiveBackend {
    func naiveCopy(_ arguments: CopyArguments) throws(BackendError) {
        try base.copy(arguments)
        guard fault != .none, arguments.output.elementCount > 0 else { return }
        if fault == .forgetsLastElement {
            // As if a vector loop had no remainder.
            var view = arguments.output
            for axis in 0..<view.rank { view = view.slice(axis, (view.shape[axis] - 1)..<view.shape[axis]) }
            try base.fill(FillArguments(output: view, value: 99))
        }
        guard [.truncatesCasts, .wrapsCasts].contains(fault), arguments.input.dtype == .float32,
            arguments.output.dtype == .uint8,
            let address = try map(arguments.output.buffer)
        else { return }
        let input = try FloatView(arguments.input, self)
        for index in indices(of: input.shape) {
            let place = arguments.output.offset + zip(index, arguments.output.strides).reduce(0) { $0 + $1.0 * $1.1 }
            let value = input[index].isNaN ? 0 : max(-1e9, min(1e9, input[index]))
            let saturated = max(
                0, min(255, fault == .truncatesCasts ? value.rounded(.towardZero) : value.rounded(.toNearestOrEven)))
            let stored =
                fault == .wrapsCasts
                ? UInt8(truncatingIfNeeded: Int(value.rounded(.toNearestOrEven))) : UInt8(saturated)
            address.storeBytes(of: stored, toByteOffset: place, as: UInt8.self)
        }
    }

    func naiveGatherRows(_ arguments: GatherRowsArguments) throws(BackendError) {
        do throws(BackendError) {
            try base.gatherRows(arguments)
        } catch {
            if fault == .ignoresIndexRange { return }
            throw error
        }
    }

    func naiveActivation(_ arguments: ActivationArguments) throws(BackendError) {
        try refuseOthers(arguments)
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        for index in indices(of: input.shape) { output[index] = activated(input[index], arguments.activation) }
    }

    // MARK: Convolutions

    func naiveConv2d(_ arguments: Conv2dArguments) throws(BackendError) {
        try refuseOthers(arguments)
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let weight = try weight(arguments.weight)
        let groups = fault == .ignoresGroups ? 1 : arguments.groups
        let (co, ci) = (weight.shape[0], weight.shape[1])
        let top =
            fault == .ignoresAsymmetricPadding
            ? max(arguments.paddingTop, arguments.paddingBottom) : arguments.paddingTop
        for index in indices(of: output.shape) {
            var sum: Float = 0
            for tap in indices(of: [ci, weight.shape[2], weight.shape[3]]) {
                let y = index[1] * arguments.strideY + tap[1] - top
                let x = index[2] * arguments.strideX + tap[2] - arguments.paddingLeft
                guard y >= 0, y < input.shape[1], x >= 0, x < input.shape[2] else { continue }
                let channel = index[3] / (co / groups) * ci + tap[0]
                let kernel = ((index[3] * ci + tap[0]) * weight.shape[2] + tap[1]) * weight.shape[3] + tap[2]
                sum += product(input[index[0], y, x, channel], weight.elements[kernel])
            }
            output[index] = try finished(sum, arguments.epilogue, index)
        }
        try finish(arguments.output, arguments.input)
    }

    /// The element of the extended input, the index counted from the input's own corner.
    private func extended(_ input: FloatView, _ index: [Int], _ mode: PaddingMode) -> Float {
        var inside = index
        for axis in 1...3 { inside[axis] = min(max(index[axis], 0), input.shape[axis] - 1) }
        return mode == .zero && inside != index ? 0 : input[inside]
    }

    func naiveConv3d(_ arguments: Conv3dArguments) throws(BackendError) {
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let weight = try weight(arguments.weight)
        let (stride, before) = (arguments.stride, arguments.paddingBefore)
        for index in indices(of: output.shape) {
            var sum: Float = 0
            for (tap, place) in zip(indices(of: Array(weight.shape.dropFirst())), 0...) {
                let source = [
                    index[0], index[1] * stride.time + tap[1] - before.time,
                    index[2] * stride.height + tap[2] - before.height,
                    index[3] * stride.width + tap[3] - before.width, tap[0],
                ]
                let volume = weight.shape.dropFirst().reduce(1, *)
                sum += product(
                    extended(input, source, arguments.paddingMode), weight.elements[index[4] * volume + place])
            }
            output[index] = try finished(sum, arguments.epilogue, index)
        }
    }

    /// As a gather, the other way round than the oracle: what of the input reaches this element of the output?
    func naiveConvTranspose3d(_ arguments: ConvTranspose3dArguments) throws(BackendError) {
        let (output, input) = (try FloatView(arguments.output, self), try FloatView(arguments.input, self))
        let weight = try weight(arguments.weight)
        func list(_ extent: Extent3) -> [Int] { [extent.time, extent.height, extent.width] }
        let (stride, cropping) = (list(arguments.stride), list(arguments.cropping))
        let (before, after) = (list(arguments.paddingBefore), list(arguments.paddingAfter))
        for index in indices(of: output.shape) {
            var sum: Float = 0
            for (tap, place) in zip(indices(of: weight.shape), 0...) where tap[1] == index[4] {
                var source = [index[0]]
                for axis in 0..<3 {
                    let distance = index[axis + 1] + cropping[axis] - tap[axis + 2]
                    guard distance >= 0, distance % stride[axis] == 0 else { break }
                    let position = distance / stride[axis]
                    guard position < input.shape[axis + 1] + before[axis] + after[axis] else { break }
                    source.append(position - before[axis])
                }
                guard source.count == 4 else { continue }
                sum += product(extended(input, source + [tap[0]], arguments.paddingMode), weight.elements[place])
            }
            output[index] = try finished(sum, arguments.epilogue, index)
        }
    }
}
