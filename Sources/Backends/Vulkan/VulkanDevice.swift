// SPDX-License-Identifier: MIT
internal import BeastCore
private import Synchronization
internal import VulkanLibrary

/// A device that was opened, its compiled kernels, and their cache on disk.
///
/// `@unchecked`: handle and description are never written again; pipelines have a lock, and so has the queue.
final class VulkanDevice: @unchecked Sendable {
    let instance: VulkanInstance
    let handle: OpaquePointer
    let description: DeviceDescription
    let form: VulkanSettings.Form
    private let cacheFile: PipelineCacheFile?
    private let pipelines = Mutex(Pipelines())

    private struct Pipelines {
        var byKey: [PipelineKey: UInt] = [:]
        var isChanged = false
    }

    init(_ instance: VulkanInstance, index: Int) throws(BackendError) {
        self.instance = instance
        description = instance.descriptions[index]
        let hasTexels = description.raw.has_texels != 0
        let best: VulkanSettings.Form =
            description.isSoftware && hasTexels
            ? .register : description.raw.has_cooperative_matrix != 0 ? .cooperative : .tiled
        form = instance.settings.form ?? best
        guard form != .register || hasTexels else {
            throw BackendError(
                .unsupported,
                "\(VulkanSettings.formVariable)=register: \(description.name) lacks texel buffers of unsigned integers, "
                    + "or lanes that read from each other")
        }
        guard form != .cooperative || description.raw.has_cooperative_matrix != 0 else {
            throw BackendError(
                .unsupported,
                "\(VulkanSettings.formVariable)=coopmat: \(description.name) has no cooperative matrices for float16")
        }
        cacheFile = PipelineCacheFile(description, folder: instance.settings.cacheFolder)
        let cache = cacheFile?.read() ?? []
        let usesTexels: Int32 = form == .register ? 1 : 0
        var opened: OpaquePointer?
        let result = cache.withUnsafeBytes {
            vulkan_device_open(
                instance.handle, UInt32(index), usesTexels, $0.baseAddress, UInt64($0.count), &opened)
        }
        guard result == 0, let opened else { throw vulkanFailure("opening \(description.name)", result) }
        handle = opened
        if instance.settings.validation == .selfTest { vulkan_device_plant_fault(opened) }
    }

    /// Bytes that a kernel may see of one buffer.
    var storageRange: Int {
        min(Int(clamping: description.raw.storage_range), instance.settings.rangeLimit ?? .max)
    }

    /// Whether kernels read through texel buffers.
    var usesTexels: Bool { form == .register }

    /// Whether buffers are the host's memory too.
    var isUnified: Bool { description.raw.is_unified != 0 && !instance.settings.isStaged }

    /// A compiled kernel, from those of before where there is one.
    func pipeline(_ key: PipelineKey) throws(BackendError) -> OpaquePointer {
        let result = pipelines.withLock { pipelines in
            Result { () throws(BackendError) -> UInt in
                if let address = pipelines.byKey[key] { return address }
                let made = try compile(key)
                let address = UInt(bitPattern: made)
                pipelines.byKey[key] = address
                pipelines.isChanged = true
                return address
            }
        }
        guard let pipeline = OpaquePointer(bitPattern: try result.get()) else {
            throw BackendError(.internal, "kernel \(key.kernel.rawValue): no pipeline")
        }
        return pipeline
    }

    private func compile(_ key: PipelineKey) throws(BackendError) -> OpaquePointer {
        let code = try key.kernel.code(usesTexels: key.usesTexels)
        var pipeline: OpaquePointer?
        let constants = key.constants.map { vulkan_constant(number: $0.number, value: $0.value) }
        let result = vulkan_pipeline_create(
            handle, code, UInt64(code.count), constants, UInt32(constants.count), key.subgroupSize, &pipeline)
        guard result == 0, let pipeline else {
            throw vulkanFailure("compiling kernel \(key.kernel.rawValue)", result)
        }
        return pipeline
    }

    /// Writes new kernels to disk; a failure costs the next process a second and is not worth a word.
    func saveCache() {
        guard let cacheFile, pipelines.withLock({ $0.isChanged }) else { return }
        var size: UInt64 = 0
        guard vulkan_device_cache(handle, nil, &size) == 0, size > 0, size < 1 << 30 else { return }
        var data = [UInt8](repeating: 0, count: Int(size))
        guard vulkan_device_cache(handle, &data, &size) == 0 else { return }
        cacheFile.write(Array(data.prefix(Int(clamping: size))))
        pipelines.withLock { $0.isChanged = false }
    }
}

/// What a VkResult that is no success means.
func vulkanFailure(_ what: String, _ result: Int32) -> BackendError {
    switch Int(result) {
    case Int(VULKAN_OUT_OF_HOST_MEMORY): BackendError(.outOfMemory, "\(what): the host has no memory left")
    case Int(VULKAN_OUT_OF_DEVICE_MEMORY): BackendError(.outOfMemory, "\(what): the device has no memory left")
    case Int(VULKAN_DEVICE_LOST):
        BackendError(.deviceLost, "\(what): the Vulkan device was lost (reset, removed, or it hung); start again")
    default: BackendError(.internal, "\(what): VkResult \(result)")
    }
}
