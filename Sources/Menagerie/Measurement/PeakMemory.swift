// SPDX-License-Identifier: MIT
private import Glibc

/// The most memory of this process that was resident at once.
public enum PeakMemory {
    /// Bytes since the start or the last ``reset()``; 0 where the system does not tell.
    public static var byteCount: Int {
        let text = TextFile.read("/proc/self/status").flatMap { TextFile.value("VmHWM", ":", in: $0) }
        return (text?.split(separator: " ").first.flatMap { Int($0) } ?? 0) << 10
    }

    /// Begins anew with what is resident now, where the system can do so.
    static func reset() {
        let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, "5", 1)
        close(descriptor)
    }
}
