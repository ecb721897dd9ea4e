// SPDX-License-Identifier: MIT
import BeastCore
import Glibc
import Testing

@Suite("Discovery of backends") struct DiscoveryTests {
    private func names(_ candidates: [BackendDiscovery.Candidate]) -> [String] {
        candidates.map { String($0.path[$0.path.index(after: $0.path.lastIndex(of: "/")!)...]) }
    }

    @Test("finds the reference beside the program, and no plugin of the tests") func programFolder() throws {
        let candidates = BackendDiscovery(searchPath: nil, executableFolder: buildFolder).candidates()
        #expect(candidates.contains { $0.path == "\(buildFolder)/libBeastsCPUReferenceBackend.so" })
        #expect(candidates.allSatisfy { $0.place == "the program's folder" && !$0.path.contains("Test") })
        let reference = try #require(candidates.first { $0.path.hasSuffix("libBeastsCPUReferenceBackend.so") })
        guard case .usable(let library, let probe) = reference.outcome else {
            Issue.record("\(reference.outcome)")
            return
        }
        #expect(library.name == "reference" && probe.score == 50 && library.contractVersion == (1, 2))
        #expect(!library.summary.isEmpty && library.preferredAlignment == 64 && library.version == BeastCore.version)
    }

    @Test("looks at the files that follow the naming rule, in order of their names") func namingRule() throws {
        let folder = try PluginFolder()
        for name in [
            "libBeastsOneBackend.so", "libBeastsAnotherBackend.so", "libOther.so", "Backend.so", "libBeastsOne.so",
            "notes.txt",
        ] {
            try folder.write([1, 2, 3], as: name)
        }
        let candidates = BackendDiscovery(searchPath: folder.path, executableFolder: nil).candidates()
        #expect(names(candidates) == ["libBeastsAnotherBackend.so", "libBeastsOneBackend.so"])
        #expect(candidates.allSatisfy { $0.place == "BEASTS_BACKEND_PATH" })
    }

    @Test("takes files of any name where they are listed") func files() throws {
        let folder = try PluginFolder()
        let file = try folder.add("BeastTestTinyPlugin", as: "mine.so")
        let candidates = BackendDiscovery(searchPath: "\(file):/nonexistent/folder", executableFolder: nil).candidates()
        #expect(candidates.map(\.path) == [file, "/nonexistent/folder"])
        guard case .usable(let library, let probe) = candidates[0].outcome,
            case .failed(let error) = candidates[1].outcome
        else {
            Issue.record("\(candidates)")
            return
        }
        #expect(library.name == "tiny" && probe.score == 10 && probe.deviceName == "C")
        #expect(error.code == .fileMissing)
    }

    @Test("prefers what is listed, and tells what it shadows") func shadows() throws {
        let (first, second) = (try PluginFolder(), try PluginFolder())
        let file = try first.add("BeastTestTinyPlugin", as: "libBeastsTinyBackend.so")
        try second.add("BeastTestTinyPlugin", as: "libBeastsTinyBackend.so")
        let candidates = BackendDiscovery(searchPath: "\(first.path):\(second.path)/", executableFolder: nil)
            .candidates()
        #expect(candidates.count == 2)
        guard case .usable = candidates[0].outcome, case .shadowed(let library, let by) = candidates[1].outcome else {
            Issue.record("\(candidates)")
            return
        }
        #expect(library.name == "tiny" && by == file && candidates[1].path == "\(second.path)/libBeastsTinyBackend.so")
    }

    @Test("does not let a library that cannot run shadow one that can") func unusable() throws {
        let folder = try PluginFolder()
        try folder.add("BeastTestBrokenPlugin", as: "libBeastsAScoreZeroBackend.so")
        try folder.add("BeastTestBrokenPlugin", as: "libBeastsBFineBackend.so")
        let candidates = BackendDiscovery(searchPath: folder.path, executableFolder: nil).candidates()
        guard case .unavailable = candidates[0].outcome, case .usable = candidates[1].outcome else {
            Issue.record("\(candidates)")
            return
        }
    }

    @Test("looks at a file once, however many ways lead to it") func links() throws {
        let folder = try PluginFolder()
        let file = try folder.add("BeastTestTinyPlugin", as: "libBeastsTinyBackend.so")
        let candidates = BackendDiscovery(
            searchPath: "\(file):\(folder.path):\(folder.path)/.", executableFolder: folder.path
        ).candidates()
        #expect(candidates.map(\.path) == [file])
    }

    @Test("looks beside the program and in the installation, never in the working directory") func places() {
        let discovery = BackendDiscovery(searchPath: "/a:/b.so", executableFolder: "/opt/bin")
        #expect(discovery.places.map(\.path) == ["/a", "/b.so", "/opt/bin", "/opt/bin/../lib/beasts"])
        #expect(BackendDiscovery(searchPath: nil, executableFolder: nil).candidates().isEmpty)
        #expect(BackendDiscovery.ofThisProcess().executableFolder == buildFolder)
    }

    @Test("opens a library given without a folder where it lies, not where the loader looks") func bareName() throws {
        // libc.so.6 is known to the loader by its name, and is not in this folder.
        #expect(throws: PluginError.self) { try PluginLibrary(path: "libc.so.6") }
        do {
            _ = try PluginLibrary(path: "libc.so.6")
        } catch {
            #expect(error.code == .fileMissing)
        }
    }
}
