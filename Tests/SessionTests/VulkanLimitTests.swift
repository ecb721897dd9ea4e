// SPDX-License-Identifier: MIT
import BeastCore
import Foundation
import Testing

/// What lies beyond the limits of a small Vulkan device: 128 MiB of a buffer to a kernel, 2 GiB to an allocation. Where
/// there is no device, or a backend for it was not built, each test says so and is skipped.
@Suite struct VulkanLimitTests {
    private func session() throws -> Session? {
        guard let executable = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            return nil
        }
        let folder = (executable as NSString).deletingLastPathComponent
        guard let library = try? PluginLibrary(path: folder + "/libBeastsVulkanBackend.so"),
            try library.probe().score > 0
        else {
            print("skipped: no Vulkan device, or the backend was left out of the build")
            return nil
        }
        return Session(backend: try library.makeContext())
    }

    @Test func `Views beyond the range that a kernel can see are cut`() throws {
        guard let session = try session() else { return }
        // 160 MiB as float32, in three places of which the last lies behind 128 MiB.
        let rows = 40 << 10
        let large = try session.makeTensor([rows, 1024])
        try session.run(FillArguments(output: large.view, value: 1.5))
        let half = try session.makeTensor([rows, 1024], dtype: .float16)
        try session.run(CopyArguments(output: half.view, input: large.view))
        try session.run(ScaleArguments(output: large.view, input: half.view, alpha: 2, beta: 1))
        for row in [0, rows / 2, rows - 1] {
            let found = try session.download(large.slice(0, row..<row + 1))
            #expect(found.allSatisfy { $0 == 4 })
        }
        let sums = try session.makeTensor([rows, 1])
        try session.run(
            ReduceArguments(output: sums.view, input: try large.reshaped([rows, 1024, 1]).view, reduction: .sum))
        #expect(try session.download(sums).allSatisfy { $0 == 4096 })
    }

    @Test func `Memory that is not there is an error with figures, and the context goes on`() throws {
        guard let session = try session() else { return }
        for byteCount in [1 << 50, Int.max / 2] {
            let error = #expect(throws: BackendError.self) { try session.backend.makeBuffer(byteCount: byteCount) }
            #expect(error?.code == .outOfMemory)
            #expect(error?.message.contains("no memory for \(byteCount) bytes") == true, "\(error?.message ?? "")")
        }
        let tensor = try session.makeTensor([1, 2, 3] as [Float], shape: [3])
        try session.run(ScaleArguments(output: tensor.view, input: tensor.view, alpha: 2, beta: 0))
        #expect(try session.download(tensor) == [2, 4, 6])
    }

    @Test func `An index outside of its table is reported once, with what it was`() throws {
        guard let session = try session() else { return }
        let table = try session.makeTensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        let output = try session.makeTensor([3, 2])
        let indices = try session.makeTensor([1, 7, 0] as [Int32], shape: [3])
        try session.run(GatherRowsArguments(output: output.view, table: table.view, indices: indices.view))
        let error = #expect(throws: BackendError.self) { try session.backend.synchronize() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("index 7 at position 1, the table has 2 rows") == true)
        try session.backend.synchronize()
    }
}
