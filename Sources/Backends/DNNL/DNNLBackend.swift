// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport
private import DNNLLibrary
private import Glibc

/// oneDNN where its products and convolutions are the fastest there are, own kernels for everything else.
///
/// With AVX-512 oneDNN multiplies blocks of matrices at the machine's rate, and convolves with one group so; convolutions
/// in groups, linear layers and large 1 × 1 convolutions in bfloat16, float32 of many tokens (by Strassen's algorithm),
/// attention, norms and products of few rows are own. With AVX2 alone it calls a general product that the own packed one
/// outruns, so that one is used. BEASTS_DNNL_LINEAR=onednn or own overrides the choice, for convolutions too.
final class DNNLBackend: CPUBackend {
    static let name = "dnnl"
    static let summary = "oneDNN and own kernels for AVX2 and AVX-512"
    /// Patches become a copy and a product where oneDNN multiplies.
    static let optionalOps: Set<BackendOp> =
        usesLibraryProducts ? [.attention, .residualLayerNorm] : [.attention, .residualLayerNorm, .patchEmbedding]

    let resources: CPUResources
    private let products: DNNLProducts?
    private let convolutions: DNNLConvolutions?
    private let bfloat16 = BFloat16Support.ofThisProcess
    /// Where the positions of convolutions are gathered.
    let windows = Scratch()

    init(options: ContextOptions) throws(BackendError) {
        if let reason = dnnl_library_open() { throw BackendError(.unsupported, String(cString: reason)) }
        let resources = try Self.makeResources(options)
        self.resources = resources
        let session = Self.usesLibraryProducts ? try DNNLSession(resources.memory) : nil
        products = session.map { DNNLProducts(resources, $0, usesOwn: Self.wantedProducts == nil) }
        convolutions = session.map { DNNLConvolutions(resources, $0) }
    }

    static func probe(device: Int) throws(BackendError) -> ProbeResult {
        if let reason = dnnl_library_open() {
            return ProbeResult(score: 0, deviceName: "CPU", reason: String(cString: reason))
        }
        var version: (major: Int32, minor: Int32, patch: Int32) = (0, 0, 0)
        dnnl_library_version(&version.major, &version.minor, &version.patch)
        let library = "oneDNN \(version.major).\(version.minor).\(version.patch)"
        let bfloat16 = BFloat16Support.ofThisProcess
        var result = probeProcessor(
            device: device, score: 70,
            reason: (usesLibraryProducts ? "matrix products by \(library)" : "\(library)") + ", \(bfloat16.words)")
        if bfloat16 != .none { result.nativeDTypes += [.bfloat16, .int8] }
        return result
    }

    private static let wantedProducts = getenv("BEASTS_DNNL_LINEAR").map { String(cString: $0) }

    private static let usesLibraryProducts: Bool = {
        if dnnl_library_open() != nil { return false }
        return switch wantedProducts {
        case "onednn": true
        case "own": false
        default: dnnl_library_has_block_products() != 0
        }
    }()

    /// Of convolutions in groups own ones are the faster, where there are such.
    private func usesLibraryConvolutions(_ description: WeightDescription) -> Bool {
        switch description.target {
        case .bfloat16: true
        case .float32: description.groups == 1 || Self.wantedProducts == "onednn"
        default: false
        }
    }

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        if description.target == .int8, description.kind == .linear, bfloat16 != .none {
            return try resources.weights.prepareQuads(description, packing: resources.kernels, on: resources.threads)
        }
        if description.target == .bfloat16, description.kind == .conv2d, bfloat16 != .none,
            Self.wantedProducts != "onednn",
            let prepared = try resources.weights.prepareGroupPairs(description, packing: resources.kernels)
        {
            return prepared
        }
        if description.target == .float32 || bfloat16 == .native {
            if let products, description.kind == .linear { return try products.prepare(description) }
            if let products, description.kind == .conv2d, Self.wantedProducts == nil,
                let prepared = try products.preparePointwise(description)
            {
                return prepared
            }
            if let convolutions, description.kind == .conv2d, usesLibraryConvolutions(description),
                let prepared = try convolutions.prepare(description)
            {
                return prepared
            }
        }
        if description.target == .bfloat16, bfloat16 != .none { return try prepareRounded(description) }
        return try resources.weights.prepare(description, packing: resources.kernels, on: resources.threads)
    }

    func releaseWeight(_ weight: BufferHandle) throws(BackendError) {
        if products?.release(weight) == true || convolutions?.release(weight) == true { return }
        resources.weights.release(weight)
    }

    func linear(_ arguments: LinearArguments) throws(BackendError) {
        guard let products, products.has(arguments.weight) else { return try packedLinear(arguments) }
        try requireSupport(arguments)
        try products.linear(arguments)
    }

    func conv2d(_ arguments: Conv2dArguments) throws(BackendError) {
        if let products, products.has(arguments.weight) { return try pointwise(arguments, products) }
        guard let convolutions, convolutions.has(arguments.weight) else { return try packedConv2d(arguments) }
        try requireSupport(arguments)
        try convolutions.run(arguments) { (arguments) throws(BackendError) in try copy(arguments) }
    }

    func supports(_ arguments: any OpArguments) -> Bool { computes(arguments, bfloat16: bfloat16) }
}
