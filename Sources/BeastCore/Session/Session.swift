// SPDX-License-Identifier: MIT

/// What models compute with: a backend, its tensors, and the composition of what the backend does not do itself.
///
/// A session belongs to one thread at a time, as its backend's context does. Buffers are pooled: an op of the same shape
/// as one before allocates nothing.
public final class Session {
    public let backend: any Backend
    /// What models on this session keep between products.
    public let precision: Precision
    /// Bytes that stay in the caches of all computing threads from one op to the next; 0 where that is not to be planned
    /// with.
    public let cacheByteCount: Int
    public private(set) var statistics = OpStatistics()

    /// Told of every op; nil, as a rule, costs one comparison an op.
    public var observer: (any SessionObserver)?

    private var freeBuffers: [Int: [BufferHandle]] = [:]
    private var freeByteCount = 0
    private var composedWeights: [BufferHandle: Unowned<Weight>] = [:]
    private var composedWeightCount: UInt64 = 0
    /// The arguments of a convolution do not tell the size of its kernel.
    private var weightShapes: [BufferHandle: Shape] = [:]

    /// Free buffers beyond this many bytes are given back before a new one is made.
    var poolLimit = 256 << 20

    /// Composed ops work in blocks, so that what they hold in between takes at most about this many elements.
    var scratchLimit = 16 << 20

    private struct Unowned<Value: AnyObject> {
        unowned let value: Value
    }

    public init(backend: any Backend, precision: Precision = .float32, cacheByteCount: Int = 0) {
        self.backend = backend
        self.precision = precision
        self.cacheByteCount = cacheByteCount
    }

    deinit {
        // Every tensor and weight holds its session, so nothing else is left. Nobody can be told of a failure here.
        for handle in freeBuffers.values.joined() { try? backend.destroyBuffer(handle) }
    }

    // MARK: Tensors

    /// A dense tensor, its content undefined.
    /// - Throws: `outOfMemory`; `invalidArgument` for a negative extent.
    public func makeTensor(_ shape: Shape, dtype: DType = .float32) throws(BackendError) -> Tensor {
        guard shape.allSatisfy({ $0 >= 0 }) else { throw .invalid("a tensor of shape \(shape)") }
        let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.byteCount)
        guard !overflow else { throw BackendError(.outOfMemory, "a tensor of shape \(shape)") }
        let storage = TensorStorage(session: self, handle: try takeBuffer(byteCount: byteCount), byteCount: byteCount)
        return Tensor(storage: storage, view: TensorView(buffer: storage.handle, dtype: dtype, shape: shape))
    }

    /// A dense float32 tensor with these elements in row-major order.
    public func makeTensor(_ elements: [Float], shape: Shape) throws(BackendError) -> Tensor {
        let tensor = try makeTensor(shape)
        try upload(elements, to: tensor)
        return tensor
    }

    /// A dense int32 tensor with these elements in row-major order.
    public func makeTensor(_ elements: [Int32], shape: Shape) throws(BackendError) -> Tensor {
        let tensor = try makeTensor(shape, dtype: .int32)
        try upload(elements, to: tensor)
        return tensor
    }

    /// Writes elements in row-major order into a dense float32 tensor.
    public func upload(_ elements: [Float], to tensor: Tensor) throws(BackendError) {
        try uploadElements(elements.count, MemoryLayout<Float>.stride, to: tensor) { (copy) throws(BackendError) in
            try withBytes(of: elements, copy)
        }
    }

    /// Writes elements in row-major order into a dense float32 tensor.
    public func upload(_ elements: UnsafeBufferPointer<Float>, to tensor: Tensor) throws(BackendError) {
        try uploadElements(elements.count, MemoryLayout<Float>.stride, to: tensor) { (copy) throws(BackendError) in
            try copy(UnsafeRawBufferPointer(elements))
        }
    }

    /// Writes elements in row-major order into a dense int32 tensor.
    public func upload(_ elements: [Int32], to tensor: Tensor) throws(BackendError) {
        try uploadElements(elements.count, MemoryLayout<Int32>.stride, to: tensor) { (copy) throws(BackendError) in
            try withBytes(of: elements, copy)
        }
    }

    private func uploadElements(
        _ count: Int, _ size: Int, to tensor: Tensor,
        _ body: ((UnsafeRawBufferPointer) throws(BackendError) -> Void) throws(BackendError) -> Void
    ) throws(BackendError) {
        guard count == tensor.shape.elementCount, size == tensor.dtype.byteCount, tensor.view.isDense else {
            throw .invalid("\(count) elements of \(size) bytes for a tensor of shape \(tensor.shape), \(tensor.dtype)")
        }
        try body { (bytes) throws(BackendError) in
            try backend.upload(bytes, to: tensor.view.buffer, byteOffset: tensor.view.offset * tensor.dtype.byteCount)
        }
    }

    /// Waits for the queue and reads a float tensor in row-major order.
    public func download(_ tensor: Tensor) throws(BackendError) -> [Float] {
        try read(dense(tensor, .float32), zero: Float(0))
    }

    /// The same into memory that is there already.
    /// - Parameter elements: as many as the tensor has.
    public func download(_ tensor: Tensor, into elements: inout [Float]) throws(BackendError) {
        let tensor = try dense(tensor, .float32)
        guard elements.count == tensor.shape.elementCount else {
            throw .invalid("\(elements.count) elements for a tensor of shape \(tensor.shape)")
        }
        try withMutableBytes(of: &elements) { (bytes) throws(BackendError) in
            try backend.download(
                bytes, from: tensor.view.buffer, byteOffset: tensor.view.offset * MemoryLayout<Float>.stride)
        }
    }

    /// Waits for the queue and reads an int32 tensor in row-major order.
    public func downloadIntegers(_ tensor: Tensor) throws(BackendError) -> [Int32] {
        try read(dense(tensor, .int32), zero: Int32(0))
    }

    /// The tensor itself where it is dense and of this type, a copy that is so otherwise.
    private func dense(_ tensor: Tensor, _ dtype: DType) throws(BackendError) -> Tensor {
        if tensor.view.isDense, tensor.dtype == dtype { return tensor }
        let copy = try makeTensor(tensor.shape, dtype: dtype)
        try run(CopyArguments(output: copy.view, input: tensor.view))
        return copy
    }

    private func read<Element: BitwiseCopyable>(_ tensor: Tensor, zero: Element) throws(BackendError) -> [Element] {
        var elements = [Element](repeating: zero, count: tensor.shape.elementCount)
        try withMutableBytes(of: &elements) { (bytes) throws(BackendError) in
            try backend.download(
                bytes, from: tensor.view.buffer, byteOffset: tensor.view.offset * MemoryLayout<Element>.stride)
        }
        return elements
    }

    // MARK: The pool

    private func takeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle {
        if let handle = freeBuffers[byteCount]?.popLast() {
            freeByteCount -= byteCount
            return handle
        }
        if freeByteCount > poolLimit { try emptyPool() }
        do throws(BackendError) {
            return try backend.makeBuffer(byteCount: byteCount)
        } catch {
            guard error.code == .outOfMemory, freeByteCount > 0 else { throw error }
            try emptyPool()
            return try backend.makeBuffer(byteCount: byteCount)
        }
    }

    /// The queue is in order, so a buffer may be handed on while ops that use it are still queued.
    func recycle(_ handle: BufferHandle, byteCount: Int) {
        freeBuffers[byteCount, default: []].append(handle)
        freeByteCount += byteCount
    }

    private func emptyPool() throws(BackendError) {
        let handles = freeBuffers.values.flatMap { $0 }
        freeBuffers = [:]
        freeByteCount = 0
        for handle in handles { try backend.destroyBuffer(handle) }
    }

    // MARK: Weights

    /// Hands a weight to the backend.
    /// - Parameter parts: joined along their first axis; alive during the call only.
    public func prepareWeight(
        _ kind: WeightKind, _ parts: [HostTensor], groups: Int = 1, target: DType = .float32
    ) throws(BackendError) -> Weight {
        let description = WeightDescription(kind: kind, target: target, groups: groups, parts: parts)
        try description.validate()
        if let op = kind.composedOp, !backend.hasNative(op) { return try prepareTimeSlices(description) }
        let prepared = try backend.prepareWeight(description)
        weightShapes[prepared.handle] = description.shape
        return Weight(session: self, kind: kind, dtype: target, shape: description.shape, prepared: prepared)
    }

    /// Keeps a 3-D kernel as conv2d kernels under a handle of the session's own.
    private func prepareTimeSlices(_ description: WeightDescription) throws(BackendError) -> Weight {
        let slices = try description.timeSlices(in: self)
        // Counted down from the top, never used twice: backends choose addresses or small numbers.
        composedWeightCount += 1
        let handle = BufferHandle(rawValue: UInt64.max - composedWeightCount)
        let byteCount = slices.reduce(0) { $0 + $1.byteCount }
        let weight = Weight(
            session: self, kind: description.kind, dtype: description.target, shape: description.shape,
            prepared: PreparedWeight(handle: handle, byteCount: byteCount), timeSlices: slices)
        composedWeights[handle] = Unowned(value: weight)
        weightShapes[handle] = description.shape
        return weight
    }

    func composedWeight(_ handle: BufferHandle) throws(BackendError) -> Weight {
        guard let weight = composedWeights[handle] else { throw .invalid("no such weight: \(handle.rawValue)") }
        return weight.value
    }

    func release(_ weight: Weight) {
        weightShapes[weight.handle] = nil
        if weight.timeSlices.isEmpty {
            // Nobody is left to tell of a failure; the context frees what remains when it ends.
            try? backend.releaseWeight(weight.handle)
        } else {
            composedWeights[weight.handle] = nil
        }
    }

    // MARK: Ops

    /// Runs an op: the backend's own where it has it for these arguments, composed from required ops otherwise.
    public func run<Arguments: OpArguments>(_ arguments: Arguments) throws(BackendError) {
        guard let observer else {
            _ = try dispatch(arguments)
            return
        }
        try observer.willRun(arguments, in: self)
        let isComposed = try dispatch(arguments)
        try observer.didRun(arguments, in: self, isComposed: isComposed)
    }

    /// The multiplications and additions of the products and convolutions of an op, 2 M N K for a product [M, K] × [K, N].
    /// The same number for an op of the backend's own and for the ops it is composed of; 0 for an op without products.
    public func operationCount(of arguments: some OpArguments) -> Double {
        arguments.operationCount(weightShape: arguments.preparedWeight.flatMap { weightShapes[$0] })
    }

    /// - Returns: whether it was composed.
    private func dispatch<Arguments: OpArguments>(_ arguments: Arguments) throws(BackendError) -> Bool {
        if arguments.mayNeedComposition, !backend.supports(arguments) {
            do throws(BackendError) {
                try arguments.validate()
            } catch {
                throw BackendError(error.code, "\(Arguments.op.name): \(error.message)", backend: error.backend)
            }
            try arguments.compose(in: self)
            statistics.countComposed(Arguments.op)
            return true
        } else {
            try arguments.run(on: backend)
            statistics.countNative(Arguments.op)
            return false
        }
    }
}

/// Lends an array's bytes to a body with typed throws, which the standard library's closures do not pass on.
private func withBytes<Element: BitwiseCopyable>(
    of elements: [Element], _ body: (UnsafeRawBufferPointer) throws(BackendError) -> Void
) throws(BackendError) {
    let result = elements.withUnsafeBytes { bytes in
        Result { () throws(BackendError) in try body(bytes) }
    }
    try result.get()
}

private func withMutableBytes<Element: BitwiseCopyable>(
    of elements: inout [Element], _ body: (UnsafeMutableRawBufferPointer) throws(BackendError) -> Void
) throws(BackendError) {
    let result = elements.withUnsafeMutableBytes { bytes in
        Result { () throws(BackendError) in try body(bytes) }
    }
    try result.get()
}
