// SPDX-License-Identifier: MIT
import BeastCore
import Foundation

/// The reference backend as the program uses it: the library beside the test executable, opened at run time.
enum Reference {
    static let path: String = {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: executable).deletingLastPathComponent()
            .appending(path: "libBeastsCPUReferenceBackend.so").path
    }()

    private static let library = Result { () throws(PluginError) in try PluginLibrary(path: path) }

    static func context(threadCount: Int = 2) throws -> PluginBackend {
        try library.get().makeContext(ContextOptions(threadCount: threadCount))
    }

    static func session(threadCount: Int = 2, cacheByteCount: Int = 0) throws -> Session {
        Session(backend: try context(threadCount: threadCount), cacheByteCount: cacheByteCount)
    }
}
