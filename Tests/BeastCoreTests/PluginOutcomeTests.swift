// SPDX-License-Identifier: MIT
import BeastCore
import Testing

/// Whatever is wrong with a library ends in a listed outcome with its reason, and never in a crash.
@Suite("A broken plugin") struct PluginOutcomeTests {
    private let folder: PluginFolder

    init() throws { folder = try PluginFolder() }

    private func expectFailure(
        _ code: PluginError.Code, _ reason: String, _ path: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // Through discovery, which must list it and go on.
        let candidates = BackendDiscovery(searchPath: path, executableFolder: nil).candidates()
        #expect(candidates.count == 1 && candidates.first?.path == path, sourceLocation: sourceLocation)
        guard case .failed(let error)? = candidates.first?.outcome else {
            Issue.record("listed as \(candidates.map { "\($0.outcome)" })", sourceLocation: sourceLocation)
            return
        }
        #expect(error.code == code && error.path == path, "\(error)", sourceLocation: sourceLocation)
        #expect(error.reason.contains(reason), "\(error)", sourceLocation: sourceLocation)
        #expect(error.description == "\(path): \(code.rawValue): \(error.reason)", sourceLocation: sourceLocation)
    }

    private func broken(_ fault: String) throws -> String {
        try folder.add("BeastTestBrokenPlugin", as: "libBeasts\(fault)Backend.so")
    }

    @Test("that is not there") func missing() {
        expectFailure(.fileMissing, "No such file or directory", "\(folder.path)/libBeastsAbsentBackend.so")
    }

    @Test("that is no library") func text() throws {
        expectFailure(
            .notLoadable, "file too short", try folder.write(Array("hello".utf8), as: "libBeastsTextBackend.so"))
        let long = [UInt8](repeating: 65, count: 10_000)
        expectFailure(.notLoadable, "invalid ELF header", try folder.write(long, as: "libBeastsLongTextBackend.so"))
    }

    @Test("that was cut off") func cut() throws {
        let path = try folder.add("BeastTestTinyPlugin", as: "libBeastsCutBackend.so") { $0.removeLast($0.count - 700) }
        expectFailure(.notLoadable, "the file is cut off: it has 700 bytes and should have ", path)
        let half = try folder.add("BeastTestTinyPlugin", as: "libBeastsHalfBackend.so") {
            $0.removeLast($0.count - 5000)
        }
        expectFailure(.notLoadable, "the file is cut off: it has 5000 bytes", half)
        let stump = try folder.add("BeastTestTinyPlugin", as: "libBeastsStumpBackend.so") {
            $0.removeLast($0.count - 100)
        }
        expectFailure(.notLoadable, "", stump)
    }

    @Test("that needs a library which is absent") func dependency() throws {
        let path = try folder.add("BeastTestTinyPlugin", as: "libBeastsNeedyBackend.so") {
            $0.replace("libm.so.6\0", with: "libq.so.6\0")
            $0.replace("libc.so.6\0", with: "libz.so.9\0")
        }
        expectFailure(.notLoadable, "cannot open shared object file", path)
    }

    @Test("that does not export the query") func symbol() throws {
        let path = try folder.add("BeastTestTinyPlugin", as: "libBeastsSilentBackend.so") {
            $0.replace("beasts_backend_query\0", with: "beasts_backend_quern\0")
        }
        expectFailure(.noSymbol, "it does not export beasts_backend_query", path)
    }

    @Test("of another major version") func major() throws {
        expectFailure(.wrongVersion, "it speaks contract 2.2, this program 1.2", try broken("WrongMajor"))
    }

    @Test("that refuses") func refusal() throws {
        expectFailure(.refused, "this processor lacks what it needs", try broken("Refusal"))
    }

    @Test("whose table is damaged") func tables() throws {
        expectFailure(.badTable, "its query gave no table", try broken("NoTable"))
        expectFailure(
            .badTable,
            "its table of 192 bytes (this program's has 328) lacks matmul, linear, conv2d, max_pool2d, softmax, "
                + "layer_norm, group_norm, reduce, arg_reduce", try broken("Truncated"))
        expectFailure(.badTable, "its table says it has 16 bytes", try broken("NoHeader"))
        expectFailure(.badTable, "its table says it has 2147483647 bytes", try broken("HugeTable"))
        expectFailure(.badTable, "lacks upload", try broken("NullEntry"))
        expectFailure(.badTable, "its preferred alignment 48 is not a power of two", try broken("BadAlignment"))
    }

    @Test("whose name cannot be typed") func names() throws {
        expectFailure(.badTable, "its name 'Über backend' is not made of a-z, 0-9 and hyphens", try broken("BadName"))
        expectFailure(.badTable, "its name '' is not made of", try broken("NoName"))
    }

    @Test("that cannot run here says why") func unavailable() throws {
        let expected = [
            "ScoreZeroWithReason": "there is no device of this kind", "ScoreZeroSilent": "it gave no reason",
            "ProbeError": "the driver does not answer", "ProbeWild": "probe gave the score -7",
        ]
        for (fault, reason) in expected {
            let candidate = BackendDiscovery(searchPath: nil, executableFolder: nil).look(
                at: try broken(fault), place: "a test")
            guard case .unavailable(let library, let found) = candidate.outcome else {
                Issue.record("\(fault): \(candidate.outcome)")
                continue
            }
            #expect(found == reason && library.name == "broken" && candidate.place == "a test")
        }
    }

    @Test("that gives null where it must not is named in the error") func nulls() throws {
        let library = try PluginLibrary(path: try broken("NullContext"))
        expect("backend 'broken': create_context gave no context", .internal) { () throws(BackendError) in
            _ = try library.makeContext()
        }
        let failing = try PluginLibrary(path: try broken("ContextError"))
        expect("backend 'broken': the device's memory is taken", .outOfMemory) { () throws(BackendError) in
            _ = try failing.makeContext()
        }
        let context = try PluginLibrary(path: try broken("NullHandle")).makeContext()
        expect("backend 'broken': create_buffer gave handle 0", .internal) { () throws(BackendError) in
            _ = try context.makeBuffer(byteCount: 4)
        }
        let element: [Float] = [1]
        element.withUnsafeBytes { bytes in
            let part = HostTensor(bytes: bytes, dtype: .float32, shape: [1, 1], strides: [1, 1])
            expect("backend 'broken': prepare_weight gave handle 0", .internal) { () throws(BackendError) in
                _ = try context.prepareWeight(WeightDescription(kind: .linear, parts: [part]))
            }
        }
    }

    @Test("of a later minor version, with a longer table, is used") func later() throws {
        let library = try PluginLibrary(path: try broken("LaterMinor"))
        #expect(library.contractVersion == (1, 9))
        #expect(library.hasEntry(.fill) && !library.hasEntry(.topK))
    }

    @Test("hands each status code over, with its message") func codes() throws {
        let context = try PluginLibrary(path: try broken("Codes")).makeContext()
        let output = TensorView(buffer: BufferHandle(rawValue: 1), shape: [1])
        for code in BackendError.Code.allCases {
            expect("backend 'broken': fill was asked to fail", code) { () throws(BackendError) in
                try context.fill(FillArguments(output: output, value: Double(code.rawValue)))
            }
        }
        for unknown in [6.0, -1, 12345] {
            expect("backend 'broken': fill was asked to fail", .internal) { () throws(BackendError) in
                try context.fill(FillArguments(output: output, value: unknown))
            }
        }
        try context.fill(FillArguments(output: output, value: 0))
    }

    @Test("whose message is missing, endless or wild still gives a sentence") func messages() throws {
        let output = TensorView(buffer: BufferHandle(rawValue: 1), shape: [1])
        let silent = try PluginLibrary(path: try broken("Silent")).makeContext()
        expect("backend 'broken': fill failed with code 3", .outOfMemory) { () throws(BackendError) in
            try silent.fill(FillArguments(output: output, value: 3))
        }
        let endless = try PluginLibrary(path: try broken("Endless")).makeContext()
        let message = "bell  " + " [31m\u{fffd}" + String(repeating: "x", count: 492)
        expect("backend 'broken': " + message, .internal) { () throws(BackendError) in
            try endless.fill(FillArguments(output: output, value: 5))
        }
    }

    private func expect(
        _ description: String, _ code: BackendError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws(BackendError) -> Void
    ) {
        do throws(BackendError) {
            try body()
            Issue.record("no error: \(description)", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == code && error.description == description, "\(error)", sourceLocation: sourceLocation)
            #expect(error.backend == "broken", sourceLocation: sourceLocation)
        }
    }
}
