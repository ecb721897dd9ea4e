// SPDX-License-Identifier: MIT
public import BeastCore
private import CPUKernels

// Products of bfloat16 by way of float32: what BFloat16Support.emulated means.

extension CPUBackend {
    /// A weight whose elements are rounded to bfloat16 and kept as float32.
    public func prepareRounded(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        let shape = description.shape
        var elements = [Float](repeating: 0, count: shape.elementCount)
        elements.withUnsafeMutableBufferPointer { target in
            guard let base = target.baseAddress else { return }
            var position = 0
            for part in description.parts { position += part.copyElements(to: base + position) }
            cpu_round_to_bfloat16(base, Int64(target.count))
        }
        let prepared = elements.withUnsafeBytes { bytes in
            Result { () throws(BackendError) in
                let part = HostTensor(
                    bytes: bytes, dtype: .float32, shape: Array(shape), strides: Array(shape.denseStrides))
                let rounded = WeightDescription(kind: description.kind, groups: description.groups, parts: [part])
                return try resources.weights.prepare(rounded, packing: resources.kernels, on: resources.threads)
            }
        }
        return try prepared.get()
    }

    /// Calls `product` with float32 copies of what is bfloat16, and stores what it gave rounded.
    public func widening(
        output: TensorView, input: TensorView, residual: TensorView?,
        _ product: (_ output: TensorView, _ input: TensorView, _ residual: TensorView?) throws(BackendError) -> Void
    ) throws(BackendError) {
        var copies: [BufferHandle] = []
        defer { for copy in copies { resources.memory.release(copy) } }
        func widened(_ view: TensorView, isRead: Bool) throws(BackendError) -> TensorView {
            if view.dtype == .float32 { return view }
            let buffer = try resources.memory.allocate(byteCount: max(4, view.elementCount * 4))
            copies.append(buffer)
            let copy = TensorView(buffer: buffer, shape: view.shape)
            if isRead { try self.copy(CopyArguments(output: copy, input: view)) }
            return copy
        }
        let isAccumulated = residual == output
        let target = try widened(output, isRead: isAccumulated)
        let added: TensorView? =
            if isAccumulated { target } else if let residual { try widened(residual, isRead: true) } else { nil }
        try product(target, widened(input, isRead: true), added)
        if target != output { try copy(CopyArguments(output: output, input: target)) }
    }
}
