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

let package = Package(
    name: "beasts",
    products: [
        .library(name: "BeastsCPUReferenceBackend", type: .dynamic, targets: ["CPUReferenceBackend"])
    ],
    targets: [
        .target(name: "CBeasts"),
        .target(name: "BeastCore", dependencies: ["CBeasts"], swiftSettings: strict),
        .target(name: "BeastConformance", dependencies: ["BeastCore", "CBeasts"], swiftSettings: strict),
        .target(
            name: "CPUReferenceBackend", dependencies: ["BeastCore", "CBeasts"], path: "Sources/Backends/CPUReference",
            swiftSettings: strict, linkerSettings: exportsQueryOnly),
    ],
    swiftLanguageModes: [.v6]
)
