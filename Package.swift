// swift-tools-version: 6.2
// SPDX-License-Identifier: MIT
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A backend exports its one symbol and nothing else.
let exportsQueryOnly: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/backend.map"])
]

/// Libraries of the tests, in C, for which beasts_backend.h is all they know. Their products are named so that discovery
/// does not pick them up.
let testPlugins = ["Tiny", "Broken"]

let package = Package(
    name: "beasts",
    products: [
        .library(name: "BeastsCPUReferenceBackend", type: .dynamic, targets: ["CPUReferenceBackend"])
    ] + testPlugins.map { .library(name: "BeastTest\($0)Plugin", type: .dynamic, targets: ["BeastTest\($0)Plugin"]) },
    targets: [
        .target(name: "CBeasts"),
        .target(name: "BeastCore", dependencies: ["CBeasts"], swiftSettings: strict),
        .target(name: "BeastConformance", dependencies: ["BeastCore", "CBeasts"], swiftSettings: strict),
        .target(
            name: "CPUReferenceBackend", dependencies: ["BeastCore", "CBeasts"], path: "Sources/Backends/CPUReference",
            swiftSettings: strict, linkerSettings: exportsQueryOnly),
        .testTarget(
            name: "BeastCoreTests", dependencies: ["BeastCore", "CBeasts"], path: "Tests/BeastCoreTests", swiftSettings: strict),
        .testTarget(
            name: "ConformanceTests", dependencies: ["BeastConformance", "BeastCore"], path: "Tests/Conformance",
            swiftSettings: strict),
    ]
        + testPlugins.map {
            .target(
                name: "BeastTest\($0)Plugin", path: "Tests/Plugins/\($0)", publicHeadersPath: ".",
                cSettings: [.headerSearchPath("../../../Sources/CBeasts/include")])
        },
    swiftLanguageModes: [.v6]
)
