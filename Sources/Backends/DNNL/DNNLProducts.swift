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
        /// Where the library's order is that of the own kernels.
        let panels: WeightPanels?
    }

    /// Of two cores' second caches.
    private static let rowsByteCount = 2 << 20

    /// Kernels of 1 × 1 convolutions in bfloat16 with fewer elements meet many positions, over which the library's
    /// convolution is up to 4 % faster; with as many it is up to 8 % slower.
    private static let leastPointwiseElements = 1 << 19

    private let resources: CPUResources
    private let session: DNNLSession
    private let usesOwn: Bool
    private var weights: [BufferHandle: PackedWeight] = [:]
    private var products: [Key: OpaquePointer] = [:]

    /// - Parameter usesOwn: whether own kernels take the products of many rows that they are faster at: Strassen's of
    ///   float32, and bfloat16.
    init(_ resources: CPUResources, _ session: DNNLSession, usesOwn: Bool) {
        self.resources = resources
        self.session = session
        self.usesOwn = usesOwn
    }

    deinit {
        for product in products.values { dnnl_compiled_destroy(product) }
        for weight in weights.values { dnnl_packed_destroy(weight.pointer) }
    }

    /// Copies the weight in the library's own order. Its reorders want a dense matrix: made first where the parts are none,
    /// and gone after it.
    func prepare(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        let (shape, target) = (description.shape, description.target)
        let inner = shape.elementCount / max(1, shape[0])
        if inner > 0, shape[0] > 0, let elements = Self.denseElements(description.parts) {
            return try pack(elements, shape, inner, target)
        }
        // Products without elements are never compiled, but their weights have handles too.
        let dense = try resources.weights.prepareDense(WeightDescription(kind: .linear, parts: description.parts))
        guard shape[0] > 0, inner > 0 else { return dense }
        defer { resources.weights.release(dense.handle) }
        let elements = try resources.weights[dense.handle].address.assumingMemoryBound(to: Float.self)
        return try pack(elements, shape, inner, target)
    }

    /// Packs the kernel of a 1 × 1 convolution as a matrix where products are faster than convolutions; nil for others,
    /// and where the own kernels cannot read it: they compute all those of bfloat16, and those of float32 that have strides
    /// or padding.
    func preparePointwise(_ description: WeightDescription) throws(BackendError) -> PreparedWeight? {
        let (shape, target) = (description.shape, description.target)
        guard shape.rank == 4, shape[2] == 1, shape[3] == 1, description.groups == 1, shape.elementCount > 0,
            target == .float32 || target == .bfloat16 && shape.elementCount >= Self.leastPointwiseElements
        else { return nil }
        let prepared = try prepare(WeightDescription(kind: .linear, target: target, parts: description.parts))
        if let panels = weights[prepared.handle]?.panels,
            target == .bfloat16 || CPUWeights.Weight(pointwise: panels) != nil
        {
            return prepared
        }
        _ = release(prepared.handle)
        return nil
    }

    /// As the own kernels read it, a weight from ``preparePointwise(_:)`` in float32; nil for bfloat16.
    func pointwise(_ handle: BufferHandle) -> CPUWeights.Weight? {
        weights[handle]?.panels.flatMap { CPUWeights.Weight(pointwise: $0) }
    }

    /// Where the elements of the only part lie, one behind the other: the pages of a checkpoint as a rule.
    private static func denseElements(_ parts: [HostTensor]) -> UnsafePointer<Float>? {
        guard parts.count == 1, let base = parts[0].bytes.baseAddress, parts[0].dtype == .float32,
            UInt(bitPattern: base).isMultiple(of: 4),
            TensorView(buffer: .none, shape: Shape(parts[0].shape), strides: Shape(parts[0].strides)).isDense
        else { return nil }
        return base.assumingMemoryBound(to: Float.self)
    }

    private func pack(_ elements: UnsafePointer<Float>, _ shape: Shape, _ inner: Int, _ dtype: DType)
        throws(BackendError) -> PreparedWeight
    {
        resources.threads.enter()
        var status: Int32 = 0
        guard
            let packed = dnnl_packed_create(
                session.pointer, elements, Int64(shape[0]), Int64(inner), dtype.rawValue, &status)
        else {
            let byteCount = shape.elementCount * dtype.byteCount
            throw Int(status) == DNNL_STATUS_OUT_OF_MEMORY
                ? BackendError(.outOfMemory, "no memory for \(byteCount) bytes, a weight of shape \(shape)")
                : DNNLSession.failure("packing a weight of shape \(shape)", status)
        }
        let handle = BufferHandle(rawValue: UInt64(UInt(bitPattern: packed)))
        var paddedInner: Int64 = 0
        let panels = dnnl_packed_panels(packed, Int64(resources.panelWidth), &paddedInner).map {
            WeightPanels($0, paddedInner: Int(paddedInner), columns: shape[0], inner: inner, dtype: dtype)
        }
        weights[handle] = PackedWeight(pointer: packed, dtype: dtype, panels: panels)
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
        let areFew = blocks.itemRowCount <= resources.fewRows
        // Items of few rows are summed in one order, however many they are: oneDNN's depends on their number. In bfloat16 own
        // products outrun it everywhere.
        if let panels = weight.panels, areFew || usesOwn && panels.dtype == .bfloat16,
            try resources.multiply(arguments, panels, blocks)
        {
            return
        }
        resources.memory.noteProduct(rows: blocks.rowCount * blocks.count)
        if usesOwn, let panels = weight.panels, try resources.multiplyByStrassen(arguments, panels, blocks) { return }
        let residual = DNNLSession.residual(epilogue, output: output)
        // oneDNN knows no rows that repeat or overlap; those are multiplied one by one.
        let isPlain = [output, input, epilogue.residual ?? output].allSatisfy {
            blocks.rowCount <= 1 || blocks.stride(of: $0) >= $0.shape[$0.rank - 1]
        }
        let appliesGELU = isPlain && epilogue.activation == .gelu && epilogue.residual == nil
        let columns = output.shape[output.rank - 1]
        // Where the own kernels do not read the weight, items of few rows are multiplied one by one for the same reason.
        let most = areFew ? blocks.itemRowCount : blocks.rowCount
        let rowsAtATime = !isPlain ? 1 : appliesGELU ? Self.rowsInCache(most, columns) : most
        // What GELU is applied to is float32: rounded first, it would be rounded twice.
        let isApart = appliesGELU && output.dtype != .float32
        let apartByteCount = isApart ? (rowsAtATime * columns * 4 + 63) & ~63 : 0
        resources.threads.enter()
        for block in 0..<blocks.count {
            for row in stride(from: 0, to: blocks.rowCount, by: rowsAtATime) {
                let rowCount = min(rowsAtATime, blocks.rowCount - row)
                func start(_ view: TensorView) -> UnsafeMutableRawPointer {
                    view.address + (blocks.offset(of: view, block) + row * blocks.stride(of: view))
                        * view.dtype.byteCount
                }
                let key = Key(
                    weight: arguments.weight, rows: rowCount, inputStride: blocks.stride(of: input),
                    outputStride: isApart ? columns : blocks.stride(of: output),
                    residualStride: epilogue.residual.map { blocks.stride(of: $0) } ?? 0,
                    outputType: isApart ? .float32 : output.dtype, alpha: arguments.alpha,
                    hasBias: epilogue.bias != nil, residual: residual.rawValue,
                    activation: appliesGELU ? .none : epilogue.activation, order: epilogue.order)
                let product = try product(key, weight)
                let scratch = try resources.scratch.pieces(
                    byteCount: apartByteCount + dnnl_compiled_scratch_byte_count(product), count: 1)[0]
                let target = isApart ? scratch : start(output)
                let status = dnnl_compiled_run(
                    product, start(input), epilogue.bias?.floats, epilogue.residual.map { start($0) }, target,
                    scratch + apartByteCount)
                guard status == 0 else { throw DNNLSession.failure("a product", status) }
                if appliesGELU {
                    resources.applyGELU(
                        target.assumingMemoryBound(to: Float.self), stride: key.outputStride, to: start(output),
                        output.dtype, outputStride: blocks.stride(of: output), rowCount: rowCount, length: columns)
                }
            }
        }
    }

    /// The library's GELU costs a tenth of a product. An own one costs less over rows that are still in the cache: so many
    /// are multiplied at a time, in parts of nearly equal size.
    private static func rowsInCache(_ rowCount: Int, _ columns: Int) -> Int {
        let most = max(1, rowsByteCount / (columns * 4))
        let parts = (rowCount + most - 1) / most
        return (rowCount + parts - 1) / parts
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
