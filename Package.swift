// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT
import PackageDescription

// BEASTS_BACKENDS=reference,openblas leaves the other backends out, so that a missing library does not break the rest.
let wantedBackends = Context.environment["BEASTS_BACKENDS"]?.split(separator: ",").map(String.init)
func isWanted(_ backend: String) -> Bool { wantedBackends?.contains(backend) ?? true }

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A backend exports its one symbol and nothing else.
let exportsQueryOnly: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/backend.map"])
]

/// Kernels and what models compute on the host are optimised in debug builds too: unoptimised, a test that runs a model
/// would take minutes.
let optimizedAlways: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]
let optimizedKernels: [CSetting] = [.unsafeFlags(["-O3"])]

/// The backends: a dynamic library each, which the program opens at run time and never links.
let backends: [(name: String, library: String, target: Target)] = [
    (
        "reference", "BeastsCPUReferenceBackend",
        .target(
            name: "CPUReferenceBackend", dependencies: ["BeastCore", "CBeasts"], path: "Sources/Backends/CPUReference",
            swiftSettings: strict + optimizedAlways, linkerSettings: exportsQueryOnly)
    ),
    (
        "openblas", "BeastsOpenBLASBackend",
        .target(
            name: "OpenBLASBackend", dependencies: ["BeastCore", "CBeasts", "CPUSupport"],
            path: "Sources/Backends/OpenBLAS", swiftSettings: strict + optimizedAlways,
            linkerSettings: exportsQueryOnly)
    ),
    (
        "dnnl", "BeastsDNNLBackend",
        .target(
            name: "DNNLBackend", dependencies: ["BeastCore", "CBeasts", "CPUSupport", "DNNLLibrary"],
            path: "Sources/Backends/DNNL", swiftSettings: strict + optimizedAlways, linkerSettings: exportsQueryOnly)
    ),
    (
        "vulkan", "BeastsVulkanBackend",
        .target(
            name: "VulkanBackend", dependencies: ["BeastCore", "CBeasts", "VulkanLibrary"],
            path: "Sources/Backends/Vulkan", swiftSettings: strict + optimizedAlways, linkerSettings: exportsQueryOnly,
            plugins: ["ShaderPlugin"])
    ),
].filter { isWanted($0.name) }

/// What only one backend needs.
let backendLibraries: [Target] =
    (isWanted("dnnl")
        ? [.target(name: "DNNLLibrary", dependencies: ["CPUKernels"], path: "Sources/Backends/DNNLLibrary")] : [])
    + (isWanted("vulkan")
        ? [
            .target(name: "VulkanLibrary", path: "Sources/Backends/VulkanLibrary"),
            .executableTarget(name: "shader-embed", swiftSettings: strict),
            .plugin(name: "ShaderPlugin", capability: .buildTool(), dependencies: ["shader-embed"]),
        ] : [])

/// Libraries of the tests, in C, for which beasts_backend.h is all they know. Their products are named so that discovery
/// does not pick them up.
let testPlugins = ["Tiny", "Broken", "Mistaken"].map { name in
    Target.target(
        name: "BeastTest\(name)Plugin", path: "Tests/Plugins/\(name)", publicHeadersPath: ".",
        cSettings: [.headerSearchPath("../../../Sources/CBeasts/include")])
}

/// Fuzzers, built by Scripts/fuzz.sh alone: they link only where the compiler adds libFuzzer.
let fuzzers: [Target] =
    Context.environment["BEASTS_FUZZ"] == nil
    ? []
    : [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .target(name: "FuzzSupport", dependencies: ["CFuzzer"], path: "Tests/Fuzz/Support", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-checkpoint", dependencies: ["BeastCore", "BeastWeights", "FuzzSupport"],
            path: "Tests/Fuzz/Checkpoint", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-picture", dependencies: ["BeastMedia", "FuzzSupport"], path: "Tests/Fuzz/Picture",
            swiftSettings: strict),
    ]

let package = Package(
    name: "beasts",
    products: [
        .executable(name: "beasts", targets: ["beasts"]),
        .library(name: "Menagerie", targets: ["Menagerie", "BeastCore", "BeastHub", "BeastMedia", "BeastWeights"]),
    ] + backends.map { .library(name: $0.library, type: .dynamic, targets: [$0.target.name]) }
        + testPlugins.map { .library(name: $0.name, type: .dynamic, targets: [$0.name]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: backends.map(\.target) + backendLibraries + testPlugins + fuzzers + [
        .target(name: "CBeasts"),
        .target(name: "BeastCore", dependencies: ["CBeasts"], swiftSettings: strict + optimizedAlways),

        .target(
            name: "CPUKernels", dependencies: ["CBeasts"], path: "Sources/Backends/CPUKernels",
            cSettings: optimizedKernels),
        .target(
            name: "CPUSupport", dependencies: ["BeastCore", "CBeasts", "CPUKernels"],
            path: "Sources/Backends/CPUSupport",
            swiftSettings: strict + optimizedAlways),

        .systemLibrary(
            name: "CChecksum", path: "Sources/System/CChecksum", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CDeflate", path: "Sources/System/CDeflate", pkgConfig: "libdeflate",
            providers: [.apt(["libdeflate-dev"])]),
        .target(name: "BeastWeights", dependencies: ["BeastCore", "CChecksum", "CDeflate"], swiftSettings: strict),

        .systemLibrary(
            name: "CJPEG", path: "Sources/System/CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
        .systemLibrary(
            name: "CPNG", path: "Sources/System/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(
            name: "CWebP", path: "Sources/System/CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .target(name: "CPicture", dependencies: ["CJPEG", "CPNG", "CWebP"], path: "Sources/System/CPicture"),
        .target(name: "BeastMedia", dependencies: ["CPicture"], swiftSettings: strict),

        // Apart from Menagerie because Yams brings in all of Foundation: 4 ms at start, 53 MB of runtime libraries.
        .target(
            name: "BeastConfigurations", dependencies: ["BeastCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        // Both open their library at run time: what is in the cache needs neither, and loading them takes 10 ms.
        .target(name: "CCurl", path: "Sources/System/CCurl"),
        .target(name: "CDigest", path: "Sources/System/CDigest"),
        .target(name: "CFile", path: "Sources/System/CFile"),
        .target(name: "BeastThreads", swiftSettings: strict),
        .target(name: "BeastHub", dependencies: ["BeastThreads", "CCurl", "CDigest", "CFile"], swiftSettings: strict),
        .target(
            name: "CubWeights",
            exclude: ["cub_dino_vitt8.safetensors", "cub_gpt.safetensors", "cub_mae_vitt8.safetensors"]),
        .target(
            name: "Menagerie",
            dependencies: ["BeastCore", "BeastHub", "BeastMedia", "BeastThreads", "BeastWeights", "CubWeights"],
            swiftSettings: strict),
        .target(
            name: "BeastConformance",
            dependencies: ["BeastConfigurations", "BeastCore", "BeastMedia", "BeastWeights", "CBeasts", "Menagerie"],
            swiftSettings: strict),
        .executableTarget(
            name: "beasts",
            dependencies: [
                "BeastConfigurations", "BeastConformance", "BeastCore", "BeastHub", "BeastMedia", "BeastWeights",
                "Menagerie", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),

        .testTarget(name: "BeastHubTests", dependencies: ["BeastHub"], swiftSettings: strict),
        .testTarget(name: "CPUKernelTests", dependencies: ["CPUKernels"], swiftSettings: strict),
        .testTarget(name: "BeastCoreTests", dependencies: ["BeastCore", "CBeasts"], swiftSettings: strict),
        .testTarget(
            name: "ConformanceTests", dependencies: ["BeastConformance", "BeastCore"], path: "Tests/Conformance",
            swiftSettings: strict),
        .testTarget(
            name: "MenagerieTests",
            dependencies: ["BeastConfigurations", "BeastCore", "BeastMedia", "BeastWeights", "Menagerie"],
            swiftSettings: strict),
        .executableTarget(
            name: "weight-reading", dependencies: ["BeastCore", "BeastWeights"], path: "Benchmarks/WeightReading",
            swiftSettings: strict),
        .executableTarget(
            name: "kernel-timing", dependencies: ["BeastCore"], path: "Benchmarks/KernelTiming", swiftSettings: strict),
        .executableTarget(
            name: "picture-preparing", dependencies: ["BeastMedia"], path: "Benchmarks/PicturePreparing",
            swiftSettings: strict),
        .testTarget(name: "BeastWeightsTests", dependencies: ["BeastCore", "BeastWeights"], swiftSettings: strict),
        .testTarget(name: "SessionTests", dependencies: ["BeastCore", "BeastWeights"], swiftSettings: strict),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["beasts", "BeastCore", "BeastHub", "BeastMedia", "BeastWeights", "Menagerie"],
            swiftSettings: strict),
        .testTarget(name: "BeastMediaTests", dependencies: ["BeastMedia", "CPicture"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
