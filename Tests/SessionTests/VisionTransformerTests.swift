// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

@Suite struct VisionTransformerTests {
    /// Pictures of 12 x 12 have the trained grid of 3 x 3 patches.
    struct Size: CustomTestStringConvertible, Sendable {
        var height: Int
        var width: Int
        var batch = 2

        var testDescription: String { "\(batch) of \(height) x \(width)" }
    }

    static let sizes: [Size] = [
        Size(height: 12, width: 12), Size(height: 12, width: 12, batch: 1),
        // The trained grid with pixels left over: square, so the table stays; not square, so it does not.
        Size(height: 15, width: 15), Size(height: 13, width: 14),
        // As many patches as were trained, in another grid.
        Size(height: 4, width: 36, batch: 1),
        Size(height: 4, width: 4), Size(height: 20, width: 8), Size(height: 9, width: 23),
        Size(height: 28, width: 28, batch: 1),
        // Twelve tokens of two heads: the scores have exactly the size of the packed query, key and value.
        Size(height: 44, width: 4, batch: 1),
    ]

    private let session: Session
    private let model: VisionTransformer
    private let naive: NaiveTransformer

    init() throws {
        session = try Reference.session()
        let weights = TinyTransformer.weights()
        model = try VisionTransformer(TinyTransformer.configuration, weights: weights, session: session)
        naive = NaiveTransformer(configuration: TinyTransformer.configuration, weights: weights.tensors)
    }

    // A residual stream below 10 is rounded to float32 about ten times on its way (10 * 10 * 2^-24 = 6e-6), and norms
    // divide by deviations of about 1.
    private let tolerance = 1e-5

    /// What the naive transformer makes of each picture, one behind the other.
    private func expected(_ pictures: Grid, _ shape: [Int], _ body: (Grid) -> [Double]) -> Grid {
        var result = Grid(shape)
        let count = pictures.elements.count / pictures.shape[0]
        result.elements = (0..<pictures.shape[0]).flatMap { index in
            var picture = Grid(Array(pictures.shape[1...]))
            picture.elements = Array(pictures.elements[index * count..<(index + 1) * count])
            return body(picture)
        }
        return result
    }

    private func tokenCount(_ size: Size) -> Int { 1 + size.height / 4 * (size.width / 4) }

    @Test(arguments: sizes) func theEmbeddingEqualsTheNaiveOne(_ size: Size) throws {
        let pictures = TinyTransformer.pictures(batch: size.batch, height: size.height, width: size.width)
        let found = try model(try session.tensor(pictures))
        #expect(found.shape == [size.batch, 8])
        let expected = expected(pictures, [size.batch, 8]) { naive.normalised(naive.blocks($0)[2])[0] }
        expectClose(try session.download(found), expected, within: tolerance)
    }

    @Test(arguments: sizes) func everyLayerEqualsTheNaiveOne(_ size: Size) throws {
        let pictures = TinyTransformer.pictures(batch: size.batch, height: size.height, width: size.width)
        let names = VisionTransformer.layers(of: TinyTransformer.configuration)
        #expect(
            names.map(\.name) == [
                "blocks.0", "blocks.0.norm", "blocks.1", "blocks.1.norm", "blocks.2", "blocks.2.norm", "norm",
            ])
        let found = try model.layers(names, try session.tensor(pictures))
        #expect(found.count == names.count)
        for (name, layer) in zip(names, found) {
            #expect(layer.shape == [size.batch, tokenCount(size), 8])
            let expected = expected(pictures, Array(layer.shape)) { picture in
                let tokens = naive.blocks(picture)[name.blockIndex ?? 2]
                return (name.isNormalised ? naive.normalised(tokens) : tokens).flatMap { $0 }
            }
            expectClose(try session.download(layer), expected, within: tolerance, "\(name.name)")
        }
    }

    @Test(arguments: sizes) func theLastAttentionEqualsTheNaiveOne(_ size: Size) throws {
        let pictures = TinyTransformer.pictures(batch: size.batch, height: size.height, width: size.width)
        let tokens = tokenCount(size)
        let input = try session.tensor(pictures)
        for queries in [nil, 0..<1, tokens - 1..<tokens, 1..<tokens, 0..<0] {
            let rows = queries ?? 0..<tokens
            let found = try model.lastAttention(input, queries: queries)
            #expect(found.shape == [size.batch, 2, rows.count, tokens])
            let expected = expected(pictures, Array(found.shape)) { picture in
                naive.lastAttention(picture).flatMap { $0[rows].flatMap { $0 } }
            }
            expectClose(try session.download(found), expected, within: 2e-6, "queries \(rows)")
        }
    }

    @Test func positionRowsEqualTheNaiveOnes() throws {
        for size in Self.sizes {
            let found = try model.positionRows(height: size.height, width: size.width)
            let (rows, columns) = (size.height / 4, size.width / 4)
            var expected = Grid([1 + rows * columns, 8])
            expected.elements = naive.positions(rows: rows, columns: columns, isSquare: size.height == size.width)
                .flatMap { $0 }
            // Both in double, rounded once at the end.
            expectClose(found, expected, within: 1e-7, "\(size.testDescription)")
        }
    }

    // MARK: Layers

    @Test func layersComeInTheOrderAskedFor() throws {
        let pictures = try session.tensor(TinyTransformer.pictures(batch: 1, height: 12, width: 12))
        let order = ["norm", "blocks.2", "blocks.0.norm", "norm", "blocks.0", "blocks.2.norm", "blocks.0.norm"]
        let found = try model.layers(order.compactMap { VisionTransformer.Layer($0) }, pictures).map(session.download)
        #expect(found.count == order.count)
        for (name, layer) in zip(order, found) {
            let alone = try model.layers([try #require(VisionTransformer.Layer(name))], pictures)
            #expect(try alone.map(session.download) == [layer], "\(name)")
        }
        #expect(found[0] == found[5])
    }

    @Test func layersAreComputedOnceAndNoDeeperThanNeeded() throws {
        let backend = AlteredBackend(try Reference.context())
        let session = Session(backend: backend)
        let model = try TinyTransformer.model(session)
        let pictures = try session.tensor(TinyTransformer.pictures(batch: 1, height: 12, width: 12))
        _ = try model.layers([.block(0, isNormalised: true), .block(0, isNormalised: true)], pictures)
        // Two norms of block 0 and one at its end.
        #expect(backend.calls[.layerNorm] == 3)
        #expect(try model.layers([], pictures).isEmpty)
        #expect(backend.calls[.layerNorm] == 3)
        _ = try model.layers([.norm, .block(2, isNormalised: true), .norm], pictures)
        #expect(backend.calls[.layerNorm] == 3 + 7)
    }

    @Test func intermediateLayersAreTheLastOnesOldestFirst() throws {
        let pictures = try session.tensor(TinyTransformer.pictures(batch: 1, height: 12, width: 12))
        let all = try model.layers((0..<3).map { .block($0, isNormalised: true) }, pictures).map(session.download)
        for count in [0, 1, 2, 3, 9] {
            let found = try model.intermediateLayers(last: count, pictures).map(session.download)
            #expect(found == Array(all.suffix(count)))
        }
    }

    @Test func theEmbeddingIsTheFirstRowOfTheNorm() throws {
        let pictures = try session.tensor(TinyTransformer.pictures(batch: 2, height: 20, width: 8))
        let norm = try #require(try model.layers([.norm], pictures).first)
        #expect(try session.download(norm.select(1, 0)) == session.download(model(pictures)))
    }

    // MARK: Batches, threads, sizes

    @Test func aPictureGivesTheSameBitsAloneAndInABatch() throws {
        let pictures = try session.tensor(TinyTransformer.pictures(batch: 5, height: 16, width: 12))
        let together = try session.download(try model(pictures))
        for index in 0..<5 {
            let alone = try session.download(try model(pictures.slice(0, index..<index + 1)))
            #expect(alone == Array(together[index * 8..<index * 8 + 8]))
        }
    }

    @Test(arguments: [1, 2, 3, 16]) func theThreadCountDoesNotChangeABit(threadCount: Int) throws {
        let other = try Reference.session(threadCount: threadCount)
        let model = try TinyTransformer.model(other)
        let pictures = TinyTransformer.pictures(batch: 3, height: 28, width: 36)
        #expect(
            try other.download(model(other.tensor(pictures))) == session.download(self.model(session.tensor(pictures))))
    }

    @Test func sizesMayChangeFromBatchToBatch() throws {
        let sizes = [(12, 12), (20, 8), (12, 12), (8, 20), (20, 8)]
        for (height, width) in sizes {
            let pictures = TinyTransformer.pictures(batch: 1, height: height, width: width)
            let fresh = try Reference.session()
            let expected = try fresh.download(try TinyTransformer.model(fresh)(fresh.tensor(pictures)))
            #expect(try session.download(try model(session.tensor(pictures))) == expected)
        }
    }

    @Test func pixelsBeyondTheLastWholePatchAreNotRead() throws {
        var pictures = TinyTransformer.pictures(batch: 1, height: 13, width: 14)
        let expected = try session.download(try model(session.tensor(pictures)))
        for y in 0..<13 { for x in 0..<14 where y >= 12 || x >= 12 { for c in 0..<3 { pictures[0, y, x, c] = .nan } } }
        #expect(try session.download(try model(session.tensor(pictures))) == expected)
    }

    @Test func anEmptyBatchGivesAnEmptyResult() throws {
        let empty = try session.makeTensor([0, 12, 12, 3])
        #expect(try model(empty).shape == [0, 8])
        #expect(try session.download(try model(empty)).isEmpty)
    }

    @Test func onlyTheTensorsOfTheModelAreRead() throws {
        let weights = TinyTransformer.weights()
        weights.tensors["head.weight"] = Grid([4, 8])
        _ = try VisionTransformer(TinyTransformer.configuration, weights: weights, session: session)
        #expect(weights.readNames == Set(VisionTransformer.tensors(of: TinyTransformer.configuration).map(\.name)))
    }

    @Test func theSameHoldsWhereEveryEpilogueIsComposed() throws {
        let backend = AlteredBackend(try Reference.context())
        backend.deniesEpilogues = true
        let composing = Session(backend: backend)
        let pictures = TinyTransformer.pictures(batch: 2, height: 12, width: 20)
        let found = try TinyTransformer.model(composing)(composing.tensor(pictures))
        let expected = expected(pictures, [2, 8]) { naive.normalised(naive.blocks($0)[2])[0] }
        expectClose(try composing.download(found), expected, within: tolerance)
        #expect(composing.statistics.composed[.linear] == 13)
    }
}
