// SPDX-License-Identifier: MIT
internal import BeastCore
private import Synchronization
internal import VulkanLibrary

/// Vulkan in this process: the loader, one instance, and the devices that contexts have opened. It lasts as long as the
/// process, so that drivers and compiled kernels start once.
///
/// `@unchecked`: the instance's handle is never written again, and its messages have a lock of their own.
final class VulkanInstance: @unchecked Sendable {
    let handle: OpaquePointer
    let settings: VulkanSettings
    let descriptions: [DeviceDescription]
    private let opened = Mutex<[Int: VulkanDevice]>([:])

    private static let ofThisProcess = Result { () throws(BackendError) in try VulkanInstance() }

    /// - Throws: `unsupported` where there is no loader, driver or device, and which.
    static func shared() throws(BackendError) -> VulkanInstance { try ofThisProcess.get() }

    private init() throws(BackendError) {
        settings = try VulkanSettings.ofThisProcess.get()
        let validation =
            switch settings.validation {
            case .off: VULKAN_VALIDATION_OFF
            case .on, .selfTest: VULKAN_VALIDATION_ON
            case .synchronization: VULKAN_VALIDATION_SYNCHRONIZATION
            }
        var instance: OpaquePointer?
        var reason = [CChar](repeating: 0, count: 512)
        let result = vulkan_instance_create(Int32(validation.rawValue), &instance, &reason, UInt64(reason.count))
        guard result == 0, let instance else { throw BackendError(.unsupported, text(reason)) }
        handle = instance
        descriptions = (0..<vulkan_instance_device_count(instance)).map { DeviceDescription(instance, index: $0) }
    }

    /// Opens a device, once.
    /// - Parameter number: nil for the best.
    /// - Throws: `invalidArgument` for a number that is not there, `unsupported` for a device that lacks something.
    func device(_ number: Int?) throws(BackendError) -> VulkanDevice {
        let index = try index(number)
        let result = opened.withLock { opened in
            Result { () throws(BackendError) -> VulkanDevice in
                if let device = opened[index] { return device }
                let device = try VulkanDevice(self, index: index)
                opened[index] = device
                return device
            }
        }
        return try result.get()
    }

    /// The device that is meant; it can be used.
    func index(_ number: Int?) throws(BackendError) -> Int {
        guard let number else {
            let usable = descriptions.indices.filter { descriptions[$0].unsuitable == nil }
            if let best = usable.max(by: { descriptions[$0].score < descriptions[$1].score }) { return best }
            let reasons = descriptions.map { "\($0.name): \($0.unsuitable ?? "")" }.joined(separator: "; ")
            throw BackendError(.unsupported, "no suitable Vulkan device: \(reasons)")
        }
        guard descriptions.indices.contains(number) else {
            let names = descriptions.enumerated().map { "\($0): \($1.name)" }.joined(separator: ", ")
            throw BackendError(.invalidArgument, "device \(number): there is \(names)")
        }
        if let unsuitable = descriptions[number].unsuitable {
            throw BackendError(.unsupported, "device \(number), \(descriptions[number].name): \(unsuitable)")
        }
        return number
    }

    /// - Throws: `internal` where the validation layer has sent a message since the last call.
    func checkMessages() throws(BackendError) {
        guard settings.validation != .off else { return }
        var first = [CChar](repeating: 0, count: 460)
        let count = vulkan_instance_take_messages(handle, &first, UInt64(first.count))
        guard count > 0 else { return }
        throw BackendError(.internal, "Vulkan validation: \(text(first))\(count > 1 ? " (and \(count - 1) more)" : "")")
    }
}

/// A string that C wrote into an array.
func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
