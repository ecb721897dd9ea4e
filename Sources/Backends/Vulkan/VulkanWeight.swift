// SPDX-License-Identifier: MIT
internal import BeastCore

/// A weight on the device, row after row.
struct VulkanWeight {
    let allocation: Allocation
    let dtype: DType
    /// linear: [N, K]. conv2d: [output channels, kernel height, kernel width, input channels / groups].
    let shape: Shape
    /// Elements from row to row: as many as a row has, or more, zeros between.
    let stride: Int
    /// Elements from line to line of a convolution's kernel, likewise.
    let line: Int
    /// Whether rows and their elements are padded as cooperative matrices want it.
    let isPadded: Bool
    let byteCount: Int
}

extension VulkanBackend {
    /// What the tiles of linear_coopmat.comp and conv2d_coopmat.comp divide, whatever their size.
    private static let paddedRows = 256
    private static let paddedInner = 64

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        guard description.target.isFloatingPoint else {
            throw BackendError(
                .unsupported,
                "weights of type \(description.target): this backend keeps float32, float16 and bfloat16")
        }
        if description.kind == .conv3d || description.kind == .convTranspose3d {
            throw BackendError(.unsupported, "\(description.kind) weights: this backend leaves that op to be composed")
        }
        let weight = try makeWeight(description)
        let handle = register(weight.allocation)
        do throws(BackendError) { try fill(weight, handle, with: description) } catch {
            try destroyBuffer(handle)
            throw error
        }
        weights[handle] = weight
        return PreparedWeight(handle: handle, byteCount: weight.byteCount)
    }

    private func makeWeight(_ description: WeightDescription) throws(BackendError) -> VulkanWeight {
        var shape = description.shape
        let isMatrix = description.kind == .linear || description.kind == .conv2d
        if description.kind == .conv2d { shape = [shape[0], shape[2], shape[3], shape[1]] }
        if description.kind == .linear { shape = [shape[0], Shape(shape.dropFirst()).elementCount] }
        guard shape.isReasonable else { throw BackendError(.outOfMemory, "a weight of shape \(shape)") }
        let isPadded =
            device.form == .cooperative && isMatrix && description.target == .float16 && description.groups == 1
        func padded(_ count: Int, to step: Int) -> Int { isPadded ? (count + step - 1) / step * step : count }
        let line = description.kind == .conv2d ? padded(shape[2] * shape[3], to: 8) : shape.last ?? 1
        let stride = padded(description.kind == .conv2d ? shape[1] * line : line, to: Self.paddedInner)
        // At most 2^48 elements and a little padding: the products cannot overflow.
        let count = isMatrix ? padded(shape[0], to: Self.paddedRows) * stride : shape.elementCount
        let byteCount = count * description.target.byteCount
        return VulkanWeight(
            allocation: try allocate(byteCount: byteCount), dtype: description.target, shape: shape, stride: stride,
            line: line, isPadded: isPadded, byteCount: byteCount)
    }

    private func fill(_ weight: VulkanWeight, _ handle: BufferHandle, with description: WeightDescription)
        throws(BackendError)
    {
        if weight.isPadded {
            let all = weight.byteCount / weight.dtype.byteCount
            try fill(FillArguments(output: TensorView(buffer: handle, dtype: weight.dtype, shape: [all]), value: 0))
        }
        var position = 0
        for part in description.parts {
            // Channels last, as pictures have them.
            let part = description.kind == .conv2d ? part.permuted([0, 2, 3, 1]) : part
            var target = TensorView(buffer: handle, offset: position, dtype: weight.dtype, shape: Shape(part.shape))
            if description.kind == .conv2d {
                target.strides = [weight.stride, weight.line, weight.shape[3], 1]
            } else if weight.isPadded {
                target.strides[0] = weight.stride
            }
            try upload(part, to: target)
            position += (part.shape.first ?? 1) * (target.strides.first ?? 1)
        }
    }

    func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        weights[weight] = nil
        try destroyBuffer(weight)
    }

    func weight(_ handle: BufferHandle) throws(BackendError) -> VulkanWeight {
        guard let weight = weights[handle] else { throw BackendError(.invalidArgument, "no such weight") }
        return weight
    }

    /// Converts and rearranges on the device, where the host's elements do not go as they are.
    private func upload(_ part: HostTensor, to target: TensorView) throws(BackendError) {
        guard target.elementCount > 0 else { return }
        var source = TensorView(
            buffer: .none, dtype: part.dtype, shape: target.shape, strides: Shape(part.strides))
        if part.dtype == target.dtype, source.isDense, target.isDense {
            let byteCount = target.elementCount * target.dtype.byteCount
            return try upload(
                UnsafeRawBufferPointer(rebasing: part.bytes.prefix(byteCount)), to: target.buffer,
                byteOffset: target.offset * target.dtype.byteCount)
        }
        let isCompact = source.elementLimit == source.elementCount
        let elements = isCompact ? [] : part.elements()
        if !isCompact {
            source.dtype = .float32
            source.strides = source.shape.denseStrides
        }
        let byteCount = source.elementCount * source.dtype.byteCount
        source.buffer = register(try allocate(byteCount: byteCount))
        let result = elements.withUnsafeBytes { converted in
            Result { () throws(BackendError) -> Void in
                let bytes = isCompact ? UnsafeRawBufferPointer(rebasing: part.bytes.prefix(byteCount)) : converted
                try upload(bytes, to: source.buffer, byteOffset: 0)
                try copy(CopyArguments(output: target, input: source))
            }
        }
        try destroyBuffer(source.buffer)
        try result.get()
    }
}

/// The upper half of a float32, rounded to nearest even.
func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
}
