// SPDX-License-Identifier: MIT
internal import CBeasts

/// Turns a context of a plugin's table into a ``Backend``: the host's side of the boundary.
///
/// What a plugin answers is not trusted: a null handle, an unknown status code or a missing required entry is an error
/// that names the plugin.
public final class PluginBackend: Backend {
    /// The plugin that this context belongs to.
    public let library: PluginLibrary
    /// The plugin's own handle.
    let context: OpaquePointer

    init(library: PluginLibrary, options: ContextOptions) throws(BackendError) {
        self.library = library
        var contractOptions: beasts_context_options = sized {
            $0.device = options.device.map { Int32(clamping: $0) } ?? -1
            $0.thread_count = Int32(clamping: options.threadCount)
        }
        var context: OpaquePointer?
        try library.call("create_context") { status in library.table.create_context?(&contractOptions, &context, status)
        }
        guard let context else { throw library.fault("create_context gave no context") }
        self.context = context
    }

    deinit {
        // A failure here has nobody to tell: everything that was asked for has been downloaded or reported before.
        _ = library.table.destroy_context?(context, nil)
    }

    // MARK: Buffers

    public func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle {
        var handle: UInt64 = 0
        try library.call("create_buffer") { status in
            library.table.create_buffer?(context, UInt64(max(0, byteCount)), &handle, status)
        }
        guard handle != 0 else { throw library.fault("create_buffer gave handle 0") }
        return BufferHandle(rawValue: handle)
    }

    public func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) {
        try library.call("destroy_buffer") { status in library.table.destroy_buffer?(context, buffer.rawValue, status) }
    }

    public func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        try library.call("upload") { status in
            library.table.upload?(
                context, buffer.rawValue, UInt64(max(0, byteOffset)), bytes.baseAddress, UInt64(bytes.count), status)
        }
    }

    public func download(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int
    ) throws(BackendError) {
        try library.call("download") { status in
            library.table.download?(
                context, buffer.rawValue, UInt64(max(0, byteOffset)), bytes.baseAddress, UInt64(bytes.count), status)
        }
    }

    public func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer? {
        guard library.table.map != nil else { return nil }
        var address: UnsafeMutableRawPointer?
        try library.call("map") { status in library.table.map?(context, buffer.rawValue, &address, status) }
        return address
    }

    public func synchronize() throws(BackendError) {
        try library.call("synchronize") { status in library.table.synchronize?(context, status) }
    }

    // MARK: Weights

    public func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        try description.validate()
        var handle: UInt64 = 0
        var byteCount: UInt64 = 0
        try library.call("prepare_weight") { status in
            description.withContract { library.table.prepare_weight?(context, $0, &handle, &byteCount, status) }
        }
        guard handle != 0 else { throw library.fault("prepare_weight gave handle 0") }
        return PreparedWeight(handle: BufferHandle(rawValue: handle), byteCount: Int(clamping: byteCount))
    }

    public func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        try library.call("release_weight") { status in library.table.release_weight?(context, weight.rawValue, status) }
    }

    // MARK: Ops

    public func hasNative(_ op: BackendOp) -> Bool { library.hasEntry(op) }

    public func supports(_ arguments: any OpArguments) -> Bool {
        guard hasNative(type(of: arguments).op) else { return false }
        guard library.table.supports != nil else { return true }
        return asksSupport(arguments)
    }

    private func asksSupport<Arguments: OpArguments>(_ arguments: Arguments) -> Bool {
        var contract = arguments.contract
        var answer: Int32 = 0
        let code = withUnsafePointer(to: &contract) {
            library.table.supports?(context, Arguments.op.rawValue, UnsafeRawPointer($0), &answer, nil)
        }
        return code == 0 && answer == 1
    }

    /// Every op goes this way.
    private func run<Arguments: OpArguments>(_ arguments: Arguments) throws(BackendError) {
        do throws(BackendError) {
            try arguments.validate()
        } catch {
            throw BackendError(error.code, "\(Arguments.op.name): \(error.message)", backend: library.name)
        }
        var contract = arguments.contract
        try library.call(Arguments.op.name) { status in Arguments.call(library.table, context, &contract, status) }
    }

    public func fill(_ arguments: FillArguments) throws(BackendError) { try run(arguments) }
    public func copy(_ arguments: CopyArguments) throws(BackendError) { try run(arguments) }
    public func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) { try run(arguments) }
    public func add(_ arguments: AddArguments) throws(BackendError) { try run(arguments) }
    public func multiply(_ arguments: MultiplyArguments) throws(BackendError) { try run(arguments) }
    public func scale(_ arguments: ScaleArguments) throws(BackendError) { try run(arguments) }
    public func activation(_ arguments: ActivationArguments) throws(BackendError) { try run(arguments) }
    public func matmul(_ arguments: MatmulArguments) throws(BackendError) { try run(arguments) }
    public func linear(_ arguments: LinearArguments) throws(BackendError) { try run(arguments) }
    public func conv2d(_ arguments: Conv2dArguments) throws(BackendError) { try run(arguments) }
    public func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) { try run(arguments) }
    public func softmax(_ arguments: SoftmaxArguments) throws(BackendError) { try run(arguments) }
    public func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) { try run(arguments) }
    public func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) { try run(arguments) }
    public func reduce(_ arguments: ReduceArguments) throws(BackendError) { try run(arguments) }
    public func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) { try run(arguments) }
    public func attention(_ arguments: AttentionArguments) throws(BackendError) { try run(arguments) }
    public func attentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError) {
        try run(arguments)
    }
    public func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) { try run(arguments) }
    public func conv3d(_ arguments: Conv3dArguments) throws(BackendError) { try run(arguments) }
    public func convTranspose3d(_ arguments: ConvTranspose3dArguments) throws(BackendError) { try run(arguments) }
    public func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) { try run(arguments) }
    public func nearestCode(_ arguments: NearestCodeArguments) throws(BackendError) { try run(arguments) }
    public func topK(_ arguments: TopKArguments) throws(BackendError) { try run(arguments) }
}
