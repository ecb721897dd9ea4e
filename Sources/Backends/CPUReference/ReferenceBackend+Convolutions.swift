// SPDX-License-Identifier: MIT
internal import BeastCore

extension ReferenceBackend {
    func conv2d(_ arguments: Conv2dArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let weight = try weight(arguments.weight)
        let epilogue = try EpilogueRows(arguments.epilogue, self)
        let (height, width) = (arguments.input.shape[1], arguments.input.shape[2])
        let (outputHeight, outputWidth) = (arguments.output.shape[1], arguments.output.shape[2])
        let (kernelHeight, kernelWidth, channels) = (weight.shape[1], weight.shape[2], weight.shape[3])
        let outputsPerGroup = output.length / arguments.groups
        // A row of the output view is one position with all its channels.
        threads.split(output.count, work: output.length * kernelHeight * kernelWidth * channels) { positions in
            for position in positions {
                let (line, x) = position.quotientAndRemainder(dividingBy: outputWidth)
                let (batch, y) = line.quotientAndRemainder(dividingBy: outputHeight)
                let target = output[position]
                for channel in 0..<output.length {
                    let firstInput = channel / outputsPerGroup * channels
                    var sum = 0.0
                    for kernelY in 0..<kernelHeight {
                        let sourceY = y * arguments.strideY + kernelY - arguments.paddingTop
                        if sourceY < 0 || sourceY >= height { continue }
                        for kernelX in 0..<kernelWidth {
                            let sourceX = x * arguments.strideX + kernelX - arguments.paddingLeft
                            if sourceX < 0 || sourceX >= width { continue }
                            let source = input[(batch * height + sourceY) * width + sourceX] + firstInput
                            let kernel = weight.elements + ((channel * kernelHeight + kernelY) * kernelWidth + kernelX) * channels
                            sum += dot(source, kernel, channels)
                        }
                    }
                    target[channel] = epilogue.apply(sum, row: position, column: channel)
                }
            }
        }
    }

    func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) {
        try requireFloat32(arguments)
        let output = try FloatRows(arguments.output, self)
        let input = try FloatRows(arguments.input, self)
        let (height, width) = (arguments.input.shape[1], arguments.input.shape[2])
        let (outputHeight, outputWidth) = (arguments.output.shape[1], arguments.output.shape[2])
        threads.split(output.count, work: output.length * arguments.kernelY * arguments.kernelX) { positions in
            for position in positions {
                let (line, x) = position.quotientAndRemainder(dividingBy: outputWidth)
                let (batch, y) = line.quotientAndRemainder(dividingBy: outputHeight)
                let target = output[position]
                for channel in 0..<output.length { target[channel] = -.infinity }
                for kernelY in 0..<arguments.kernelY {
                    let sourceY = y * arguments.strideY + kernelY - arguments.paddingTop
                    if sourceY < 0 || sourceY >= height { continue }
                    for kernelX in 0..<arguments.kernelX {
                        let sourceX = x * arguments.strideX + kernelX - arguments.paddingLeft
                        if sourceX < 0 || sourceX >= width { continue }
                        let source = input[(batch * height + sourceY) * width + sourceX]
                        for channel in 0..<output.length { target[channel] = larger(target[channel], source[channel]) }
                    }
                }
            }
        }
    }
}

/// The larger of two; a NaN wins.
@inline(__always)
func larger(_ left: Float, _ right: Float) -> Float { left.isNaN || left > right ? left : right }
