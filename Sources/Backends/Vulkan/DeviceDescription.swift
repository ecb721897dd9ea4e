// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// What a device says of itself.
struct DeviceDescription: Sendable {
    let name: String
    /// Its driver's name and version.
    let driver: String
    /// What it lacks; nil for nothing.
    let unsuitable: String?
    let raw: vulkan_device_description

    init(_ instance: OpaquePointer, index: UInt32) {
        var raw = vulkan_device_description()
        vulkan_instance_describe(instance, index, &raw)
        self.raw = raw
        name = readText(raw.name)
        driver = readText(raw.driver)
        let unsuitable = readText(raw.unsuitable)
        self.unsuitable = unsuitable.isEmpty ? nil : unsuitable
    }

    /// The most work groups along each axis.
    var groupLimits: (x: Int, y: Int, z: Int) {
        (Int(raw.group_counts.0), Int(raw.group_counts.1), Int(raw.group_counts.2))
    }

    /// Bytes that a work group shares at most.
    var sharedByteCount: Int { Int(raw.shared_byte_count) }

    /// Whether attention_coopmat2.comp runs here.
    var hasFlexibleMatrices: Bool { raw.has_cooperative_matrix2 != 0 }

    /// Elements that a texel buffer may have.
    var texelLimit: Int { Int(raw.texel_count) }

    /// Lanes of a subgroup.
    var laneCount: Int { Int(raw.subgroup_size) }

    /// Whether a pipeline may ask for the size of its subgroups; a software device has but one.
    var hasSubgroupSizes: Bool { raw.api_version >> 12 >= 1 << 10 | 3 && !isSoftware }

    /// bfloat16 is stored and computed with as float32: nothing a device does natively.
    var nativeDTypes: [DType] { raw.has_float16 != 0 ? [.float32, .float16] : [.float32] }

    var isSoftware: Bool { raw.kind == VULKAN_SOFTWARE.rawValue || raw.kind == VULKAN_OTHER.rawValue }

    var kind: String {
        switch UInt32(raw.kind) {
        case VULKAN_INTEGRATED.rawValue: "integrated GPU"
        case VULKAN_DISCRETE.rawValue: "GPU"
        case VULKAN_VIRTUAL.rawValue: "virtual GPU"
        case VULKAN_SOFTWARE.rawValue: "software device"
        default: "device of an unknown kind"
        }
    }

    /// As the contract divides them: software below the processor's own backends, GPUs above.
    var score: Int {
        if unsuitable != nil { return 0 }
        return switch UInt32(raw.kind) {
        case VULKAN_INTEGRATED.rawValue: 120
        case VULKAN_DISCRETE.rawValue: 220
        case VULKAN_VIRTUAL.rawValue: 200
        default: 20
        }
    }

    /// One sentence: kind, memory, driver, what it computes with.
    var sentence: String {
        let memory = raw.memory_byte_count >> 20
        var features: [String] = []
        if raw.has_float16 != 0 { features.append("f16") }
        if raw.has_bfloat16 != 0 { features.append("bf16") }
        if raw.has_cooperative_matrix2 != 0 {
            features.append("cooperative matrices (flexible)")
        } else if raw.has_cooperative_matrix != 0 {
            features.append("cooperative matrices")
        }
        let version = "\(raw.api_version >> 22).\(raw.api_version >> 12 & 0x3ff)"
        return "\(kind), \(memory) MiB, \(driver), Vulkan \(version), "
            + (features.isEmpty ? "no f16 arithmetic" : features.joined(separator: ", "))
    }
}

/// A string in an array of C, which Swift sees as a tuple.
private func readText<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
