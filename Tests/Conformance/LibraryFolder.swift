// SPDX-License-Identifier: MIT
import BeastCore
import Glibc

/// The folder of the test executable, where the package's dynamic libraries are built too.
enum LibraryFolder {
    static let path: String = {
        guard let pointer = realpath("/proc/self/exe", nil) else { return "." }
        defer { free(pointer) }
        let executable = String(cString: pointer)
        return String(executable[..<(executable.lastIndex(of: "/") ?? executable.startIndex)])
    }()

    static func library(_ name: String) throws -> PluginLibrary { try PluginLibrary(path: "\(path)/lib\(name).so") }
    static func reference() throws -> PluginLibrary { try library("BeastsCPUReferenceBackend") }
}
