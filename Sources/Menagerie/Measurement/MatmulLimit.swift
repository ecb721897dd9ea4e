// SPDX-License-Identifier: MIT
public import BeastCore

/// The best rate of products that a backend reaches: what a model's rate is a fraction of.
///
/// Measured through the ops `linear` and `matmul` at the shapes of a transformer of width 768, going round the shapes and
/// the backends; the best of all runs counts.
public struct MatmulLimit: Sendable {
    /// Of one backend.
    public struct Result: Sendable {
        public let backend: String
        public let threads: Int
        public let precision: ComputePrecision
        public fileprivate(set) var shapes: [ShapeResult] = []

        /// Multiplications and additions a second of the fastest run; 0 when nothing could be measured.
        public var operationRate: Double { shapes.map(\.operationRate).max() ?? 0 }
    }

    /// Of one op at one shape, [M, K] × [K, N].
    public struct ShapeResult: Sendable {
        public let op: BackendOp
        public let m: Int
        public let n: Int
        public let k: Int
        public fileprivate(set) var samples = TimeSamples()

        public var operationCount: Double { 2 * Double(m) * Double(n) * Double(k) }
        /// Multiplications and additions a second of the fastest run.
        public var operationRate: Double { samples.seconds.min().map { operationCount / max($0, 1e-9) } ?? 0 }
    }

    /// What is multiplied, the quickest first.
    public var shapes: [(m: Int, n: Int, k: Int)] = [
        (257, 768, 768), (257, 3072, 768), (257, 768, 3072), (2056, 768, 768), (2056, 3072, 768), (2056, 768, 3072),
    ]
    /// Timed rounds over the shapes, 1 or more.
    public var repeatCount = 5
    /// Seconds that a shape is multiplied for in a round, at least once: the best of a few short runs would be the best of
    /// what a busy machine let through, and a low limit makes every fraction of it look good.
    public var roundDuration = 0.08
    /// A shape that would take longer, by the best rate so far, is left out.
    public var longestRun = 1.0

    public init() {}

    private struct Bench {
        let session: Session
        var operands: [Int: LimitOperands] = [:]
        var result: Result
    }

    /// Measures every backend with every count of threads in every precision.
    /// - Throws: ``MenagerieError`` for a precision that a backend does not have; what the backends throw.
    public func run(
        _ backends: [ChosenBackend], threadCounts: [Int], precisions: [ComputePrecision] = [.f32]
    ) throws -> [Result] {
        var benches: [Bench] = []
        for backend in backends {
            for threads in threadCounts {
                for precision in precisions {
                    let precision = try precision.resolved(on: backend)
                    // Both operands of a matmul are activations, of which there are no products in reduced precision.
                    let ops: [BackendOp] = precision == .f32 ? [.linear, .matmul] : [.linear]
                    let result = Result(
                        backend: backend.label, threads: threads, precision: precision,
                        shapes: shapes.flatMap { shape in
                            ops.map { ShapeResult(op: $0, m: shape.m, n: shape.n, k: shape.k) }
                        })
                    let session = try backend.makeSession(threadCount: threads, precision: precision)
                    benches.append(Bench(session: session, result: result))
                }
            }
        }
        // The first round warms up.
        for round in 0...repeatCount {
            for shape in 0..<2 * shapes.count {
                for index in benches.indices where shape < benches[index].result.shapes.count {
                    try measure(&benches[index], shape, isTimed: round > 0)
                }
            }
        }
        for index in benches.indices { benches[index].result.shapes.removeAll { $0.samples.seconds.isEmpty } }
        return benches.map(\.result)
    }

    private func measure(_ bench: inout Bench, _ index: Int, isTimed: Bool) throws {
        let shape = bench.result.shapes[index]
        // The smallest shape is always measured, so that there is a rate to go by.
        let rate = bench.result.operationRate
        if shape.operationCount > longestRun * rate, rate > 0 { return }
        if rate == 0, shape.m != shapes[0].m { return }
        let operands = try bench.operands[index] ?? LimitOperands(shape, bench.session)
        bench.operands[index] = operands
        var total = 0.0
        repeat {
            let seconds =
                shape.op == .matmul
                ? try time(operands.matmul, bench.session) : try time(operands.linear, bench.session)
            if isTimed { bench.result.shapes[index].samples.seconds.append(seconds) }
            total += max(seconds, 1e-6)
        } while isTimed && total < roundDuration
    }

    private func time(_ arguments: some OpArguments, _ session: Session) throws -> Double {
        try session.backend.synchronize()
        let start = ContinuousClock.now
        try session.run(arguments)
        try session.backend.synchronize()
        return (ContinuousClock.now - start) / .seconds(1)
    }
}
