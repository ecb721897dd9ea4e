// SPDX-License-Identifier: MIT
internal import BeastCore
private import Glibc

/// What the environment asks of the backend. Read once a process.
struct VulkanSettings: Sendable {
    /// How products and attention are computed.
    enum Form: String, Sendable, CaseIterable {
        /// Without shared memory: for processors that play GPU.
        case register
        /// In tiles of shared memory.
        case tiled
        /// By cooperative matrices where element types allow it, in tiles elsewhere.
        case cooperative = "coopmat"
    }

    enum Validation: String, Sendable, CaseIterable {
        case off = "0"
        case on = "1"
        /// With synchronization validation.
        case synchronization = "sync"
        /// As `on`, and every context makes a mistake that must be reported.
        case selfTest = "self-test"
    }

    static let validationVariable = "BEASTS_VULKAN_VALIDATION"
    static let formVariable = "BEASTS_VULKAN_VARIANT"
    static let cacheVariable = "BEASTS_VULKAN_CACHE"
    static let memoryVariable = "BEASTS_VULKAN_MEMORY"
    static let rangeVariable = "BEASTS_VULKAN_RANGE"

    /// BEASTS_VULKAN_VALIDATION: whether the Khronos validation layer watches; any message of it is a failure.
    let validation: Validation
    /// BEASTS_VULKAN_VARIANT: one form of kernels for all devices; nil for what fits the device.
    let form: Form?
    /// BEASTS_VULKAN_CACHE: the folder of the pipeline cache, `off` for none; nil for the user's cache folder.
    let cacheFolder: String?
    /// BEASTS_VULKAN_MEMORY=staged: every transfer through a buffer of its own, as a GPU needs it.
    let isStaged: Bool
    /// BEASTS_VULKAN_RANGE: bytes that a kernel may see of one buffer, less than the device allows.
    let rangeLimit: Int?

    static let ofThisProcess = Result { () throws(BackendError) in try VulkanSettings() }

    private init() throws(BackendError) {
        validation = try Self.choice(Self.validationVariable) ?? .off
        form = try Self.choice(Self.formVariable)
        cacheFolder = Self.text(Self.cacheVariable)
        isStaged = Self.text(Self.memoryVariable) == "staged"
        let range = Self.text(Self.rangeVariable)
        rangeLimit = range.flatMap { Int($0) }
        if let range, (rangeLimit ?? 0) < 4096 {
            throw BackendError(.invalidArgument, "\(Self.rangeVariable)=\(range): expected 4096 or more bytes")
        }
    }

    private static func text(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(_ name: String) throws(BackendError) -> Choice?
    where Choice.RawValue == String {
        guard let text = text(name) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw BackendError(.invalidArgument, "\(name)=\(text): expected one of \(known)")
    }
}
