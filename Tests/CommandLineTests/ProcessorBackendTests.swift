// SPDX-License-Identifier: MIT
import Foundation
import Testing

/// The backends on the processor, through the program. One that was left out of the build, or whose library this machine
/// lacks, is skipped with that word.
@Suite struct ProcessorBackendTests {
    private let folder: TemporaryFolder
    private static let all = ["dnnl", "openblas", "reference"]
    private static let usable: Set<String> = {
        guard let folder = try? TemporaryFolder(),
            let listing = try? Program.built.run(["backends", "--json"], in: folder),
            let candidates = try? JSONDecoder().decode([Candidate].self, from: Data(listing.output.utf8))
        else { return [] }
        return Set(candidates.filter { $0.outcome == "usable" }.compactMap(\.name))
    }()

    private struct Candidate: Decodable {
        let name: String?
        let outcome: String
        let reason: String?
    }

    init() throws { folder = try TemporaryFolder() }

    /// Embeddings of the built-in model by name of the picture.
    private func embed(_ pictures: [String], _ backend: String, _ options: String...) throws -> [String: [Float]] {
        let outcome = try Program.built.run(
            ["embed", "--backend", backend, "--size", "40", "--quiet"] + options + pictures, in: folder)
        outcome.expectSuccess()
        let lines = try EmbeddingLine.lines(outcome.output)
        return Dictionary(uniqueKeysWithValues: lines.map { ($0.path, $0.embedding) })
    }

    /// To the last bit, but for OpenBLAS, whose sums go by the number of rows: there to 1e-5 of the longest.
    private func agree(_ left: [String: [Float]], _ right: [String: [Float]], _ backend: String) -> Bool {
        if backend != "openblas" { return left == right }
        return left.count == right.count
            && left.allSatisfy { name, row in
                guard let other = right[name], other.count == row.count else { return false }
                let largest = row.reduce(0) { max($0, abs($1)) }
                return zip(row, other).allSatisfy { abs($0 - $1) <= 1e-5 * largest }
            }
    }

    @Test(arguments: all)
    func `An embedding does not depend on its batch, its place in it or the threads`(backend: String) throws {
        try #require(backend != "reference" || Self.usable.contains(backend))
        guard Self.usable.contains(backend) else { return print("skipped: \(backend) cannot run here") }
        let pictures = try Samples.fill(folder, count: 7)
        let alone = try embed(pictures, backend, "--batch-size", "1", "--threads", "1")
        #expect(alone.count == 7 && Set(alone.values.map { $0[0] }).count == 7)
        for size in ["2", "3", "7"] {
            for threads in ["1", "2", "3"] {
                let together = try embed(pictures, backend, "--batch-size", size, "--threads", threads)
                #expect(agree(together, alone, backend), "batch \(size), \(threads) threads")
            }
        }
        #expect(agree(try embed(pictures.reversed(), backend, "--batch-size", "4"), alone, backend))
        let some = try embed(Array(pictures.suffix(3)), backend)
        #expect(some.count == 3 && agree(some, alone.filter { some[$0.key] != nil }, backend))
    }

    @Test(arguments: all)
    func `Precisions and thread counts that cannot be are one line`(backend: String) throws {
        guard Self.usable.contains(backend) else { return print("skipped: \(backend) cannot run here") }
        try folder.write(try Samples.picture(1), to: "p.png")
        let embed = ["embed", "p.png", "--backend", backend, "--quiet", "--size", "16"]
        // As on a processor without instructions for it.
        let environment = ["ONEDNN_MAX_CPU_ISA": "AVX2"]
        for precision in ["bf16", "f16", "int8"] {
            try Program.built.run(embed + ["--precision", precision], in: folder, environment: environment)
                .expectFailure(69, "precision \(precision) is unsupported by backend '\(backend)'", "f32")
        }
        for precision in ["f32", "auto"] {
            try Program.built.run(embed + ["--precision", precision], in: folder, environment: environment)
                .expectSuccess()
        }
        for command in [["conformance", "--filter", "scale"], ["complete", "cub_mae_vitt8", "p.png", "-o", "c.png"]] {
            try Program.built.run(
                command + ["--backend", backend, "--precision", "bf16"], in: folder, environment: environment
            ).expectFailure(69, "precision bf16 is unsupported")
        }
        try Program.built.run(
            ["compare", backend, backend, "p.png", "--precision", "bf16"], in: folder, environment: environment
        ).expectFailure(69, "precision bf16 is unsupported")
        try Program.built.run(embed + ["--precision", "f8"], in: folder).expectFailure(64, "f8", "bf16")
        for count in ["0", "10000", "-1"] {
            try Program.built.run(embed + ["--threads=\(count)"], in: folder)
                .expectFailure(64, "--threads \(count)", "1 to 1024")
        }
    }

    /// By the processor's instructions where it has them, on rounded numbers elsewhere.
    @Test(arguments: ["bf16", "int8"])
    func `Reduced precision lies near f32 and does not depend on the batch`(precision: String) throws {
        guard Self.usable.contains("dnnl") else { return print("skipped: dnnl cannot run here") }
        let pictures = try Samples.fill(folder, count: 8)
        let environment = ["BEASTS_BFLOAT16": "emulated"]
        func embed(_ options: String...) throws -> [String: [Float]] {
            let command = ["embed", "--backend", "dnnl", "--size", "40", "--quiet", "--precision", precision]
            let outcome = try Program.built.run(command + options + pictures, in: folder, environment: environment)
            outcome.expectSuccess()
            let lines = try EmbeddingLine.lines(outcome.output)
            return Dictionary(uniqueKeysWithValues: lines.map { ($0.path, $0.embedding) })
        }
        let alone = try embed("--batch-size", "1", "--threads", "1")
        #expect(alone.count == 8)
        for threads in ["1", "2", "3"] { #expect(try embed("--batch-size", "8", "--threads", threads) == alone) }
        let compare = ["compare", "reference", "dnnl", "--precision", precision, "--batch-size", "2"]
        try Program.built.run(compare + pictures, in: folder, environment: environment).expectSuccess()
        // The difference is that of rounded numbers: a bound for float32 is far exceeded.
        let strict = try Program.built.run(
            compare + ["--bound", "0.0001"] + pictures, in: folder, environment: environment)
        #expect(strict.exitCode == 4)
    }

    @Test(arguments: ["dnnl": "libdnnl.so.2", "openblas": "libopenblas.so.0"])
    func `A library that is not there is a reason, and the other backends work`(backend: String, library: String)
        throws
    {
        guard Self.usable.contains(backend) else { return print("skipped: \(backend) cannot run here") }
        try folder.write(try Samples.picture(1), to: "p.png")
        try folder.write("no library", to: "broken/" + library)
        let paths = [folder.path("broken"), ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]].compactMap { $0 }
        let environment = ["LD_LIBRARY_PATH": paths.joined(separator: ":")]
        let embed = ["embed", "p.png", "--size", "16", "--quiet", "--backend"]
        try Program.built.run(embed + [backend], in: folder, environment: environment)
            .expectFailure(69, backend, library, "file too short", "apt-get install")
        for other in Self.usable.subtracting([backend]) {
            try Program.built.run(embed + [other], in: folder, environment: environment).expectSuccess()
        }
        try Program.built.run(embed + ["auto"], in: folder, environment: environment).expectSuccess()
        let listing = try Program.built.run(["backends", "--json"], in: folder, environment: environment)
        let candidates = try JSONDecoder().decode([Candidate].self, from: Data(listing.output.utf8))
        #expect(candidates.first { $0.name == backend }?.reason?.contains(library) == true, "\(listing.output)")
    }

    /// Far less than the 344 MB that the weights of this model take when packed, more than the program and its libraries.
    @Test(arguments: ["dnnl", "openblas"])
    func `Memory that ends while weights are packed is one line`(backend: String) throws {
        guard Self.usable.contains(backend) else { return print("skipped: \(backend) cannot run here") }
        let bench = "\(Program.built.path) bench --model dino_s_vitb14 --random-weights --backend \(backend)"
        let options = "--threads 1 --batch-size 1 --size 28 --repeats 1 --warm-up 0 --quiet"
        let outcome = try Program(path: "/bin/sh").run(
            ["-c", "ulimit -v 500000; exec \(bench) \(options)"], in: folder)
        outcome.expectFailure(69, "no memory for", "bytes")
    }
}
