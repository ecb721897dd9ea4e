// SPDX-License-Identifier: MIT
internal import BeastCore

/// What a case works with: makes operands on the backend, runs the op, compares, and looks after the guards.
final class Workbench {
    let backend: any Backend
    /// The plugin behind the backend, where there is one: for cases that go through the C contract itself.
    let library: PluginLibrary?
    var generator: SeededGenerator
    /// Whether the backend may decline the case.
    private let mayBeUnsupported: Bool
    private var operands: [Operand] = []
    private var weights: [BufferHandle] = []
    private(set) var worst: WorstElement?
    /// Whether ops with a composition are composed from required ones, whatever the backend has.
    var composesFusedOps = false
    /// Models' way to the backend: its own ops where it has them, composed ones otherwise.
    private(set) lazy var session = Session(backend: backend)
    private lazy var composer = Session(backend: RequiredOpsBackend(backend))
    private var composedWeights: [Weight] = []

    init(backend: any Backend, library: PluginLibrary?, generator: SeededGenerator, mayBeUnsupported: Bool) {
        self.backend = backend
        self.library = library
        self.generator = generator
        self.mayBeUnsupported = mayBeUnsupported
    }

    /// Gives everything back to the backend. A failure of that is a failure of the case.
    func close() throws(CaseStop) {
        defer {
            operands = []
            weights = []
            composedWeights = []
        }
        try calling("destroy_buffer") { () throws(BackendError) in
            for operand in operands { try backend.destroyBuffer(operand.view.buffer) }
        }
        try calling("release_weight") { () throws(BackendError) in
            for weight in weights { try backend.releaseWeight(weight) }
        }
    }

    // MARK: Operands

    func input(
        _ name: String, _ shape: [Int], _ values: Values = .normal(), dtype: DType = .float32, layout: Layout = .dense
    ) throws(CaseStop) -> Operand {
        let format = NumberFormat(dtype)
        let rounded = values.make(count: shape.reduce(1, *), &generator).map(format.rounded)
        return try operand(name, shape, rounded, dtype, layout)
    }

    func output(
        _ name: String, _ shape: [Int], dtype: DType = .float32, layout: Layout = .dense
    ) throws(CaseStop) -> Operand {
        try operand(name, shape, nil, dtype, layout)
    }

    func output(_ shape: [Int], dtype: DType = .float32, layout: Layout = .dense) throws(CaseStop) -> Operand {
        try output("output", shape, dtype: dtype, layout: layout)
    }

    private func operand(
        _ name: String, _ shape: [Int], _ values: [Double]?, _ dtype: DType, _ layout: Layout
    ) throws(CaseStop) -> Operand {
        var made: Operand?
        try calling("making \(name)") { () throws(BackendError) in
            made = try Operand(name, shape: shape, values: values, dtype: dtype, layout: layout, on: backend)
        }
        guard let made else { throw .failed("making \(name) gave nothing") }
        operands.append(made)
        return made
    }

    // MARK: Weights

    func part(
        _ shape: [Int], _ values: Values = .normal(), dtype: DType = .float32, layout: Layout = .dense
    ) -> WeightPart {
        let format = NumberFormat(dtype)
        let elements = values.make(count: shape.reduce(1, *), &generator).map(format.rounded)
        return WeightPart(DenseArray(shape: shape, values: elements), dtype: dtype, layout: layout)
    }

    /// Prepares a weight of one or more parts.
    func weight(
        _ kind: WeightKind, _ parts: [WeightPart], target: DType = .float32, groups: Int = 1
    ) throws(CaseStop) -> BufferHandle {
        do throws(BackendError) {
            if composesFusedOps {
                let weight = try WeightPart.lend(parts) { (tensors) throws(BackendError) in
                    try composer.prepareWeight(kind, tensors, groups: groups, target: target)
                }
                composedWeights.append(weight)
                return weight.handle
            }
            let prepared = try WeightPart.lend(parts) { (tensors) throws(BackendError) in
                try backend.prepareWeight(WeightDescription(kind: kind, target: target, groups: groups, parts: tensors))
            }
            weights.append(prepared.handle)
            return prepared.handle
        } catch  where error.code == .unsupported && mayBeUnsupported {
            throw .unsupported(error.message)
        } catch {
            throw .failed("prepare_weight threw: \(error)")
        }
    }

    // MARK: Running

    /// Runs the op. What `supports` says must come true.
    func run(_ arguments: some OpArguments) throws(CaseStop) {
        let op = type(of: arguments).op
        if composesFusedOps {
            return try calling("composing \(op.name)") { () throws(BackendError) in
                try composer.run(arguments)
                try backend.synchronize()
            }
        }
        let isPromised = backend.supports(arguments)
        do throws(BackendError) {
            try arguments.run(on: backend)
            try backend.synchronize()
        } catch  where error.code == .unsupported {
            if isPromised {
                throw .failed("\(op.name) answered unsupported although supports answered yes: \(error.message)")
            }
            if mayBeUnsupported { throw .unsupported(error.message) }
            throw .failed("\(op.name) must be supported here: \(error.message)")
        } catch {
            throw .failed("\(op.name) threw: \(error)")
        }
        if !isPromised { throw .failed("\(op.name) ran although supports answered no") }
    }

    /// How many ops were composed.
    var composedCount: Int { composesFusedOps ? composer.statistics.composed.values.reduce(0, +) : 0 }

    /// Runs an op that must fail, at the latest when the queue is drained.
    func runExpecting(_ codes: Set<BackendError.Code>, _ what: String, _ arguments: some OpArguments) throws(CaseStop) {
        do throws(BackendError) {
            try arguments.run(on: backend)
            try backend.synchronize()
        } catch  where codes.contains(error.code) {
            if error.message.isEmpty { throw .failed("\(what): the error has no message") }
            return
        } catch {
            throw .failed("\(what): wrong code \(error.code): \(error)")
        }
        throw .failed("\(what): no error")
    }

    /// Compares an operand with what it should hold.
    func expect(_ operand: Operand, _ estimates: [Estimate]) throws(CaseStop) {
        operand.isOutput = true
        precondition(
            estimates.count == operand.elementOffsets.count, "\(estimates.count) estimates for \(operand.shape)")
        let bytes = try downloaded(operand)
        let format = NumberFormat(operand.view.dtype)
        var largest = worst?.ratio ?? -1
        for (position, (estimate, offset)) in zip(estimates, operand.elementOffsets).enumerated() {
            let stored = estimate.error == 0 ? estimate : estimate.stored(as: format)
            let found = ElementCoding.read(operand.view.dtype, from: bytes, at: offset)
            let allowed = stored.error == 0 ? 0 : stored.error + Rounding.smallestNormal
            let ratio = WorstElement.ratio(found: found, expected: stored.value, allowed: allowed)
            guard ratio > largest else { continue }
            largest = ratio
            worst = WorstElement(
                operand: operand.name, index: index(of: position, in: operand.shape), found: found,
                expected: stored.value, allowed: allowed)
        }
        if let worst, worst.ratio > 1 { throw .failed(worst.text) }
    }

    /// Inputs must be what they were, and nobody may have written beside an output.
    func checkGuards() throws(CaseStop) {
        for operand in operands {
            if let damage = operand.damage(in: try downloaded(operand)) { throw .failed(damage) }
        }
    }

    private func downloaded(_ operand: Operand) throws(CaseStop) -> [UInt8] {
        var bytes: [UInt8] = []
        try calling("download") { () throws(BackendError) in bytes = try operand.download(from: backend) }
        return bytes
    }

    func calling(_ what: String, _ body: () throws(BackendError) -> Void) throws(CaseStop) {
        do throws(BackendError) { try body() } catch { throw .failed("\(what) threw: \(error)") }
    }
}
