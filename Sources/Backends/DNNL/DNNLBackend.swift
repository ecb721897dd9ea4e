// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport
private import DNNLLibrary
private import Glibc

/// oneDNN where its products are the fastest there are, own kernels for everything else.
///
/// With AVX-512 oneDNN multiplies blocks of matrices at the machine's rate. With AVX2 alone it calls a general product that
/// the own packed one outruns, so that one is used. BEASTS_DNNL_LINEAR=onednn or own overrides the choice.
final class DNNLBackend: CPUBackend {
    static let name = "dnnl"
    static let summary = "oneDNN and own kernels for AVX2 and AVX-512"
    /// Patches become a copy and a product where oneDNN multiplies.
    static let optionalOps: Set<BackendOp> =
        usesLibraryProducts ? [.attention, .residualLayerNorm] : [.attention, .residualLayerNorm, .patchEmbedding]

    let resources: CPUResources
    private let products: DNNLProducts?

    init(options: ContextOptions) throws(BackendError) {
        if let reason = dnnl_library_open() { throw BackendError(.unsupported, String(cString: reason)) }
        resources = try Self.makeResources(options)
        products = Self.usesLibraryProducts ? try DNNLProducts(resources) : nil
    }

    static func probe(device: Int) throws(BackendError) -> ProbeResult {
        if let reason = dnnl_library_open() {
            return ProbeResult(score: 0, deviceName: "CPU", reason: String(cString: reason))
        }
        var version: (major: Int32, minor: Int32, patch: Int32) = (0, 0, 0)
        dnnl_library_version(&version.major, &version.minor, &version.patch)
        let library = "oneDNN \(version.major).\(version.minor).\(version.patch)"
        return probeProcessor(
            device: device, score: 70, reason: usesLibraryProducts ? "matrix products by \(library)" : "\(library)")
    }

    private static let usesLibraryProducts: Bool = {
        if dnnl_library_open() != nil { return false }
        return switch getenv("BEASTS_DNNL_LINEAR").map({ String(cString: $0) }) {
        case "onednn": true
        case "own": false
        default: dnnl_library_has_block_products() != 0
        }
    }()

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        if let products, description.kind == .linear { return try products.prepare(description) }
        return try resources.weights.prepare(description, packing: resources.kernels, on: resources.threads)
    }

    func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        if products?.release(weight) != true { resources.weights.release(weight) }
    }

    func linear(_ arguments: LinearArguments) throws(BackendError) {
        guard let products else { return try packedLinear(arguments) }
        try requireSupport(arguments)
        try products.linear(arguments)
    }
}
