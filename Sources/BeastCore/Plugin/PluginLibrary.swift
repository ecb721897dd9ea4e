// SPDX-License-Identifier: MIT
internal import CBeasts
private import Glibc

/// A backend library that was opened and whose table was accepted. It is never closed again: code and static data of a
/// plugin may be in use by threads of its own.
public final class PluginLibrary: Sendable {
    /// The file it was opened from.
    public let path: String
    /// The short name the backend gives itself.
    public let name: String
    /// The version the backend gives itself.
    public let version: String
    /// One sentence on it.
    public let summary: String
    /// Contract version of the plugin, major and minor.
    public let contractVersion: (major: Int, minor: Int)
    /// Bytes; buffers of the host's own making start at multiples of it.
    public let preferredAlignment: Int

    /// The plugin's table, zero where the plugin's is shorter than ours. Holds only pointers to code and constants.
    nonisolated(unsafe) let table: beasts_backend_table

    /// Opens a library and negotiates.
    /// - Throws: a ``PluginError`` with the reason: no such file, not a library, a missing dependency (the loader's own
    ///   words), no symbol, a refusal, a wrong major version, a truncated table.
    public init(path: String) throws(PluginError) {
        self.path = path
        var information = stat()
        guard stat(path, &information) == 0 else {
            throw PluginError(.fileMissing, path, String(cString: strerror(errno)))
        }
        if let truncation = LibraryFile.truncation(of: path) { throw PluginError(.notLoadable, path, truncation) }
        // A name without a slash would be looked for in the loader's own places, which may hold another file.
        guard let handle = dlopen(path.contains("/") ? path : "./" + path, RTLD_NOW | RTLD_LOCAL) else {
            throw PluginError(.notLoadable, path, dlerror().map { String(cString: $0) } ?? "the loader gave no reason")
        }
        guard let symbol = dlsym(handle, "beasts_backend_query") else {
            throw PluginError(.noSymbol, path, "it does not export beasts_backend_query")
        }
        let query = unsafeBitCast(symbol, to: beasts_backend_query_function.self)
        table = try PluginLibrary.negotiate(query, path: path)
        guard let name = readText(table.name), PluginLibrary.isValid(name: name) else {
            throw PluginError(
                .badTable, path, "its name '\(readText(table.name) ?? "")' is not made of a-z, 0-9 and hyphens")
        }
        self.name = name
        version = readText(table.version) ?? ""
        summary = readText(table.description) ?? ""
        contractVersion = (Int(table.abi_major), Int(table.abi_minor))
        let alignment = Int(table.preferred_alignment)
        guard alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw PluginError(.badTable, path, "its preferred alignment \(alignment) is not a power of two up to 1 MiB")
        }
        preferredAlignment = alignment
        try checkEntries()
    }

    private static func negotiate(_ query: beasts_backend_query_function, path: String) throws(PluginError)
        -> beasts_backend_table
    {
        var table: UnsafePointer<beasts_backend_table>?
        var status = beasts_status.empty
        let code = withHostInfo { host in query(host, &table, &status) }
        guard code == 0 else { throw PluginError(.refused, path, readText(status.message)) }
        guard let table else { throw PluginError(.badTable, path, "its query gave no table") }
        guard table.pointee.abi_major == BEASTS_ABI_MAJOR else {
            throw PluginError(
                .wrongVersion, path,
                "it speaks contract \(table.pointee.abi_major).\(table.pointee.abi_minor), "
                    + "this program \(BEASTS_ABI_MAJOR).\(BEASTS_ABI_MINOR)")
        }
        let copy = readSized(table)
        let headerSize = MemoryLayout<beasts_backend_table>.offset(of: \.probe) ?? 0
        guard Int(copy.struct_size) >= headerSize, copy.struct_size <= 1 << 16 else {
            throw PluginError(.badTable, path, "its table says it has \(copy.struct_size) bytes")
        }
        return copy
    }

    /// Every entry that is not optional must be there.
    private func checkEntries() throws(PluginError) {
        let entries: [(String, Bool)] = [
            ("probe", table.probe != nil), ("create_context", table.create_context != nil),
            ("destroy_context", table.destroy_context != nil), ("synchronize", table.synchronize != nil),
            ("create_buffer", table.create_buffer != nil), ("destroy_buffer", table.destroy_buffer != nil),
            ("upload", table.upload != nil), ("download", table.download != nil),
            ("prepare_weight", table.prepare_weight != nil), ("release_weight", table.release_weight != nil),
        ]
        var missing = entries.filter { !$0.1 }.map(\.0)
        missing += BackendOp.allCases.filter { $0.isRequired && !hasEntry($0) }.map(\.name)
        guard missing.isEmpty else {
            throw PluginError(
                .badTable, path,
                "its table of \(table.struct_size) bytes (this program's has \(MemoryLayout<beasts_backend_table>.size)) lacks "
                    + missing.joined(separator: ", "))
        }
    }

    private static func isValid(name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 32
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }

    // MARK: Use

    /// Asks whether a device can run; nil is the backend's best.
    public func probe(device: Int? = nil) throws(BackendError) -> ProbeResult {
        try probe(number: device.map { Int32(clamping: $0) } ?? -1)
    }

    /// Asks for the best device that is no software device, which may cost less: drivers of software need not start. A
    /// library that is older than the question is asked for its best.
    public func probeHardware() throws(BackendError) -> ProbeResult {
        try probe(number: contractVersion.minor >= 1 ? -2 : -1)
    }

    private func probe(number: Int32) throws(BackendError) -> ProbeResult {
        var result: beasts_probe_result = sized { _ in }
        try call("probe") { status in table.probe?(number, &result, status) }
        guard (0...10_000).contains(result.score) else { throw fault("probe gave the score \(result.score)") }
        return ProbeResult(
            score: Int(result.score), deviceName: readText(result.device_name), reason: readText(result.reason),
            deviceCount: Int(max(0, result.device_count)),
            nativeDTypes: DType.allCases.filter { result.native_dtypes & (1 << UInt32($0.rawValue)) != 0 },
            memoryByteCount: result.memory_byte_count, cacheByteCount: result.cache_byte_count)
    }

    /// Opens a context on it.
    public func makeContext(_ options: ContextOptions = ContextOptions()) throws(BackendError) -> PluginBackend {
        try PluginBackend(library: self, options: options)
    }

    /// Whether the table has an entry for an op.
    public func hasEntry(_ op: BackendOp) -> Bool {
        withUnsafeBytes(of: table) { $0.loadUnaligned(fromByteOffset: op.tableOffset, as: UInt.self) != 0 }
    }

    /// Calls an entry and turns a failure into a Swift error with the backend's name.
    func call(_ entry: String, _ body: (UnsafeMutablePointer<beasts_status>) -> Int32?) throws(BackendError) {
        var status = beasts_status.empty
        guard let code = body(&status) else {
            throw BackendError(.unsupported, "\(entry): the backend does not have it", backend: name)
        }
        guard code != 0 else { return }
        let message = readText(status.message)
        throw BackendError(
            BackendError.Code(contract: code), message.isEmpty ? "\(entry) failed with code \(code)" : message,
            backend: name)
    }

    func fault(_ message: String) -> BackendError { BackendError(.internal, message, backend: name) }
}

/// Lends what the host says of itself.
private func withHostInfo<Result>(_ body: (UnsafePointer<beasts_host_info>) -> Result) -> Result {
    "beasts \(BeastCore.version)".withCString { description in
        var info: beasts_host_info = sized {
            $0.abi_major = BEASTS_ABI_MAJOR
            $0.abi_minor = BEASTS_ABI_MINOR
            $0.description = description
        }
        return body(&info)
    }
}
