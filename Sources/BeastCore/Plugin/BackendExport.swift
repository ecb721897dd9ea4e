// SPDX-License-Identifier: MIT
public import CBeasts
private import Synchronization

/// Turns a Swift ``BackendPlugin`` into the contract's table: the plugin's side of the boundary.
///
/// Everything that arrives is checked here, so that a backend sees only arguments that fit each other: structures are
/// read by their size, shapes validated, views held against the buffers they name, weights against their use. Nothing
/// that arrives can trap, and no Swift error leaves.
public enum BackendExport {
    /// The body of `beasts_backend_query`. A library exports one plugin.
    public static func query(
        _ plugin: any BackendPlugin.Type, _ host: UnsafePointer<beasts_host_info>?,
        _ table: UnsafeMutablePointer<UnsafePointer<beasts_backend_table>?>?,
        _ status: UnsafeMutablePointer<beasts_status>?
    ) -> Int32 {
        guard let host, let table else { return beasts_status.report(.invalid("query: null argument"), to: status) }
        let info = readSized(host)
        guard info.abi_major == BEASTS_ABI_MAJOR else {
            let message =
                "backend '\(plugin.name)' speaks contract \(BEASTS_ABI_MAJOR).\(BEASTS_ABI_MINOR), "
                + "the host speaks \(info.abi_major).\(info.abi_minor)"
            return beasts_status.report(BackendError(.unsupported, message), to: status)
        }
        let address = exportedTableAddress.withLock { address in
            if address == 0 { address = UInt(bitPattern: makeTable(for: plugin)) }
            return address
        }
        table.pointee = UnsafePointer(bitPattern: address)
        return Int32(BEASTS_OK.rawValue)
    }

    /// The table lives as long as the process; every query gets the same one.
    private static func makeTable(for plugin: any BackendPlugin.Type) -> UnsafeMutablePointer<beasts_backend_table> {
        exportedPlugin = plugin
        let table = UnsafeMutablePointer<beasts_backend_table>.allocate(capacity: 1)
        table.initialize(to: sized { fill(&$0, plugin) })
        for op in BackendOp.allCases where !op.isRequired && !plugin.optionalOps.contains(op) {
            // The entries are pointers of one size; this op's becomes null.
            UnsafeMutableRawPointer(table).storeBytes(of: 0, toByteOffset: op.tableOffset, as: UInt.self)
        }
        return table
    }

    private static func fill(_ table: inout beasts_backend_table, _ plugin: any BackendPlugin.Type) {
        table.abi_major = BEASTS_ABI_MAJOR
        table.abi_minor = BEASTS_ABI_MINOR
        table.preferred_alignment = UInt32(clamping: plugin.preferredAlignment)
        table.name = immortal(plugin.name)
        table.version = immortal(plugin.version)
        table.description = immortal(plugin.summary)
        fillContextEntries(&table)
        fillBufferEntries(&table)
        if !plugin.mapsBuffers { table.map = nil }
        fillWeightEntries(&table)
        fillRequiredOps(&table)
        fillOptionalOps(&table)
    }

    private static func fillContextEntries(_ table: inout beasts_backend_table) {
        table.probe = { device, result, status in
            guard let result else { return beasts_status.report(.invalid("probe: null result"), to: status) }
            return caught(status) { () throws(BackendError) in
                write(try exported().probe(device: Int(device)), to: result)
            }
        }
        table.create_context = { options, context, status in
            guard let options, let context else {
                return beasts_status.report(.invalid("create_context: null argument"), to: status)
            }
            return caught(status) { () throws(BackendError) in
                let given = readSized(options)
                guard given.device >= -1, given.thread_count >= 0 else {
                    throw .invalid("create_context: device \(given.device), \(given.thread_count) threads")
                }
                let swiftOptions = ContextOptions(
                    device: given.device < 0 ? nil : Int(given.device), threadCount: Int(given.thread_count))
                let box = ExportedContext(try exported().init(options: swiftOptions))
                context.pointee = OpaquePointer(Unmanaged.passRetained(box).toOpaque())
            }
        }
        table.destroy_context = { context, status in
            guard let context else {
                return beasts_status.report(.invalid("destroy_context: null context"), to: status)
            }
            let box = Unmanaged<ExportedContext>.fromOpaque(UnsafeRawPointer(context))
            let code = caught(status) { () throws(BackendError) in try box.takeUnretainedValue().backend.synchronize() }
            box.release()
            return code
        }
        table.synchronize = { context, status in
            with(context, status) { (box) throws(BackendError) in try box.backend.synchronize() }
        }
    }

    private static func fillBufferEntries(_ table: inout beasts_backend_table) {
        table.create_buffer = { context, byteCount, buffer, status in
            with(context, status) { (box) throws(BackendError) in
                guard let buffer else { throw .invalid("create_buffer: null result") }
                buffer.pointee = try box.makeBuffer(byteCount: byteCount).rawValue
            }
        }
        table.destroy_buffer = { context, buffer, status in
            with(context, status) { (box) throws(BackendError) in try box.destroyBuffer(BufferHandle(rawValue: buffer))
            }
        }
        table.upload = { context, buffer, byteOffset, source, byteCount, status in
            with(context, status) { (box) throws(BackendError) in
                let handle = BufferHandle(rawValue: buffer)
                let range = try box.byteRange(of: handle, from: byteOffset, count: byteCount, "upload")
                if range.isEmpty { return }
                guard let source else { throw .invalid("upload: null source") }
                try box.backend.upload(
                    UnsafeRawBufferPointer(start: source, count: range.count), to: handle, byteOffset: range.lowerBound)
            }
        }
        table.download = { context, buffer, byteOffset, destination, byteCount, status in
            with(context, status) { (box) throws(BackendError) in
                let handle = BufferHandle(rawValue: buffer)
                let range = try box.byteRange(of: handle, from: byteOffset, count: byteCount, "download")
                if range.isEmpty { return try box.backend.synchronize() }
                guard let destination else { throw .invalid("download: null destination") }
                try box.backend.download(
                    UnsafeMutableRawBufferPointer(start: destination, count: range.count), from: handle,
                    byteOffset: range.lowerBound)
            }
        }
        table.map = { context, buffer, address, status in
            with(context, status) { (box) throws(BackendError) in
                guard let address else { throw .invalid("map: null result") }
                let handle = BufferHandle(rawValue: buffer)
                _ = try box.byteRange(of: handle, from: 0, count: 0, "map")
                address.pointee = try box.backend.map(handle)
            }
        }
    }

    private static func fillWeightEntries(_ table: inout beasts_backend_table) {
        table.prepare_weight = { context, description, weight, byteCount, status in
            with(context, status) { (box) throws(BackendError) in
                guard let description, let weight else { throw .invalid("prepare_weight: null argument") }
                let prepared = try box.prepareWeight(try WeightDescription(contract: description))
                weight.pointee = prepared.handle.rawValue
                byteCount?.pointee = UInt64(prepared.byteCount)
            }
        }
        table.release_weight = { context, weight, status in
            with(context, status) { (box) throws(BackendError) in try box.releaseWeight(BufferHandle(rawValue: weight))
            }
        }
        table.supports = { context, op, arguments, answer, status in
            with(context, status) { (box) throws(BackendError) in
                guard let arguments, let answer else { throw .invalid("supports: null argument") }
                guard let op = BackendOp(rawValue: op) else { throw .invalid("supports: unknown op \(op)") }
                let optional = try exported().optionalOps
                let isPresent = op.isRequired || optional.contains(op)
                let typed = try op.readArguments(arguments)
                answer.pointee = isPresent && box.backend.supports(typed) ? 1 : 0
            }
        }
    }

    // The compiler turns each of these closures into a C function; a generic helper cannot, so there is a line for each.
    private static func fillRequiredOps(_ table: inout beasts_backend_table) {
        table.fill = { run(FillArguments.self, $0, $1, $2) }
        table.copy = { run(CopyArguments.self, $0, $1, $2) }
        table.gather_rows = { run(GatherRowsArguments.self, $0, $1, $2) }
        table.add = { run(AddArguments.self, $0, $1, $2) }
        table.multiply = { run(MultiplyArguments.self, $0, $1, $2) }
        table.scale = { run(ScaleArguments.self, $0, $1, $2) }
        table.activation = { run(ActivationArguments.self, $0, $1, $2) }
        table.matmul = { run(MatmulArguments.self, $0, $1, $2) }
        table.linear = { run(LinearArguments.self, $0, $1, $2) }
        table.conv2d = { run(Conv2dArguments.self, $0, $1, $2) }
        table.max_pool2d = { run(MaxPool2dArguments.self, $0, $1, $2) }
        table.softmax = { run(SoftmaxArguments.self, $0, $1, $2) }
        table.layer_norm = { run(LayerNormArguments.self, $0, $1, $2) }
        table.group_norm = { run(GroupNormArguments.self, $0, $1, $2) }
        table.reduce = { run(ReduceArguments.self, $0, $1, $2) }
        table.arg_reduce = { run(ArgReduceArguments.self, $0, $1, $2) }
    }

    private static func fillOptionalOps(_ table: inout beasts_backend_table) {
        table.attention = { run(AttentionArguments.self, $0, $1, $2) }
        table.attention_probabilities = { run(AttentionProbabilitiesArguments.self, $0, $1, $2) }
        table.residual_layer_norm = { run(ResidualLayerNormArguments.self, $0, $1, $2) }
        table.conv3d = { run(Conv3dArguments.self, $0, $1, $2) }
        table.conv_transpose3d = { run(ConvTranspose3dArguments.self, $0, $1, $2) }
        table.patch_embedding = { run(PatchEmbeddingArguments.self, $0, $1, $2) }
        table.nearest_code = { run(NearestCodeArguments.self, $0, $1, $2) }
        table.top_k = { run(TopKArguments.self, $0, $1, $2) }
    }
}

// MARK: - Crossing

/// The plugin of this library. A C function pointer captures nothing, so the two entries that are called without a
/// context find it here. It is written once, with the table, before anybody has a table to call through.
nonisolated(unsafe) private var exportedPlugin: (any BackendPlugin.Type)?

/// Where the library's table lies, 0 before the first query: an address, since a pointer is not Sendable.
private let exportedTableAddress = Mutex<UInt>(0)

private func exported() throws(BackendError) -> any BackendPlugin.Type {
    guard let exportedPlugin else { throw .invalid("beasts_backend_query was not called") }
    return exportedPlugin
}

private func run<Arguments: OpArguments>(
    _ type: Arguments.Type, _ context: OpaquePointer?, _ arguments: UnsafePointer<Arguments.Contract>?,
    _ status: UnsafeMutablePointer<beasts_status>?
) -> Int32 {
    with(context, status) { (box) throws(BackendError) in
        guard let arguments else { throw .invalid("\(Arguments.op.name): null arguments") }
        try box.run(try Arguments.read(UnsafeRawPointer(arguments)))
    }
}

private func with(
    _ context: OpaquePointer?, _ status: UnsafeMutablePointer<beasts_status>?,
    _ body: (ExportedContext) throws(BackendError) -> Void
) -> Int32 {
    guard let context else { return beasts_status.report(.invalid("null context"), to: status) }
    let box = Unmanaged<ExportedContext>.fromOpaque(UnsafeRawPointer(context)).takeUnretainedValue()
    return caught(status) { () throws(BackendError) in try body(box) }
}

private func caught(_ status: UnsafeMutablePointer<beasts_status>?, _ body: () throws(BackendError) -> Void) -> Int32 {
    do {
        try body()
        return Int32(BEASTS_OK.rawValue)
    } catch {
        return beasts_status.report(error, to: status)
    }
}

private func write(_ probe: ProbeResult, to result: UnsafeMutablePointer<beasts_probe_result>) {
    var filled = beasts_probe_result()
    filled.struct_size = result.pointee.struct_size
    filled.score = Int32(clamping: probe.score)
    filled.device_count = Int32(clamping: probe.deviceCount)
    filled.native_dtypes = probe.nativeDTypes.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    filled.memory_byte_count = probe.memoryByteCount
    filled.cache_byte_count = probe.cacheByteCount
    writeText(probe.deviceName, to: &filled.device_name)
    writeText(probe.reason, to: &filled.reason)
    let size = min(Int(result.pointee.struct_size), MemoryLayout<beasts_probe_result>.size)
    withUnsafeBytes(of: filled) { UnsafeMutableRawPointer(result).copyMemory(from: $0.baseAddress!, byteCount: size) }
}

/// Strings of the table are never freed, as the table is not.
private func immortal(_ text: String) -> UnsafePointer<CChar> {
    let utf8 = Array(text.utf8CString)
    let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: utf8.count)
    pointer.initialize(from: utf8, count: utf8.count)
    return UnsafePointer(pointer)
}
