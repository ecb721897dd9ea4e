// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport
private import DNNLLibrary

/// Convolution kernels in oneDNN's orders and the convolutions with them, each compiled once for a shape.
final class DNNLConvolutions {
    private struct Kernel {
        let pointer: OpaquePointer
        /// [output channels, input channels / groups, height, width]
        let shape: Shape
        let groups: Int
        let dtype: DType
    }

    private struct Key: Hashable {
        let weight: BufferHandle
        let input, output, strides, padding: Shape
        let hasBias: Bool
        let residual: UInt32
        let activation: Activation
        let order: EpilogueOrder
    }

    private let resources: CPUResources
    private let session: DNNLSession
    private var kernels: [BufferHandle: Kernel] = [:]
    private var convolutions: [Key: OpaquePointer] = [:]
    /// Keys whose residual the library does not add itself: it is copied to the output first.
    private var accumulating: Set<Key> = []

    init(_ resources: CPUResources, _ session: DNNLSession) {
        self.resources = resources
        self.session = session
    }

    deinit {
        for convolution in convolutions.values { dnnl_compiled_destroy(convolution) }
        for kernel in kernels.values { dnnl_kernel_destroy(kernel.pointer) }
    }

    /// Takes kernels of this kind; nil for one without elements, which the library does not know.
    func prepare(_ description: WeightDescription) throws(BackendError) -> PreparedWeight? {
        let shape = description.shape
        guard shape.elementCount > 0 else { return nil }
        resources.threads.enter()
        let dense = try resources.weights.prepareDense(
            WeightDescription(kind: .conv2d, groups: description.groups, parts: description.parts))
        defer { resources.weights.release(dense.handle) }
        var sizes = dnnl_convolution_shape()
        (sizes.outputs, sizes.channels) = (Int64(shape[0]), Int64(shape[1] * description.groups))
        (sizes.kernel_height, sizes.kernel_width) = (Int64(shape[2]), Int64(shape[3]))
        (sizes.groups, sizes.dtype) = (Int64(description.groups), description.target.rawValue)
        var status: Int32 = 0
        let elements = try resources.weights[dense.handle].address.assumingMemoryBound(to: Float.self)
        guard let pointer = dnnl_kernel_create(session.pointer, elements, &sizes, &status) else {
            throw DNNLSession.failure("packing a kernel of shape \(shape)", status)
        }
        let handle = BufferHandle(rawValue: UInt64(UInt(bitPattern: pointer)))
        kernels[handle] = Kernel(pointer: pointer, shape: shape, groups: description.groups, dtype: description.target)
        return PreparedWeight(handle: handle, byteCount: dnnl_kernel_byte_count(pointer))
    }

    func has(_ weight: BufferHandle) -> Bool { kernels[weight] != nil }

    /// Answers false for a weight that is not one of these.
    func release(_ handle: BufferHandle) -> Bool {
        guard let kernel = kernels.removeValue(forKey: handle) else { return false }
        for (key, convolution) in convolutions where key.weight == handle {
            dnnl_compiled_destroy(convolution)
            convolutions[key] = nil
        }
        accumulating = accumulating.filter { $0.weight != handle }
        dnnl_kernel_destroy(kernel.pointer)
        return true
    }

    /// - Parameter copy: the backend's copy, for operands that are not dense.
    func run(
        _ arguments: Conv2dArguments, copy: (CopyArguments) throws(BackendError) -> Void
    ) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        var copies: [BufferHandle] = []
        defer { for copy in copies { resources.memory.release(copy) } }
        func dense(_ view: TensorView, isRead: Bool) throws(BackendError) -> TensorView {
            if view.isDense { return view }
            let buffer = try resources.memory.allocate(byteCount: view.elementCount * view.dtype.byteCount)
            copies.append(buffer)
            let target = TensorView(buffer: buffer, dtype: view.dtype, shape: view.shape)
            if isRead { try copy(CopyArguments(output: target, input: view)) }
            return target
        }
        let isInPlace = arguments.epilogue.residual == arguments.output
        var plain = arguments
        plain.input = try dense(arguments.input, isRead: true)
        plain.output = try dense(arguments.output, isRead: isInPlace)
        if isInPlace {
            plain.epilogue.residual = plain.output
        } else if let residual = arguments.epilogue.residual {
            plain.epilogue.residual = try dense(residual, isRead: true)
        }
        try runDense(plain, copy)
        if plain.output != arguments.output {
            try copy(CopyArguments(output: arguments.output, input: plain.output))
        }
    }

    private func runDense(
        _ arguments: Conv2dArguments, _ copy: (CopyArguments) throws(BackendError) -> Void
    ) throws(BackendError) {
        let epilogue = arguments.epilogue
        var residual = DNNLSession.residual(epilogue, output: arguments.output)
        func key() -> Key {
            Key(
                weight: arguments.weight, input: arguments.input.shape, output: arguments.output.shape,
                strides: [arguments.strideY, arguments.strideX],
                padding: [
                    arguments.paddingTop, arguments.paddingBottom, arguments.paddingLeft, arguments.paddingRight,
                ], hasBias: epilogue.bias != nil, residual: residual.rawValue, activation: epilogue.activation,
                order: epilogue.order)
        }
        var compiled = accumulating.contains(key()) ? nil : try convolution(key(), arguments)
        if compiled == nil, residual == DNNL_RESIDUAL_OTHER, let added = epilogue.residual {
            accumulating.insert(key())
            try copy(CopyArguments(output: arguments.output, input: added))
            residual = DNNL_RESIDUAL_OUTPUT
            compiled = try convolution(key(), arguments)
        }
        guard let compiled else { throw BackendError(.unsupported, "oneDNN does not do this convolution") }
        let scratch = try resources.scratch.pieces(
            byteCount: dnnl_compiled_scratch_byte_count(compiled), count: 1)[0]
        resources.threads.enter()
        resources.memory.noteProduct(rows: arguments.output.shape.dropLast().elementCount)
        let added = residual == DNNL_RESIDUAL_OTHER ? epilogue.residual?.address : nil
        let status = dnnl_compiled_run(
            compiled, arguments.input.address, epilogue.bias?.floats, added, arguments.output.address, scratch)
        guard status == 0 else { throw DNNLSession.failure("a convolution", status) }
    }

    /// nil where the library has no fast one.
    private func convolution(_ key: Key, _ arguments: Conv2dArguments) throws(BackendError) -> OpaquePointer? {
        if let convolution = convolutions[key] { return convolution }
        guard let kernel = kernels[key.weight] else { throw BackendError(.invalidArgument, "no such weight") }
        var shape = dnnl_convolution_shape()
        (shape.pictures, shape.height, shape.width) = (Int64(key.input[0]), Int64(key.input[1]), Int64(key.input[2]))
        (shape.channels, shape.outputs, shape.groups) = (
            Int64(key.input[3]), Int64(kernel.shape[0]), Int64(kernel.groups)
        )
        (shape.output_height, shape.output_width) = (Int64(key.output[1]), Int64(key.output[2]))
        (shape.kernel_height, shape.kernel_width) = (Int64(kernel.shape[2]), Int64(kernel.shape[3]))
        (shape.stride_y, shape.stride_x) = (Int64(key.strides[0]), Int64(key.strides[1]))
        (shape.padding_top, shape.padding_bottom) = (Int64(key.padding[0]), Int64(key.padding[1]))
        (shape.padding_left, shape.padding_right) = (Int64(key.padding[2]), Int64(key.padding[3]))
        (shape.has_bias, shape.residual) = (key.hasBias ? 1 : 0, Int32(key.residual))
        (shape.residual_first, shape.activation) = (
            key.order == .residualThenActivation ? 1 : 0, key.activation.rawValue
        )
        shape.dtype = kernel.dtype.rawValue
        var status: Int32 = 0
        guard let convolution = dnnl_convolution_create(session.pointer, kernel.pointer, &shape, &status) else {
            if Int(status) == DNNL_STATUS_UNIMPLEMENTED { return nil }
            throw DNNLSession.failure("compiling a convolution of \(key.input)", status)
        }
        convolutions[key] = convolution
        return convolution
    }
}
