// SPDX-License-Identifier: MIT
internal import BeastCore

extension Oracle {
    /// A clip [B, T, H, W, C] extended on its three middle axes: by zeros, or by its edge elements.
    static func padded(_ input: DenseArray, before: Extent3, after: Extent3, mode: PaddingMode) -> DenseArray {
        let (t, h, w, c) = (input.shape[1], input.shape[2], input.shape[3], input.shape[4])
        let shape = [
            input.shape[0], t + before.time + after.time, h + before.height + after.height,
            w + before.width + after.width, c,
        ]
        var result = DenseArray(shape: shape, values: [Double](repeating: 0, count: shape.reduce(1, *)))
        for position in result.values.indices {
            let at = index(of: position, in: shape)
            var source = [at[1] - before.time, at[2] - before.height, at[3] - before.width]
            let extents = [t, h, w]
            if mode == .replicate { source = zip(source, extents).map { min(max($0, 0), $1 - 1) } }
            guard zip(source, extents).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
            result.values[position] =
                input.values[
                    (((at[0] * t + source[0]) * h + source[1]) * w + source[2]) * c + at[4]]
        }
        return result
    }

    /// The convolution of a padded clip; weight [Co, Ci / groups, kernel time, kernel height, kernel width].
    static func convolution(
        _ input: DenseArray, weight: DenseArray, stride: Extent3, groups: Int = 1,
        epilogue: OracleEpilogue = OracleEpilogue()
    ) -> [Estimate] {
        let (co, ci) = (weight.shape[0], weight.shape[1])
        let kernel = Extent3(weight.shape[2], weight.shape[3], weight.shape[4])
        let (h, w, c) = (input.shape[2], input.shape[3], input.shape[4])
        let kernelVolume = kernel.time * kernel.height * kernel.width
        let outputs = Extent3(
            (input.shape[1] - kernel.time) / stride.time + 1, (h - kernel.height) / stride.height + 1,
            (w - kernel.width) / stride.width + 1)
        var result: [Estimate] = []
        for position in 0..<(input.shape[0] * outputs.time * outputs.height * outputs.width) {
            let at = index(of: position, in: [input.shape[0], outputs.time, outputs.height, outputs.width])
            // The window in the weight's own order: channel, time, row, column.
            var window: [[Double]] = []
            for group in 0..<groups {
                var elements: [Double] = []
                elements.reserveCapacity(ci * kernelVolume)
                for channel in 0..<ci {
                    for kt in 0..<kernel.time {
                        for ky in 0..<kernel.height {
                            let line =
                                (at[0] * input.shape[1] + at[1] * stride.time + kt) * h + at[2] * stride.height + ky
                            let start = (line * w + at[3] * stride.width) * c + group * ci + channel
                            for kx in 0..<kernel.width { elements.append(input.values[start + kx * c]) }
                        }
                    }
                }
                window.append(elements)
            }
            let length = ci * kernelVolume
            for channel in 0..<co {
                let product = dot(
                    window[channel / (co / groups)][...], weight.values[(channel * length)..<((channel + 1) * length)])
                result.append(epilogue.apply(product, position: result.count, channel: channel))
            }
        }
        return result
    }

    /// input [B, H, W, Ci], weight [Co, Ci / groups, kernel height, kernel width]
    static func conv2d(
        _ input: DenseArray, weight: DenseArray, window: Window2d, groups: Int, epilogue: OracleEpilogue
    ) -> [Estimate] {
        let clip = DenseArray(shape: [input.shape[0], 1] + input.shape.dropFirst(), values: input.values)
        let kernel = DenseArray(shape: Array(weight.shape[..<2]) + [1] + weight.shape[2...], values: weight.values)
        let extended = padded(
            clip, before: Extent3(0, window.top, window.left), after: Extent3(0, window.bottom, window.right),
            mode: .zero)
        return convolution(
            extended, weight: kernel, stride: Extent3(1, window.strideY, window.strideX), groups: groups,
            epilogue: epilogue)
    }

    /// input [B, H, W, C]: the largest element of what of each window lies within the picture.
    static func maxPool2d(_ input: DenseArray, window: Window2d, outputShape: [Int]) -> [Estimate] {
        (0..<outputShape.reduce(1, *)).map { position in
            let at = index(of: position, in: outputShape)
            var elements: [Double] = []
            for y in (at[1] * window.strideY - window.top)..<(at[1] * window.strideY - window.top + window.kernelY)
            where y >= 0 && y < input.shape[1] {
                for x
                    in (at[2] * window.strideX - window.left)..<(at[2] * window.strideX - window.left + window.kernelX)
                where x >= 0 && x < input.shape[2] { elements.append(input[at[0], y, x, at[3]]) }
            }
            return .exact(largest(elements))
        }
    }

    /// The transposed convolution of a padded clip, written as the scattering that it is; weight [Ci, Co, kernel..].
    static func transposedConvolution(
        _ input: DenseArray, weight: DenseArray, stride: Extent3, cropping: Extent3, epilogue: OracleEpilogue
    ) -> [Estimate] {
        let (ci, co) = (weight.shape[0], weight.shape[1])
        let kernel = Array(weight.shape[2...])
        let (strides, crop) = (
            [stride.time, stride.height, stride.width], [cropping.time, cropping.height, cropping.width]
        )
        func extent(_ axis: Int) -> Int { (input.shape[axis + 1] - 1) * strides[axis] + kernel[axis] - 2 * crop[axis] }
        let extents = [extent(0), extent(1), extent(2)]
        let shape = [input.shape[0]] + extents + [co]
        let count = shape.reduce(1, *)
        let taps = co * kernel.reduce(1, *)
        var sums = [Double](repeating: 0, count: count)
        var magnitudes = sums
        var terms = [Int](repeating: 0, count: count)
        for position in input.values.indices {
            let at = index(of: position, in: input.shape)
            for tap in 0..<taps {
                let k = index(of: tap, in: [co] + kernel)
                var target = [at[0]]
                for axis in 0..<3 { target.append(at[axis + 1] * strides[axis] + k[axis + 1] - crop[axis]) }
                target.append(k[0])
                guard zip(target, shape).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
                let place = zip(target, shape).reduce(0) { $0 * $1.1 + $1.0 }
                let product = input.values[position] * weight.values[at[4] * taps + tap]
                sums[place] += product
                magnitudes[place] += abs(product)
                terms[place] += 1
            }
        }
        precondition(input.shape[4] == ci)
        return (0..<count).map { place in
            let product = Estimate(value: sums[place], error: Rounding.accumulation(terms[place]) * magnitudes[place])
            return epilogue.apply(product, position: place, channel: place % co)
        }
    }
}

/// The window of a convolution or pooling over pictures.
struct Window2d: Sendable {
    var kernelY: Int
    var kernelX: Int
    var strideY = 1
    var strideX = 1
    var top = 0
    var bottom = 0
    var left = 0
    var right = 0

    /// - Returns: the output's height and width.
    func outputExtents(height: Int, width: Int) -> (height: Int, width: Int) {
        ((height + top + bottom - kernelY) / strideY + 1, (width + left + right - kernelX) / strideX + 1)
    }

    static func square(_ kernel: Int, stride: Int = 1, padding: Int = 0) -> Window2d {
        Window2d(
            kernelY: kernel, kernelX: kernel, strideY: stride, strideX: stride, top: padding, bottom: padding,
            left: padding, right: padding)
    }

    var text: String {
        "kernel \(kernelY)x\(kernelX) stride \(strideY)x\(strideX) "
            + "padding top \(top) bottom \(bottom) left \(left) right \(right)"
    }
}
