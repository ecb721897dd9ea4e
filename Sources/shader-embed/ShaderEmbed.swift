// SPDX-License-Identifier: MIT
import Foundation

/// `shader-embed OUTPUT.swift FILE...`: compiles GLSL files by glslangValidator, takes SPIR-V files as they are, and
/// writes all of them as base64 into one Swift file. A `StaticString` costs the compiler nothing, an array of numbers
/// a lot.
@main struct ShaderEmbed {
    /// What a kernel says that reads through texel buffers too, in a module named NAME_texels.
    private static let secondWay = "// Also compiled with USES_TEXELS."

    static func main() {
        let arguments = CommandLine.arguments.dropFirst().map { URL(fileURLWithPath: $0) }
        guard let output = arguments.first else { fail("usage: shader-embed OUTPUT.swift FILE...") }
        var text = "// Made by shader-embed.\nenum EmbeddedShaders {\n    static let all: [String: StaticString] = [\n"
        do {
            for file in arguments.dropFirst() {
                let name = file.deletingPathExtension().lastPathComponent
                func add(_ name: String, _ module: Data) {
                    text += "        \"\(name)\": \"\(module.base64EncodedString())\",\n"
                }
                if file.pathExtension == "spv" {
                    add(name, try Data(contentsOf: file))
                } else {
                    add(name, try compile(file))
                    let source = try String(contentsOf: file, encoding: .utf8)
                    if source.contains(secondWay) { add(name + "_texels", try compile(file, "-DUSES_TEXELS")) }
                }
            }
            text += "    ]\n}\n"
            try text.write(to: output, atomically: true, encoding: .utf8)
        } catch {
            fail("\(error.localizedDescription)")
        }
    }

    private static func compile(_ source: URL, _ options: String...) throws -> Data {
        let name = "\(getpid())-\(source.lastPathComponent).spv"
        let compiled = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["glslangValidator", "--quiet", "--target-env", "vulkan1.2"] + options
            + ["-V", source.path, "-o", compiled.path]
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus == 127 {
            fail(
                "the Vulkan backend's shaders need glslangValidator (Debian: apt-get install glslang-tools); "
                    + "BEASTS_BACKENDS=reference,openblas,dnnl leaves that backend out")
        }
        guard process.terminationStatus == 0 else { fail("glslangValidator refuses \(source.path)") }
        defer { try? FileManager.default.removeItem(at: compiled) }
        return try Data(contentsOf: compiled)
    }

    private static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("error: \(message)\n".utf8))
        exit(1)
    }
}
