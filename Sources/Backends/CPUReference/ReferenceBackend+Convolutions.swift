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
        let kernelLength = kernelHeight * kernelWidth * channels
        let outputsPerGroup = output.length / arguments.groups
        let blocks = blocksOfFour(output.length, groupedBy: outputsPerGroup)
        // A row of the output view is one position with all its channels.
        threads.split(output.count, work: output.length * kernelLength) { positions in
            FourRows.withScratch(length: kernelLength) { kernels in
                for block in blocks {
                    let firstInput = block.lowerBound / outputsPerGroup * channels
                    let start = weight.elements + block.lowerBound * kernelLength
                    kernels.fill(block.count) { row, index in start[row * kernelLength + index] }
                    for position in positions {
                        let (line, x) = position.quotientAndRemainder(dividingBy: outputWidth)
                        let (batch, y) = line.quotientAndRemainder(dividingBy: outputHeight)
                        var sums = SIMD4<Double>()
                        for kernelY in 0..<kernelHeight {
                            let sourceY = y * arguments.strideY + kernelY - arguments.paddingTop
                            if sourceY < 0 || sourceY >= height { continue }
                            for kernelX in 0..<kernelWidth {
                                let sourceX = x * arguments.strideX + kernelX - arguments.paddingLeft
                                if sourceX < 0 || sourceX >= width { continue }
                                let source = input[(batch * height + sourceY) * width + sourceX] + firstInput
                                sums += kernels.dot(
                                    source, start: (kernelY * kernelWidth + kernelX) * channels, count: channels)
                            }
                        }
                        epilogue.store(sums, block.count, to: output[position], row: position, column: block.lowerBound)
                    }
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

/// The channels in ranges of up to four, none of which reaches from one group into the next.
private func blocksOfFour(_ channels: Int, groupedBy groupSize: Int) -> [Range<Int>] {
    stride(from: 0, to: channels, by: max(1, groupSize)).flatMap { group in
        stride(from: group, to: group + groupSize, by: 4).map { $0..<min($0 + 4, group + groupSize) }
    }
}

/// The larger of two; a NaN wins.
@inline(__always)
func larger(_ left: Float, _ right: Float) -> Float { left.isNaN || left > right ? left : right }
