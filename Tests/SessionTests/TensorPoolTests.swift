// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// Who owns a buffer, for how long, and what becomes of it.
@Suite struct TensorPoolTests {
    private let backend: AlteredBackend
    private let session: Session

    init() throws {
        backend = AlteredBackend(try Reference.context())
        session = Session(backend: backend)
    }

    @Test func aBufferIsUsedAgainByTheNextTensorOfItsSize() throws {
        for _ in 0..<5 { _ = try session.makeTensor([4, 6]) }
        _ = try session.makeTensor([24], dtype: .int32)
        #expect(backend.buffersMade == 1)
        _ = try session.makeTensor([25])
        #expect(backend.buffersMade == 2)
    }

    @Test func tensorsThatAreAliveNeverShareABuffer() throws {
        var alive: [(tensor: Tensor, value: Float)] = []
        var generator = SplitMix64(state: 3)
        for step in 0..<200 {
            if !alive.isEmpty, Int.random(in: 0..<3, using: &generator) == 0 {
                alive.remove(at: Int.random(in: 0..<alive.count, using: &generator))
            }
            let count = Int.random(in: 1...3, using: &generator) * 16
            let tensor = try session.makeTensor([count])
            try session.run(FillArguments(output: tensor.view, value: Double(step)))
            // A view of part of it keeps the whole alive.
            alive.append((step % 2 == 0 ? tensor : tensor.slice(0, 3..<7).select(0, 1), Float(step)))
        }
        #expect(Set(alive.map(\.tensor.view.buffer)).count == alive.count)
        for (tensor, value) in alive {
            #expect(try session.download(tensor) == [Float](repeating: value, count: tensor.shape.elementCount))
        }
        #expect(backend.buffersMade < 200)
    }

    /// The scratch tensor of the outer product and that of the inner have one size: letting go of the outer one too
    /// early would hand its buffer to the inner.
    @Test func nestedCompositionsDoNotShareScratch() throws {
        backend.deniesEpilogues = true
        let (clip, kernel) = (Grid.random([1, 3, 4, 4, 2], seed: 1), Grid.random([3, 2, 3, 3, 3], seed: 2))
        let residual = Grid.random([1, 1, 2, 2, 3], seed: 3)
        let (input, weight, output) = (
            try session.tensor(clip), try session.weight(.conv3d, kernel), try session.tensor(residual)
        )
        try session.run(
            Conv3dArguments(
                output: output.view, input: input.view, weight: weight.handle,
                epilogue: Epilogue(residual: output.view, activation: .silu)))
        let products = Convolution3dCompositionTests.naiveConvolution(
            clip, kernel, Convolution3dCompositionTests.Case(batch: 1, input: Extent3(3, 4, 4), channels: 2, outputs: 3)
        )
        let expected = NaiveEpilogue(residual: residual, activation: .silu).applied(to: products)
        expectClose(try session.download(output), expected, within: 5e-6)
        withExtendedLifetime(weight) {}
    }

    @Test func freeBuffersBeyondTheLimitAreGivenBack() throws {
        session.poolLimit = 1000
        for count in 1...9 { _ = try session.makeTensor([count * 10]) }
        // 40 + 80 + ... bytes: the limit is passed when the next new buffer is asked for.
        #expect(backend.liveByteCount <= 1000 + 360)
        _ = try session.makeTensor([1000])
        _ = try session.makeTensor([1001])
        #expect(backend.liveByteCount == 4004)
    }

    @Test func aBufferThatIsUsedAgainIsNotCountedAsFree() throws {
        session.poolLimit = 1000
        for _ in 0..<10 { _ = try session.makeTensor([100]) }
        _ = try session.makeTensor([1])
        #expect(backend.liveByteCount == 404)
    }

    @Test func theLimitDoesNotTouchTensorsInUse() throws {
        session.poolLimit = 0
        let kept = try session.makeTensor([Float](repeating: 7, count: 50), shape: [50])
        for count in 1...9 { _ = try session.makeTensor([count]) }
        #expect(try session.download(kept) == [Float](repeating: 7, count: 50))
    }

    @Test func thePoolIsEmptiedBeforeMemoryRunsOut() throws {
        backend.memoryLimit = 1000
        for count in [50, 60, 70] { _ = try session.makeTensor([count]) }
        let large = try session.makeTensor([220])
        #expect(backend.liveBuffers.count == 1)
        let error = #expect(throws: BackendError.self) { try session.makeTensor([221]) }
        #expect(error?.code == .outOfMemory)
        #expect(large.shape == [220])
    }

    @Test func aSessionGivesEverythingBack() throws {
        let backend = AlteredBackend(try Reference.context())
        do {
            let session = Session(backend: backend)
            let weight = try session.weight(.conv3d, Grid.random([2, 2, 3, 1, 1], seed: 1))
            let tensor = try session.tensor(Grid.random([1, 3, 2, 2, 2], seed: 2))
            let output = try session.makeTensor([1, 1, 2, 2, 2])
            #expect(!backend.hasNative(.conv3d))
            #expect(backend.liveWeights.count == 3)
            try session.run(Conv3dArguments(output: output.view, input: tensor.view, weight: weight.handle))
        }
        #expect(backend.liveBuffers.isEmpty)
        #expect(backend.liveWeights.isEmpty)
    }

    @Test func aTensorKeepsItsSession() throws {
        var session: Session? = Session(backend: backend)
        let tensor = try session?.makeTensor([Float](repeating: 2, count: 8), shape: [8])
        session = nil
        let kept = try #require(tensor)
        #expect(try kept.session.download(kept) == [Float](repeating: 2, count: 8))
    }

    @Test func impossibleShapesAreRefused() throws {
        #expect(throws: BackendError.self) { try session.makeTensor([2, -1]) }
        let error = #expect(throws: BackendError.self) { try session.makeTensor([1 << 40, 1 << 40]) }
        #expect(error?.code == .outOfMemory)
        #expect(backend.buffersMade == 0)
    }

    @Test func aTransferOfTheWrongLengthIsRefused() throws {
        let error = #expect(throws: BackendError.self) { try session.makeTensor([1, 2, 3] as [Float], shape: [2]) }
        #expect(error?.message == "3 elements of 4 bytes for a tensor of shape [2], float32")
        let tensor = try session.makeTensor([4, 4])
        #expect(throws: BackendError.self) {
            try session.upload([Float](repeating: 0, count: 4), to: tensor.slice(1, 0..<1))
        }
        #expect(throws: BackendError.self) {
            try session.upload([Float](repeating: 0, count: 4), to: session.makeTensor([4], dtype: .float16))
        }
    }

    @Test func aPermutedTensorIsReadInItsOwnOrder() throws {
        let tensor = try session.makeTensor((0..<6).map(Float.init), shape: [2, 3]).permuted(1, 0)
        #expect(try session.download(tensor) == [0, 3, 1, 4, 2, 5])
        let integers = try session.makeTensor([1, 2, 3, 4, 5, 6] as [Int32], shape: [2, 3])
        #expect(try session.downloadIntegers(integers.select(1, 2)) == [3, 6])
    }

    // MARK: Weights

    @Test func aWeightIsReleasedWithItsLastUser() throws {
        var weight: Weight? = try session.weight(.vector, Grid([3], [1, 2, 3]))
        var tensor = weight?.tensor
        #expect(backend.liveWeights.count == 1)
        weight = nil
        #expect(backend.liveWeights.count == 1)
        #expect(try tensor.map(session.download) == [1, 2, 3])
        tensor = tensor?.slice(0, 1..<2)
        #expect(try tensor.map(session.download) == [2])
        tensor = nil
        #expect(backend.liveWeights.isEmpty)
        // Not a buffer of the pool.
        _ = try session.makeTensor([3])
        #expect(backend.buffersMade == 1)
    }

    @Test func composedWeightsAreReleasedAndTheirHandlesNotUsedAgain() throws {
        let (clip, output) = (try session.blank([1, 2, 1, 1, 1]), try session.blank([1, 1, 1, 1, 1]))
        func kernel(_ value: Double) throws -> Weight {
            try session.weight(.conv3d, Grid([1, 1, 2, 1, 1], repeating: value))
        }
        try session.run(FillArguments(output: clip.view, value: 1))
        var first: Weight? = try kernel(1)
        let second = try kernel(2)
        let oldHandle = try #require(first).handle
        first = nil
        #expect(backend.liveWeights.count == 2)
        let third = try kernel(3)
        for (weight, expected) in [(second, Float(4)), (third, 6)] {
            try session.run(Conv3dArguments(output: output.view, input: clip.view, weight: weight.handle))
            #expect(try session.download(output) == [expected])
        }
        let error = #expect(throws: BackendError.self) {
            try session.run(Conv3dArguments(output: output.view, input: clip.view, weight: oldHandle))
        }
        #expect(error?.code == .invalidArgument)
    }

    // MARK: Errors

    @Test(arguments: [BackendOp.matmul, .softmax, .copy, .linear, .layerNorm, .add])
    func aSessionSurvivesAFailingOp(_ op: BackendOp) throws {
        let model = try TinyTransformer.model(session)
        let pictures = try session.tensor(TinyTransformer.pictures(batch: 1, height: 12, width: 12))
        let expected = try session.download(try model(pictures))
        let buffers = backend.buffersMade
        backend.failingOp = op
        let error = #expect(throws: BackendError.self) { try model(pictures) }
        #expect(error?.message == "\(op.name): failed on purpose")
        #expect(try session.download(try model(pictures)) == expected)
        #expect(backend.buffersMade == buffers)
    }

    @Test func aSecondPassMakesNoBuffers() throws {
        let model = try TinyTransformer.model(session)
        func pass() throws {
            let pictures = try session.tensor(TinyTransformer.pictures(batch: 2, height: 12, width: 16))
            _ = try session.download(try model(pictures))
            _ = try session.download(try model.lastAttention(pictures, queries: 0..<1))
            _ = try model.layers([.block(0, isNormalised: true), .norm], pictures)
        }
        try pass()
        let buffers = backend.buffersMade
        try pass()
        #expect(backend.buffersMade == buffers)
    }
}
