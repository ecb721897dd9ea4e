// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// Names, shapes and agreement of the layers; the numbers themselves are held against golden fixtures.
@Suite struct ResNeXtTests {
    private static let configuration = ResNeXt.Configuration(
        blockCounts: [2, 1], planes: [16, 32], groups: 2, groupWidth: 8, expansion: 2, stemWidth: 8, imageSize: 20)
    private let session: Session
    private let model: ResNeXt
    private let pictures: Tensor

    init() throws {
        session = try Reference.session()
        let weights = Self.weights()
        model = try ResNeXt(Self.configuration, weights: weights, session: session)
        #expect(
            weights.readNames == Set(ResNeXt.tensors(of: Self.configuration).map(\.name)),
            "every listed tensor is needed, and no other")
        pictures = try session.makeTensor(
            Grid.random([2, 20, 20, 3], seed: 99, bound: 2).floats, shape: [2, 20, 20, 3])
    }

    private static func weights() -> MemoryWeights {
        var tensors: [String: Grid] = [:]
        for (seed, tensor) in ResNeXt.tensors(of: configuration).enumerated() {
            var grid = Grid.random(tensor.shape, seed: UInt64(seed + 1), bound: 0.5)
            if tensor.name.hasSuffix("running_var") { grid = Grid(tensor.shape, grid.floats.map { abs($0) + 0.5 }) }
            tensors[tensor.name] = grid
        }
        return MemoryWeights(tensors)
    }

    @Test func layersHaveTheShapesThatAreAnnounced() throws {
        let layers = model.description.layers
        #expect(layers.map(\.name) == ["stem", "layer1.0", "layer1.1", "layer1", "layer2.0", "layer2"])
        let maps = try model.maps(layers.compactMap { ResNeXt.Layer($0.name) }, pictures)
        #expect(maps.map(\.shape) == layers.map { Shape([2] + $0.shape) })
    }

    @Test func aStageIsItsLastBlockAndTheEmbeddingIsTheMeanOfTheLast() throws {
        let maps = try model.maps([.stage(1), .block(stage: 0, 1), .stage(0), .block(stage: 1, 0)], pictures)
        let values = try maps.map { try session.download($0) }
        #expect(values[1] == values[2])
        #expect(values[0] == values[3])
        #expect(values[0] != values[1])
        let embedding = try session.download(try model(pictures))
        let pooled = try session.download(try maps[0].meanOverPositions())
        #expect(embedding == pooled)
        let count = maps[0].shape[1] * maps[0].shape[2]
        let mean = (0..<count).reduce(0.0) { $0 + Double(values[0][$1 * 64]) } / Double(count)
        #expect(abs(Double(embedding[0]) - mean) < 1e-5 * max(1, abs(mean)))
    }

    /// Blocks write over their input where nobody asked for it.
    @Test func aLayerIsTheSameAloneAndAmongAll() throws {
        let layers = model.description.layers.compactMap { ResNeXt.Layer($0.name) }
        let together = try model.maps(layers, pictures).map { try session.download($0) }
        for (layer, values) in zip(layers, together) {
            let alone = try session.download(try model.maps([layer], pictures)[0])
            #expect(alone == values, "\(layer.name)")
        }
    }

    /// Counts convolutions by how many pictures each gets.
    private final class ConvolutionCounter: SessionObserver {
        private(set) var counts: [Int: Int] = [:]
        func willRun(_ arguments: some OpArguments, in session: Session) throws(BackendError) {
            if let arguments = arguments as? Conv2dArguments { counts[arguments.input.shape[0], default: 0] += 1 }
        }
        func didRun(_ arguments: some OpArguments, in session: Session, isComposed: Bool) throws(BackendError) {}
    }

    /// Where a picture's activations outweigh the weights: the stem and the first stage, 8 convolutions of 12.
    @Test(arguments: [(0, [3: 12]), (1, [1: 24, 3: 4]), (7000, [2: 8, 1: 8, 3: 4]), (1 << 20, [3: 12])])
    func aBatchIsTheSameInParts(cacheByteCount: Int, counts: [Int: Int]) throws {
        let elements = Grid.random([3, 20, 20, 3], seed: 5, bound: 2).floats
        func run(_ session: Session, _ layers: [ResNeXt.Layer]) throws -> [[Float]] {
            let model = try ResNeXt(Self.configuration, weights: Self.weights(), session: session)
            return try model.maps(layers, session.makeTensor(elements, shape: [3, 20, 20, 3])).map {
                try session.download($0)
            }
        }
        let counter = ConvolutionCounter()
        let session = try Reference.session(cacheByteCount: cacheByteCount)
        session.observer = counter
        let parts = try run(session, [.stage(1)])
        #expect(try parts == run(Reference.session(), [.stage(1)]))
        #expect(counter.counts == counts)
        let layers: [ResNeXt.Layer] = [.block(stage: 0, 0), .stage(0), .stage(1)]
        #expect(try run(session, layers) == run(Reference.session(), layers))
    }

    @Test func layersThatAreNotThereAreRefused() throws {
        for name in ["stem", "layer1", "layer2.0"] { #expect(ResNeXt.Layer(name)?.name == name) }
        for name in ["", "layer", "layer0", "layer01", "layer1.", "layer1.00", "layer1.0.x", "norm", "Stem", "layer+1"]
        {
            #expect(ResNeXt.Layer(name) == nil, "\(name)")
        }
        for name in ["layer3", "layer1.2", "norm"] {
            #expect(throws: ModelError.self) { try model.features([name], of: pictures) }
        }
        #expect(try model.maps([], pictures).isEmpty)
    }

    @Test func theFullSizeNetworkHasThePublishedParameters() {
        let tensors = ResNeXt.tensors(of: ResNeXt.Configuration())
        #expect(tensors.count == 318 - 53, "all but the counters of batches")
        #expect(ImageEncoderDescription.resNeXt(ResNeXt.Configuration()).parameterCount == 22_979_904)
    }
}
