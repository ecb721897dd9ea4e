// SPDX-License-Identifier: MIT
private import Glibc

/// Whether the kernel shows a device that a Vulkan driver could drive. To ask is cheap; to load Mesa's drivers takes 80 ms
/// and 65 MB, which a program that does not use them should not pay.
enum GraphicsDevices {
    /// Folders and the beginnings of names in them: Linux's render nodes, NVIDIA's, AMD's for compute alone, WSL's.
    private static let nodes = [
        ("/dev/dri", "renderD"), ("/dev/dri", "card"), ("/dev", "nvidia"), ("/dev", "kfd"), ("/dev", "dxg"),
        ("/dev", "mali"), ("/dev", "kgsl"),
    ]
    /// Variables that name drivers, which may need no such device.
    private static let variables = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"]

    static var description: String { nodes.map { "\($0.0)/\($0.1)*" }.joined(separator: ", ") }

    static var mayBeThere: Bool {
        if variables.contains(where: { getenv($0) != nil }) { return true }
        return nodes.contains { folder, prefix in names(in: folder).contains { $0.hasPrefix(prefix) } }
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
