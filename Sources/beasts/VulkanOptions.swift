// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Glibc
import Menagerie

/// What the Vulkan backend reads from the environment (see docs/vulkan.md), as options. Worker processes inherit it.
struct VulkanOptions: ParsableArguments {
    /// The forms that kernels have.
    enum Variant: String, ExpressibleByArgument, CaseIterable {
        case register, tiled, coopmat
    }

    /// What the Khronos validation layer watches.
    enum Validation: String, ExpressibleByArgument, CaseIterable {
        case on = "1"
        case synchronization = "sync"
    }

    @Option(name: .long, help: "vulkan: this form of its kernels, whatever the device.")
    var variant: Variant?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "vulkan: let the Khronos validation layer watch (1), data hazards too (sync); any message is a failure.",
            valueName: "1|sync"))
    var validation: Validation?

    @Flag(
        name: .customLong("validation-self-test"),
        help:
            "vulkan: make a mistake and check that the validation layer reports it, which gives its silence a meaning.")
    var validationSelfTest = false

    private static let selfTest = "self-test"
    /// What the backend's mistake is reported as.
    private static let plantedFault = "VUID-VkBufferCreateInfo-size-00912"

    func validate() throws {
        if validationSelfTest, validation != nil || variant != nil {
            throw ValidationError("--validation-self-test stands alone: it runs no cases")
        }
    }

    /// Whether anything is asked for.
    var isEmpty: Bool { variant == nil && validation == nil && !validationSelfTest }

    /// Puts the options where the backend looks, before it is opened.
    /// - Throws: for a backend that has no such settings.
    func apply(to backend: String) throws {
        if isEmpty { return }
        let name = backend.split(separator: ":").first.map(String.init) ?? backend
        guard name == "vulkan" || name.hasSuffix("libBeastsVulkanBackend.so") else {
            throw ValidationError(
                "--variant and --validation are for the backend 'vulkan', and --backend names '\(backend)'")
        }
        if let variant { setenv("BEASTS_VULKAN_VARIANT", variant.rawValue, 1) }
        if let validation { setenv("BEASTS_VULKAN_VALIDATION", validation.rawValue, 1) }
        if validationSelfTest { setenv("BEASTS_VULKAN_VALIDATION", Self.selfTest, 1) }
    }

    /// Opens a context, which makes the mistake.
    /// - Returns: what the layer said.
    /// - Throws: where it said nothing.
    func runSelfTest(on library: PluginLibrary, device: Int?) throws -> String {
        do {
            _ = try library.makeContext(ContextOptions(device: device))
        } catch  where error.message.contains(Self.plantedFault) {
            return error.message
        }
        throw MenagerieError(.internal, "the validation layer did not report the mistake that was made for it")
    }
}
