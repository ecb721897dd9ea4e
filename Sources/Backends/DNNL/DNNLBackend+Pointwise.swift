// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport

/// 1 × 1 convolutions whose weights `DNNLProducts` packed as matrices.
extension DNNLBackend {
    /// A 1 × 1 convolution with a weight that is packed for products.
    func pointwise(_ arguments: Conv2dArguments, _ products: DNNLProducts) throws(BackendError) {
        var input = arguments.input
        if let weight = products.pointwise(arguments.weight) {
            guard arguments.isProduct, input.dtype == .float32 else { return try packedConv2d(arguments, weight) }
        }
        try requireSupport(arguments)
        if arguments.output.elementCount == 0 { return }
        if !arguments.isProduct { input = try gathered(arguments) }
        try products.linear(
            LinearArguments(
                output: arguments.output, input: input, weight: arguments.weight, epilogue: arguments.epilogue))
    }

    /// The positions that the windows of a 1 × 1 convolution read, densely; zeros for those in the padding.
    private func gathered(_ arguments: Conv2dArguments) throws(BackendError) -> TensorView {
        let (input, output) = (arguments.input, arguments.output.shape)
        let shape: Shape = [output[0], output[1], output[2], input.shape[3]]
        let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: input.dtype.byteCount)
        if overflow { throw BackendError(.outOfMemory, "no memory for \(shape) gathered elements") }
        let memory = try windows.pieces(byteCount: byteCount, count: 1)[0]
        let buffer = BufferHandle(rawValue: UInt64(UInt(bitPattern: memory)))
        let target = TensorView(buffer: buffer, dtype: input.dtype, shape: shape)
        let rows = Self.inside(output[1], input.shape[1], arguments.strideY, arguments.paddingTop)
        let columns = Self.inside(output[2], input.shape[2], arguments.strideX, arguments.paddingLeft)
        if rows.count < output[1] || columns.count < output[2] {
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        }
        if rows.isEmpty || columns.isEmpty { return target }
        var source = input
        source.offset +=
            (rows.lowerBound * arguments.strideY - arguments.paddingTop) * input.strides[1]
            + (columns.lowerBound * arguments.strideX - arguments.paddingLeft) * input.strides[2]
        source.shape = [output[0], rows.count, columns.count, input.shape[3]]
        // An axis of one row may have any stride.
        source.strides[1] &*= arguments.strideY
        source.strides[2] &*= arguments.strideX
        try copy(CopyArguments(output: target.slice(1, rows).slice(2, columns), input: source))
        return target
    }

    /// Which of `count` windows of one position, `stride` apart, lie within `extent` positions behind the padding.
    private static func inside(_ count: Int, _ extent: Int, _ stride: Int, _ padding: Int) -> Range<Int> {
        let first = min(count, (padding + stride - 1) / stride)
        return first..<max(first, min(count, (extent + padding + stride - 1) / stride))
    }
}
