// SPDX-License-Identifier: MIT
internal import BeastCore

/// What a measurement was made on.
public struct MachineInformation: Sendable, Encodable {
    /// What the processor calls itself.
    public let processor: String
    /// Processors that this process may use.
    public let cores: Int
    /// The system's name and version.
    public let system: String
    /// The version of beasts.
    public let version: String

    /// - Parameter cores: processors that this process may use.
    public init(cores: Int) {
        processor = TextFile.read("/proc/cpuinfo").flatMap { TextFile.value("model name", ":", in: $0) } ?? "unknown"
        self.cores = cores
        system = TextFile.read("/etc/os-release").flatMap { TextFile.value("PRETTY_NAME", "=", in: $0) } ?? "Linux"
        version = BeastCore.version
    }
}
