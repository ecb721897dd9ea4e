// SPDX-License-Identifier: MIT
import BeastCore
import Menagerie
import Testing

/// What reduced precision does to the logits of a trained transformer: a sampler draws from those.
@Suite struct ReducedLogitsTests {
    private static func dnnl() throws -> ChosenBackend {
        let here = BackendDiscovery.ofThisProcess()
        return try BackendDiscovery(searchPath: nil, executableFolder: here.executableFolder).choose(
            .named("dnnl", device: nil))
    }

    /// Whether this processor computes in bf16 and int8.
    static let isNative: Bool = {
        guard let backend = try? dnnl() else { return false }
        return (try? ComputePrecision.int8.resolved(on: backend)) != nil
    }()

    private func logits(_ name: String, _ precision: ComputePrecision, _ codes: [Int32]) throws -> [Float] {
        let session = try Self.dnnl().makeSession(threadCount: 2, precision: precision)
        let card = try Catalogue.generator(named: name)
        let model =
            try card.isBuiltIn
            ? Menagerie.loadGenerator(card, session: session, parts: .transformer)
            : Menagerie.loadGenerator(card, session: session, randomWeightsSeed: 1, parts: .transformer)
        return try session.download(try model.transformer.logits(codes, rows: 1))
    }

    @Test(
        "Logits in reduced precision point where those in f32 do",
        .enabled(if: ReducedLogitsTests.isNative, "this processor does not compute in bf16 and int8"),
        arguments: [("cub_gpt", ComputePrecision.bf16), ("cub_gpt", .int8), ("imagenet100_alef", .int8)])
    func cosine(name: String, precision: ComputePrecision) throws {
        let count = try Catalogue.generator(named: name).transformer.codeCount
        var generator = CounterGenerator(seed: 7, stream: 0)
        let codes = (0..<200).map { _ in Int32(generator.nextIndex(below: count)) }
        let right = try logits(name, .f32, codes)
        let other = try logits(name, precision, codes)
        var lowest = 1.0
        for position in codes.indices {
            let range = position * count..<(position + 1) * count
            var (product, rights, others) = (0.0, 0.0, 0.0)
            for index in range {
                let (a, b) = (Double(right[index]), Double(other[index]))
                product += a * b
                rights += a * a
                others += b * b
            }
            lowest = min(lowest, product / (rights * others).squareRoot())
        }
        print("logits of \(name) in \(precision.rawValue): lowest cosine to f32 over 200 positions \(lowest)")
        #expect(lowest >= (precision == .bf16 ? 0.9999 : 0.999))
    }
}
