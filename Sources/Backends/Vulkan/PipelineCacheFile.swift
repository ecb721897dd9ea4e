// SPDX-License-Identifier: MIT
private import Glibc
internal import VulkanLibrary

/// Compiled kernels on disk, one file for each device and driver build. What is damaged or from elsewhere is ignored, and
/// written anew.
struct PipelineCacheFile: Sendable {
    let path: String
    private let identity: [UInt8]

    private static let magic = Array("beasts-pipelines-1\n".utf8)

    /// - Parameter folder: nil for the user's cache folder, `off` for no cache.
    init?(_ description: DeviceDescription, folder: String?) {
        guard folder != "off", let folder = folder ?? Self.userFolder else { return nil }
        let raw = description.raw
        var identity = withUnsafeBytes(of: raw.cache_uuid) { Array($0) }
        for number in [raw.vendor, raw.device, raw.driver_version] {
            withUnsafeBytes(of: number.littleEndian) { identity += $0 }
        }
        self.identity = identity
        let name = identity.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
        path = folder + "/vulkan-" + name + ".bin"
    }

    private static var userFolder: String? {
        if let folder = getenv("XDG_CACHE_HOME"), folder.pointee != 0 { return String(cString: folder) + "/beasts" }
        return getenv("HOME").map { String(cString: $0) + "/.cache/beasts" }
    }

    /// What was written; empty where that is not whole, or for another device.
    func read() -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size < 1 << 28 else { return [] }
        var content = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < content.count {
            let part = content.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            guard part > 0 else { return [] }
            count += part
        }
        let header = Self.magic + identity
        guard content.count > header.count + 8, content.starts(with: header) else { return [] }
        let data = Array(content[(header.count + 8)...])
        let stored = Array(content[header.count..<header.count + 8])
        return stored == Self.checksum(data) ? data : []
    }

    /// Into a file of its own first, so that a reader sees the old one or the new one.
    func write(_ data: [UInt8]) {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o755)
        }
        let temporary = "\(path).\(getpid())"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        let content = Self.magic + identity + Self.checksum(data) + data
        let count = content.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        close(file)
        if count != content.count || rename(temporary, path) != 0 { unlink(temporary) }
    }

    /// FNV-1a, against damage and not against malice: the folder is the user's own.
    private static func checksum(_ data: [UInt8]) -> [UInt8] {
        var sum: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in data { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return withUnsafeBytes(of: sum.littleEndian) { Array($0) }
    }
}
