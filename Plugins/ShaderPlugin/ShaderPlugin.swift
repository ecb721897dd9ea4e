// SPDX-License-Identifier: MIT
import Foundation
import PackagePlugin

/// Compiles Sources/Shaders into a Swift file of the target that asks for it: the backend carries its kernels within
/// itself and has no files to find when it runs.
@main struct ShaderPlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "Sources/Shaders")
        let kernels = try files(in: folder, ["comp"])
        // Kernels that Debian's compiler cannot build are kept compiled.
        let compiled = try files(in: folder.appending(path: "coopmat"), ["spv"])
        let included = try files(in: folder, ["glsl"])
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedShaders.swift")
        return [
            .buildCommand(
                displayName: "Compiling shaders", executable: try context.tool(named: "shader-embed").url,
                arguments: [output.path] + (kernels + compiled).map(\.path), inputFiles: kernels + compiled + included,
                outputFiles: [output])
        ]
    }

    private func files(in folder: URL, _ extensions: Set<String>) throws -> [URL] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { extensions.contains($0.pathExtension) }.sorted { $0.path < $1.path }
    }
}
