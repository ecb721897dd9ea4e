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

extension Conv3dArguments: EpilogueArguments {
    public var mayNeedComposition: Bool { true }

    public func compose(in session: Session) throws(BackendError) {
        if session.backend.hasNative(Self.op) { return try composeEpilogue(in: session) }
        let weight = try session.composedWeight(weight)
        try validateWeight(kind: weight.kind, shape: weight.shape, groups: 1)
        let padded = try session.padded(input, before: paddingBefore, after: paddingAfter, mode: paddingMode)
        try session.convolve(
            padded?.view ?? input, weight.timeSlices, stride: stride, output: output, epilogue: epilogue)
    }
}

extension ConvTranspose3dArguments: EpilogueArguments {
    public var mayNeedComposition: Bool { true }

    /// Zeros between the elements, zeros around them, then a plain convolution with the kernel turned round.
    public func compose(in session: Session) throws(BackendError) {
        if session.backend.hasNative(Self.op) { return try composeEpilogue(in: session) }
        let weight = try session.composedWeight(weight)
        try validateWeight(kind: weight.kind, shape: weight.shape, groups: 1)
        let kernel = Extent3(weight.shape[2], weight.shape[3], weight.shape[4])
        let padded = try session.padded(input, before: paddingBefore, after: paddingAfter, mode: paddingMode)
        let border = Extent3(kernel.time - 1, kernel.height - 1, kernel.width - 1)
        let spread = try session.spread(padded?.view ?? input, stride: stride, border: border)
        // What is cropped from the output is left out of the input already: of the zero border first, then of the inside.
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
        guard shape[2] > 0 else { throw .invalid("prepare_weight: a kernel of shape \(shape) has no time steps") }
        return kind == .conv3d ? try plainTimeSlices(in: session) : try turnedTimeSlices(in: session)
    }

    private func plainTimeSlices(in session: Session) throws(BackendError) -> [Weight] {
        var slices: [Weight] = []
        for time in 0..<shape[2] {
            slices.append(try session.prepareWeight(.conv2d, parts.map { $0.selecting(axis: 2, time) }, target: target))
        }
        return slices
    }

    /// From [in, out, time, height, width], every axis of the kernel reversed.
    private func turnedTimeSlices(in session: Session) throws(BackendError) -> [Weight] {
        let (inputs, outputs, times, area) = (shape[0], shape[1], shape[2], shape[3] * shape[4])
        let dense = parts.flatMap { $0.elements() }
        let sliceShape = [outputs, inputs, shape[3], shape[4]]
        var slices: [Weight] = []
        for time in (0..<times).reversed() {
            var elements: [Float] = []
            elements.reserveCapacity(outputs * inputs * area)
            for output in 0..<outputs {
                for input in 0..<inputs {
                    let start = ((input * outputs + output) * times + time) * area
                    elements.append(contentsOf: dense[start..<start + area].reversed())
                }
            }
            let slice = elements.withUnsafeBytes { bytes in
                Result { () throws(BackendError) in
                    let part = HostTensor(
                        bytes: bytes, dtype: .float32, shape: sliceShape, strides: Array(Shape(sliceShape).denseStrides)
                    )
                    return try session.prepareWeight(.conv2d, [part], target: target)
                }
            }
            slices.append(try slice.get())
        }
        return slices
    }
}

extension Session {
    /// Σ over the kernel's time steps of a 2-D convolution without padding; the bias comes with the first.
    fileprivate func convolve(
        _ input: TensorView, _ slices: [Weight], stride: Extent3, output: TensorView, epilogue: Epilogue
    ) throws(BackendError) {
        let frames = output.shape[1]
        guard frames > 0 else { return }
        var rest = epilogue
        rest.bias = nil
        try rest.apply(in: self, to: output) { (sums) throws(BackendError) in
            for batch in 0..<output.shape[0] {
                let target = sums.select(0, batch)
                for (time, slice) in slices.enumerated() {
                    var source = input.select(0, batch).slice(0, time..<time + (frames - 1) * stride.time + 1)
                    source.shape[0] = frames
                    source.strides[0] *= stride.time
                    try run(
                        Conv2dArguments(
                            output: target, input: source, weight: slice.handle, strideY: stride.height,
                            strideX: stride.width,
                            epilogue: time == 0 ? Epilogue(bias: epilogue.bias) : Epilogue(residual: target)))
                }
            }
        }
    }

    /// A copy of `clip` [B, T, H, W, C] with zeros or its edge elements around it; nil where none are asked for.
    fileprivate func padded(
        _ clip: TensorView, before: Extent3, after: Extent3, mode: PaddingMode
    ) throws(BackendError) -> Tensor? {
        let (before, after) = ([before.time, before.height, before.width], [after.time, after.height, after.width])
        guard (before + after).contains(where: { $0 > 0 }) else { return nil }
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
            for later in axis + 1..<4 {
                filled = filled.slice(later, before[later - 1]..<before[later - 1] + clip.shape[later])
            }
            let first = before[axis - 1]
            let end = first + clip.shape[axis]
            guard first < end else { throw .invalid("an empty axis has no edge to repeat") }
            try repeatEdge(of: filled, axis, at: first, over: 0..<first)
            try repeatEdge(of: filled, axis, at: end - 1, over: end..<shape[axis])
        }
        return result
    }

    private func repeatEdge(of view: TensorView, _ axis: Int, at index: Int, over range: Range<Int>)
        throws(BackendError)
    {
        guard !range.isEmpty else { return }
        let target = view.slice(axis, range)
        var edge = view.slice(axis, index..<index + 1)
        edge.shape[axis] = range.count
        edge.strides[axis] = 0
        try run(CopyArguments(output: target, input: edge))
    }

    /// `stride - 1` zeros between the elements of `clip`, and `border` zeros around them.
    fileprivate func spread(_ clip: TensorView, stride: Extent3, border: Extent3) throws(BackendError) -> Tensor {
        let (strides, borders) = (
            [stride.time, stride.height, stride.width], [border.time, border.height, border.width]
        )
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
