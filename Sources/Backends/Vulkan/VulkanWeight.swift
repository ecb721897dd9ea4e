// SPDX-License-Identifier: MIT
internal import BeastCore

/// A weight on the device, row after row.
struct VulkanWeight {
    let allocation: Allocation
    let dtype: DType
    /// linear: [N, K]. conv2d: [output channels, kernel height, kernel width, input channels / groups]. conv3d: with the
    /// kernel's time in front of its height.
    let shape: Shape
    /// Elements from row to row: as many as a row has, or more, zeros between.
    let stride: Int
    /// Elements from frame to frame of a convolution's kernel, likewise.
    let frame: Int
    /// Elements from line to line of a convolution's kernel, likewise.
    let line: Int
    /// Elements from tap to tap of a line, likewise.
    let tap: Int
    /// Whether rows and their elements are padded as cooperative matrices want it.
    let isCooperative: Bool
    let byteCount: Int

    var isPadded: Bool { byteCount > shape.elementCount * dtype.byteCount }
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
        if description.kind == .convTranspose3d {
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
        let isConvolution = description.kind == .conv2d || description.kind == .conv3d
        let isMatrix = description.kind == .linear || isConvolution
        // Channels last, as pictures have them.
        if isConvolution { shape = Shape([shape[0]] + shape.dropFirst(2) + [shape[1]]) }
        if description.kind == .linear { shape = [shape[0], Shape(shape.dropFirst()).elementCount] }
        guard shape.isReasonable else { throw BackendError(.outOfMemory, "a weight of shape \(shape)") }
        let size = description.target.byteCount
        let isCooperative =
            device.form == .cooperative && description.kind != .conv3d && isMatrix && description.target == .float16
            && description.groups == 1
        let isRegister = self.isRegister && isMatrix
        func padded(_ count: Int, to step: Int) -> Int { (count + step - 1) / step * step }
        let last = shape.last ?? 1
        let tap = isRegister ? padded(last, to: 4) : last
        // Of linear weights there is one tap, which is all of a row.
        let width = isConvolution ? shape[shape.rank - 2] : 1
        let line = isCooperative && isConvolution ? padded(width * tap, to: 8) : width * tap
        let frame = isConvolution ? shape[shape.rank - 3] * line : line
        var stride = description.kind == .conv3d ? shape[1] * frame : frame
        if isCooperative { stride = padded(stride, to: Self.paddedInner) }
        if isRegister { stride = Self.spread(stride, size: size) }
        let rows = isCooperative ? padded(shape[0], to: Self.paddedRows) : shape[0]
        // At most 2^48 elements and a little padding: the products cannot overflow.
        let byteCount = (isMatrix ? rows * stride : shape.elementCount) * size
        return VulkanWeight(
            allocation: try allocate(byteCount: byteCount), dtype: description.target, shape: shape, stride: stride,
            frame: frame, line: line, tap: tap, isCooperative: isCooperative, byteCount: byteCount)
    }

    /// The distance of rows that a processor's cache can hold side by side: an odd number of its lines.
    private static func spread(_ stride: Int, size: Int) -> Int {
        let line = 64 / size
        guard stride > line else { return stride }
        let lines = (stride + line - 1) / line
        return (lines | 1) * line
    }

    private func fill(_ weight: VulkanWeight, _ handle: BufferHandle, with description: WeightDescription)
        throws(BackendError)
    {
        if weight.isPadded { try clear(weight, handle) }
        var position = 0
        for part in description.parts {
            let order =
                description.kind == .conv2d ? [0, 2, 3, 1] : description.kind == .conv3d ? [0, 2, 3, 4, 1] : nil
            let part = order.map(part.permuted) ?? part
            var target = TensorView(buffer: handle, offset: position, dtype: weight.dtype, shape: Shape(part.shape))
            if description.kind == .conv2d {
                target.strides = [weight.stride, weight.line, weight.tap, 1]
            } else if description.kind == .conv3d {
                target.strides = [weight.stride, weight.frame, weight.line, weight.tap, 1]
            } else if weight.isPadded {
                target.strides[0] = weight.stride
            }
            try upload(part, to: target)
            position += (part.shape.first ?? 1) * (target.strides.first ?? 1)
        }
    }

    private func clear(_ weight: VulkanWeight, _ handle: BufferHandle) throws(BackendError) {
        if device.isUnified, let address = weight.allocation.address {
            address.initializeMemory(as: UInt8.self, repeating: 0, count: weight.byteCount)
            return
        }
        let all = weight.byteCount / weight.dtype.byteCount
        try fill(FillArguments(output: TensorView(buffer: handle, dtype: weight.dtype, shape: [all]), value: 0))
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
        if part.dtype == target.dtype, try copyRows(of: part, source, to: target) { return }
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

extension VulkanBackend {
    /// Rows of a matrix that only lie further apart on the device, copied where the host sees its memory.
    private func copyRows(of part: HostTensor, _ source: TensorView, to target: TensorView) throws(BackendError) -> Bool
    {
        guard device.isUnified, source.rank == 2, source.isDense, target.strides[1] == 1 || target.shape[1] == 1,
            let address = try allocation(target.buffer).address, let bytes = part.bytes.baseAddress
        else { return false }
        let (size, columns) = (target.dtype.byteCount, target.shape[1])
        for row in 0..<target.shape[0] {
            (address + (target.offset + row * target.strides[0]) * size)
                .copyMemory(from: bytes + row * columns * size, byteCount: columns * size)
        }
        return true
    }
}

/// The upper half of a float32, rounded to nearest even.
func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
}
