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
    func widening<Arguments: ProductArguments>(
        _ arguments: Arguments, _ product: (Arguments) throws(BackendError) -> Void
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
        let isAccumulated = arguments.epilogue.residual == arguments.output
        var wide = arguments
        wide.input = try widened(arguments.input, isRead: true)
        wide.output = try widened(arguments.output, isRead: isAccumulated)
        if isAccumulated {
            wide.epilogue.residual = wide.output
        } else if let residual = arguments.epilogue.residual {
            wide.epilogue.residual = try widened(residual, isRead: true)
        }
        try product(wide)
        if wide.output != arguments.output {
            try copy(CopyArguments(output: arguments.output, input: wide.output))
        }
    }
}

/// A product with a prepared weight and an epilogue.
protocol ProductArguments: OpArguments {
    var input: TensorView { get set }
    var output: TensorView { get set }
    var epilogue: Epilogue { get set }
}

extension LinearArguments: ProductArguments {}
extension Conv2dArguments: ProductArguments {}
