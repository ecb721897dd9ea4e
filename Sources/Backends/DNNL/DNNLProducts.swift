// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport
private import DNNLLibrary

/// Weights in oneDNN's order and the products with them, each compiled once for a shape.
final class DNNLProducts {
    private struct Key: Hashable {
        let weight: BufferHandle
        let rows, inputStride, outputStride, residualStride: Int
        let outputType: DType
        let alpha: Float
        let hasBias: Bool
        let residual: UInt32
        let activation: Activation
        let order: EpilogueOrder
    }

    private struct PackedWeight {
        let pointer: OpaquePointer
        let dtype: DType
    }

    private let resources: CPUResources
    private let session: DNNLSession
    private var weights: [BufferHandle: PackedWeight] = [:]
    private var products: [Key: OpaquePointer] = [:]

    init(_ resources: CPUResources, _ session: DNNLSession) {
        self.resources = resources
        self.session = session
    }

    deinit {
        for product in products.values { dnnl_compiled_destroy(product) }
        for weight in weights.values { dnnl_packed_destroy(weight.pointer) }
    }

    /// Dense first, as the library's reorders want it, then in its own order; the dense copy goes.
    func prepare(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        let shape = description.shape
        let columns = shape[0]
        let inner = shape.elementCount / max(1, columns)
        // Products without elements are never compiled, but their weights have handles too.
        let dense = try resources.weights.prepareDense(WeightDescription(kind: .linear, parts: description.parts))
        guard columns > 0, inner > 0 else { return dense }
        resources.threads.enter()
        var status: Int32 = 0
        let elements = try resources.weights[dense.handle].address.assumingMemoryBound(to: Float.self)
        let packed = dnnl_packed_create(
            session.pointer, elements, Int64(columns), Int64(inner), description.target.rawValue, &status)
        resources.weights.release(dense.handle)
        guard let packed else { throw DNNLSession.failure("packing a weight of shape \(shape)", status) }
        let handle = BufferHandle(rawValue: UInt64(UInt(bitPattern: packed)))
        weights[handle] = PackedWeight(pointer: packed, dtype: description.target)
        return PreparedWeight(handle: handle, byteCount: dnnl_packed_byte_count(packed))
    }

    func has(_ weight: BufferHandle) -> Bool { weights[weight] != nil }

    /// Answers false for a weight that is not one of these.
    func release(_ handle: BufferHandle) -> Bool {
        guard let weight = weights.removeValue(forKey: handle) else { return false }
        for (key, product) in products where key.weight == handle {
            dnnl_compiled_destroy(product)
            products[key] = nil
        }
        dnnl_packed_destroy(weight.pointer)
        return true
    }

    func linear(_ arguments: LinearArguments) throws(BackendError) {
        let (output, input, epilogue) = (arguments.output, arguments.input, arguments.epilogue)
        let blocks = RowBlocks(output, input, epilogue.residual ?? output)
        if output.elementCount == 0 { return }
        guard let weight = weights[arguments.weight] else {
            throw BackendError(.unsupported, "a product over an inner axis of no elements")
        }
        let residual = DNNLSession.residual(epilogue, output: output)
        // oneDNN knows no rows that repeat or overlap; those are multiplied one by one.
        let isPlain = [output, input, epilogue.residual ?? output].allSatisfy {
            blocks.rowCount <= 1 || blocks.stride(of: $0) >= $0.shape[$0.rank - 1]
        }
        let steps = isPlain ? 1 : blocks.rowCount
        let key = Key(
            weight: arguments.weight, rows: blocks.rowCount / steps, inputStride: blocks.stride(of: input),
            outputStride: blocks.stride(of: output),
            residualStride: epilogue.residual.map { blocks.stride(of: $0) } ?? 0, outputType: output.dtype,
            alpha: arguments.alpha,
            hasBias: epilogue.bias != nil, residual: residual.rawValue, activation: epilogue.activation,
            order: epilogue.order)
        let product = try product(key, weight)
        let scratch = try resources.scratch.pieces(byteCount: dnnl_compiled_scratch_byte_count(product), count: 1)[0]
        resources.threads.enter()
        for item in 0..<blocks.count * steps {
            let (block, row) = (item / steps, item % steps)
            func start(_ view: TensorView) -> UnsafeMutableRawPointer {
                view.address + (blocks.offset(of: view, block) + row * blocks.stride(of: view)) * view.dtype.byteCount
            }
            let status = dnnl_compiled_run(
                product, start(input), epilogue.bias?.floats, epilogue.residual.map { start($0) }, start(output),
                scratch)
            guard status == 0 else { throw DNNLSession.failure("a product", status) }
        }
    }

    private func product(_ key: Key, _ weight: PackedWeight) throws(BackendError) -> OpaquePointer {
        if let product = products[key] { return product }
        var shape = dnnl_product_shape()
        (shape.rows, shape.input_stride) = (Int64(key.rows), Int64(key.inputStride))
        (shape.output_stride, shape.residual_stride) = (Int64(key.outputStride), Int64(key.residualStride))
        (shape.alpha, shape.has_bias, shape.residual) = (key.alpha, key.hasBias ? 1 : 0, Int32(key.residual))
        (shape.residual_first, shape.activation) = (
            key.order == .residualThenActivation ? 1 : 0, key.activation.rawValue
        )
        (shape.input_dtype, shape.output_dtype) = (weight.dtype.rawValue, key.outputType.rawValue)
        var status: Int32 = 0
        guard let product = dnnl_product_create(session.pointer, weight.pointer, &shape, &status) else {
            throw DNNLSession.failure("compiling a product of \(key.rows) rows", status)
        }
        products[key] = product
        return product
    }
}
