// SPDX-License-Identifier: MIT

// 3-D convolutions on backends that have only two dimensions: one conv2d for each time step of the kernel, accumulated
// in the output. Padding is made explicit first, since edges may be repeated and time has no padding in conv2d.

extension WeightKind {
    /// The optional op that alone uses weights of this kind.
    var composedOp: BackendOp? {
        switch self {
        case .conv3d: .conv3d
        case .convTranspose3d: .convTranspose3d
        case .linear, .conv2d, .embedding, .vector: nil
        }
    }
}

extension Conv3dArguments: ComposableArguments {
    func compose(in session: Session) throws(BackendError) {
        let weight = try session.composedWeight(weight)
        try validateWeight(kind: weight.kind, shape: weight.shape, groups: 1)
        let padded = try session.padded(input, before: paddingBefore, after: paddingAfter, mode: paddingMode)
        try session.convolve(padded.view, weight.timeSlices, stride: stride, output: output, epilogue: epilogue)
    }
}

extension ConvTranspose3dArguments: ComposableArguments {
    /// Zeros between the elements, zeros around them, then a plain convolution with the kernel turned round.
    func compose(in session: Session) throws(BackendError) {
        let weight = try session.composedWeight(weight)
        try validateWeight(kind: weight.kind, shape: weight.shape, groups: 1)
        let kernel = Extent3(weight.shape[2], weight.shape[3], weight.shape[4])
        let padded = try session.padded(input, before: paddingBefore, after: paddingAfter, mode: paddingMode)
        let border = Extent3(kernel.time - 1, kernel.height - 1, kernel.width - 1)
        let spread = try session.spread(padded.view, stride: stride, border: border)
        // What is cropped from the output need not be computed: leave out as much of the zero border, or of the inside.
        let window = spread.view
            .slice(1, cropping.time..<spread.shape[1] - cropping.time)
            .slice(2, cropping.height..<spread.shape[2] - cropping.height)
            .slice(3, cropping.width..<spread.shape[3] - cropping.width)
        try session.convolve(
            window, weight.timeSlices, stride: Extent3(1, 1, 1), output: output, epilogue: epilogue)
    }
}

extension WeightDescription {
    /// One conv2d weight for each time step of the kernel; of a transposed kernel, in reverse and turned round.
    func timeSlices(in session: Session) throws(BackendError) -> [Weight] {
        var slices: [Weight] = []
        for time in 0..<shape[2] {
            if kind == .conv3d {
                slices.append(try session.prepareWeight(.conv2d, parts.map { $0.selecting(axis: 2, time) }, target: target))
            } else {
                let turned = parts.turned(time: shape[2] - 1 - time, shape: shape)
                let result = turned.withUnsafeBytes { bytes in
                    Result { () throws(BackendError) in
                        let part = HostTensor(
                            bytes: bytes, dtype: .float32, shape: [shape[1], shape[0], shape[3], shape[4]],
                            strides: Array(Shape([shape[1], shape[0], shape[3], shape[4]]).denseStrides))
                        return try session.prepareWeight(.conv2d, [part], target: target)
                    }
                }
                slices.append(try result.get())
            }
        }
        return slices
    }
}

extension HostTensor {
    func selecting(axis: Int, _ index: Int) -> HostTensor {
        var (shape, strides) = (shape, strides)
        let offset = index * strides[axis] * dtype.byteCount
        shape.remove(at: axis)
        strides.remove(at: axis)
        return HostTensor(bytes: UnsafeRawBufferPointer(rebasing: bytes[min(offset, bytes.count)...]), dtype: dtype, shape: shape, strides: strides)
    }

    /// One element as float32.
    func element(at position: [Int]) -> Float {
        let index = zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 } * dtype.byteCount
        switch dtype {
        case .float16: return Float(bytes.loadUnaligned(fromByteOffset: index, as: Float16.self))
        case .bfloat16: return Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: index, as: UInt16.self)) << 16)
        case .float32, .int32, .uint8, .int8: return bytes.loadUnaligned(fromByteOffset: index, as: Float.self)
        }
    }
}

extension [HostTensor] {
    /// Time step `time` of a kernel [in, out, time, height, width] as [out, in, height, width], both axes reversed.
    fileprivate func turned(time: Int, shape: Shape) -> [Float] {
        var elements: [Float] = []
        elements.reserveCapacity(shape.elementCount / Swift.max(1, shape[2]))
        for output in 0..<shape[1] {
            for part in self {
                for input in 0..<part.shape[0] {
                    for y in (0..<shape[3]).reversed() {
                        for x in (0..<shape[4]).reversed() { elements.append(part.element(at: [input, output, time, y, x])) }
                    }
                }
            }
        }
        return elements
    }
}

extension Session {
    /// Σ over the kernel's time steps of a 2-D convolution without padding.
    fileprivate func convolve(
        _ input: TensorView, _ slices: [Weight], stride: Extent3, output: TensorView, epilogue: Epilogue
    ) throws(BackendError) {
        let frames = output.shape[1]
        guard frames > 0 else { return }
        // Sums gather in a tensor of their own: the residual may be the output, and comes in last.
        let sums = try makeTensor(output.shape)
        for batch in 0..<output.shape[0] {
            let target = sums.view.select(0, batch)
            for (time, slice) in slices.enumerated() {
                var source = input.select(0, batch).slice(0, time..<time + (frames - 1) * stride.time + 1)
                source.shape[0] = frames
                source.strides[0] *= stride.time
                var accumulated = Epilogue()
                if time > 0 { accumulated.residual = target } else { accumulated.bias = epilogue.bias }
                try run(
                    Conv2dArguments(
                        output: target, input: source, weight: slice.handle, strideY: stride.height, strideX: stride.width,
                        epilogue: accumulated))
            }
        }
        try finish(sums.view, output: output, epilogue: epilogue)
    }

    private func finish(_ sums: TensorView, output: TensorView, epilogue: Epilogue) throws(BackendError) {
        func activate() throws(BackendError) {
            if epilogue.activation != .none {
                try run(ActivationArguments(output: sums, input: sums, activation: epilogue.activation))
            }
        }
        if epilogue.order == .activationThenResidual { try activate() }
        if let residual = epilogue.residual { try run(AddArguments(output: sums, left: sums, right: residual)) }
        if epilogue.order == .residualThenActivation { try activate() }
        try run(CopyArguments(output: output, input: sums))
    }

    /// A copy of `clip` [B, T, H, W, C] with zeros or its edge elements around it.
    fileprivate func padded(
        _ clip: TensorView, before: Extent3, after: Extent3, mode: PaddingMode
    ) throws(BackendError) -> Tensor {
        let (before, after) = ([before.time, before.height, before.width], [after.time, after.height, after.width])
        var shape = clip.shape
        for axis in 0..<3 { shape[axis + 1] += before[axis] + after[axis] }
        let result = try makeTensor(shape)
        if mode == .zero { try run(FillArguments(output: result.view, value: 0)) }
        var inside = result.view
        for axis in 0..<3 { inside = inside.slice(axis + 1, before[axis]..<before[axis] + clip.shape[axis + 1]) }
        try run(CopyArguments(output: inside, input: clip))
        guard mode == .replicate else { return result }
        // Axis by axis the region that is filled grows outwards, corners included.
        for axis in 1...3 {
            var filled = result.view
            for later in axis + 1..<4 { filled = filled.slice(later, before[later - 1]..<before[later - 1] + clip.shape[later]) }
            let first = before[axis - 1]
            let end = first + clip.shape[axis]
            guard first < end else { throw .invalid("an empty axis has no edge to repeat") }
            try repeatEdge(of: filled, axis, at: first, over: 0..<first)
            try repeatEdge(of: filled, axis, at: end - 1, over: end..<shape[axis])
        }
        return result
    }

    private func repeatEdge(of view: TensorView, _ axis: Int, at index: Int, over range: Range<Int>) throws(BackendError) {
        guard !range.isEmpty else { return }
        let target = view.slice(axis, range)
        var edge = view.slice(axis, index..<index + 1)
        edge.shape[axis] = range.count
        edge.strides[axis] = 0
        try run(CopyArguments(output: target, input: edge))
    }

    /// `stride - 1` zeros between the elements of `clip`, and `border` zeros around them.
    fileprivate func spread(_ clip: TensorView, stride: Extent3, border: Extent3) throws(BackendError) -> Tensor {
        let (strides, borders) = ([stride.time, stride.height, stride.width], [border.time, border.height, border.width])
        var shape = clip.shape
        for axis in 0..<3 { shape[axis + 1] = (shape[axis + 1] - 1) * strides[axis] + 1 + 2 * borders[axis] }
        let result = try makeTensor(shape)
        try run(FillArguments(output: result.view, value: 0))
        var target = result.view
        for axis in 0..<3 {
            target.offset += borders[axis] * target.strides[axis + 1]
            target.shape[axis + 1] = clip.shape[axis + 1]
            target.strides[axis + 1] *= strides[axis]
        }
        try run(CopyArguments(output: target, input: clip))
        return result
    }
}
