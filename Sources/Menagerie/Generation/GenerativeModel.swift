// SPDX-License-Identifier: MIT
public import BeastCore
public import BeastMedia

/// A model that generates pictures: a transformer that continues codes, a tokeniser that turns pictures to codes and back.
public final class GenerativeModel {
    /// What of it is loaded.
    public struct Parts: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let transformer = Parts(rawValue: 1)
        /// Pictures to codes.
        public static let encoder = Parts(rawValue: 2)
        /// Codes to pictures.
        public static let decoder = Parts(rawValue: 4)
        public static let tokenizer: Parts = [.encoder, .decoder]
        public static let all: Parts = [.transformer, .encoder, .decoder]

        var abilities: VQGAN.Abilities {
            (contains(.encoder) ? VQGAN.Abilities.encoding : []).union(contains(.decoder) ? .decoding : [])
        }
    }

    public let card: GeneratorCard
    public let session: Session
    let loadedTransformer: GPT?
    let loadedTokenizer: VQGAN?

    init(card: GeneratorCard, session: Session, transformer: GPT?, tokenizer: VQGAN?) {
        self.card = card
        self.session = session
        loadedTransformer = transformer
        loadedTokenizer = tokenizer
    }

    /// - Throws: ``MenagerieError`` when it was not loaded.
    public var transformer: GPT {
        get throws {
            guard let loadedTransformer else {
                throw MenagerieError(.internal, "\(card.name): its transformer was not loaded")
            }
            return loadedTransformer
        }
    }

    /// - Throws: ``MenagerieError`` when it was not loaded.
    public var tokenizer: VQGAN {
        get throws {
            guard let loadedTokenizer else {
                throw MenagerieError(.internal, "\(card.name): its tokeniser was not loaded")
            }
            return loadedTokenizer
        }
    }

    // MARK: Codes by the transformer

    /// Codes of pictures, row by row, and how far their draws were from others.
    public struct Samples: Sendable {
        /// One array for each sample.
        public let codes: [[Int32]]
        /// For each, the smallest ``CodeSampler/Draw/margin`` of its draws: a backend whose probabilities differ by less
        /// gives the same codes.
        public let margins: [Double]
    }

    /// Generates pictures from nothing: the first code is drawn uniformly, each of the others from what stands before it.
    ///
    /// Sample s draws from stream s of the seed, the first code from the first 64 bits, each other code from the next 64: its
    /// codes depend on neither batch nor order.
    ///
    /// - Parameters:
    ///   - samples: their numbers; all of them go through the transformer together.
    ///   - seed: of the whole run.
    ///   - rule: how codes are chosen.
    ///   - didStep: told after each step how many of its steps are done; false ends it.
    /// - Returns: nil when `didStep` ended it.
    /// - Throws: ``ModelError`` for a rule that makes no sense; what the model and the backend throw.
    public func generate(
        samples: Range<Int>, seed: UInt64, rule: SamplingRule = SamplingRule(), didStep: (Int) -> Bool = { _ in true }
    ) throws -> Samples? {
        var generators = samples.map { CounterGenerator(seed: seed, stream: UInt64($0)) }
        let count = card.transformer.codeCount
        let first = generators.indices.map { [Int32(generators[$0].nextIndex(below: count))] }
        return try draw(
            after: first, copies: 1, using: &generators, rule: rule, steps: card.transformer.blockLength,
            didStep: didStep)
    }

    /// Steps of a sample that is generated from nothing.
    public var generationSteps: Int { card.transformer.blockLength }

    /// Completes pictures of which the upper half is kept.
    ///
    /// Sample s of picture p draws from stream 2^32 p + s of the seed.
    ///
    /// - Parameters:
    ///   - codes: all codes of each picture, or those of its upper half; what follows the upper half is not looked at.
    ///   - numbers: those of the pictures within the run; 0, 1, ... unless given.
    ///   - samples: numbers of the samples of each picture.
    /// - Returns: all samples of the first picture, then those of the second, and so on; nil when `didStep` ended it.
    public func complete(
        _ codes: [[Int32]], numbers: [Int]? = nil, samples: Range<Int>, seed: UInt64,
        rule: SamplingRule = SamplingRule(), didStep: (Int) -> Bool = { _ in true }
    ) throws -> Samples? {
        let kept = keptCount
        let numbers = numbers ?? Array(codes.indices)
        guard codes.allSatisfy({ $0.count >= kept }), numbers.count == codes.count else {
            throw ModelError(
                .badInput, "an upper half has \(kept) codes and each picture one number; a picture has fewer, or none")
        }
        var generators = numbers.flatMap { picture in
            samples.map { CounterGenerator(seed: seed, stream: UInt64(picture) << 32 + UInt64($0)) }
        }
        return try draw(
            after: codes.map { Array($0.prefix(kept)) }, copies: samples.count, using: &generators, rule: rule,
            steps: completionSteps, didStep: didStep)
    }

    /// Codes of the upper half of a picture.
    public var keptCount: Int { (card.transformer.blockLength + 1) / 2 }

    /// Steps of a completion.
    public var completionSteps: Int { card.transformer.blockLength + 1 - keptCount }

    private func draw(
        after sequences: [[Int32]], copies: Int, using generators: inout [CounterGenerator], rule: SamplingRule,
        steps: Int, didStep: (Int) -> Bool
    ) throws -> Samples? {
        try rule.validate(codeCount: card.transformer.codeCount)
        guard !generators.isEmpty else { return Samples(codes: [], margins: []) }
        var sampler = CodeSampler(rule)
        var margins = [Double](repeating: 1, count: generators.count)
        let codes = try transformer.continuations(
            of: sequences, copies: copies, steps: steps,
            choose: { row, _, logits in
                let draw = try sampler.draw(logits, uniform: generators[row].nextDouble())
                margins[row] = min(margins[row], draw.margin)
                return draw.code
            }, didStep: didStep)
        return codes.map { Samples(codes: $0, margins: margins) }
    }

    /// Samples that fit a cache of some bytes.
    public func samplesAtOnce(cacheByteCount: Int, steps: Int? = nil) -> Int {
        let positions = min(steps ?? card.transformer.blockLength, card.transformer.blockLength)
        let bytes =
            card.transformer.cacheElementCount * positions * session.precision.activations.byteCount
        return max(1, cacheByteCount / max(1, bytes))
    }

    // MARK: Pictures by the tokeniser

    /// A picture as it comes out of the tokeniser: [height, width, 3], about -1 to 1 and not cut off there.
    public struct Decoded: Sendable {
        public let height: Int
        public let width: Int
        public let values: [Float]

        /// -1 to 1 as 0 to 255, cut off there, fractions dropped.
        public func picture() throws -> Picture {
            try PictureGrid(range: .fixed).picture(of: [values], height: height, width: width)
        }
    }

    /// The codes of prepared pictures.
    /// - Parameters:
    ///   - pictures: [size, size, 3] each, -1 to 1.
    ///   - size: their sides, a multiple of ``VQGANConfiguration/downsampling``.
    /// - Returns: for each its codes, row by row.
    public func encode(_ pictures: [[Float]], size: Int) throws -> [[Int32]] {
        let tokenizer = try tokenizer
        var codes: [[Int32]] = []
        let atOnce = tokenizer.picturesAtOnce(height: size, width: size)
        for start in stride(from: 0, to: pictures.count, by: atOnce) {
            let batch = pictures[start..<min(pictures.count, start + atOnce)]
            let input = try session.makeTensor([batch.count, size, size, 3])
            for (index, picture) in batch.enumerated() {
                try session.upload(picture, to: input.slice(0, index..<index + 1))
            }
            let found = try session.downloadIntegers(try tokenizer.encode(input))
            let count = found.count / batch.count
            codes += (0..<batch.count).map { Array(found[$0 * count..<($0 + 1) * count]) }
        }
        return codes
    }

    /// The codes of pictures: each brought to the model's size first.
    public func encode(_ pictures: [Picture]) throws -> [[Int32]] {
        let preprocessing = card.preprocessing
        return try encode(try pictures.map { try preprocessing.values(of: $0) }, size: card.imageSize)
    }

    /// The pictures of codes.
    /// - Parameters:
    ///   - codes: a grid for each, row by row.
    ///   - rows: of the grid; nil for the square grid of the model.
    ///   - columns: of the grid.
    /// - Throws: ``ModelError`` for a code that there is not, or codes that do not make the grid.
    public func decode(_ codes: [[Int32]], rows: Int? = nil, columns: Int? = nil) throws -> [Decoded] {
        let tokenizer = try tokenizer
        let configuration = tokenizer.configuration
        let (rows, columns) = (rows ?? configuration.gridSize, columns ?? configuration.gridSize)
        let (height, width) = (rows * configuration.downsampling, columns * configuration.downsampling)
        for (index, grid) in codes.enumerated() {
            guard grid.count == rows * columns, rows > 0, columns > 0 else {
                throw ModelError(
                    .badInput,
                    "picture \(index) has \(grid.count) codes, a grid of \(rows) x \(columns) needs \(rows * columns)")
            }
            if let position = grid.firstIndex(where: { $0 < 0 || $0 >= configuration.codeCount }) {
                throw ModelError(
                    .badInput,
                    "code \(grid[position]) at position \(position) of picture \(index): the codes of \(card.name) are 0 to "
                        + "\(configuration.codeCount - 1)")
            }
        }
        var pictures: [Decoded] = []
        pictures.reserveCapacity(codes.count)
        let atOnce = tokenizer.picturesAtOnce(height: height, width: width)
        for start in stride(from: 0, to: codes.count, by: atOnce) {
            let batch = codes[start..<min(codes.count, start + atOnce)]
            let input = try session.makeTensor(batch.flatMap { $0 }, shape: [batch.count, rows, columns])
            let values = try session.download(try tokenizer.decode(input))
            let count = height * width * 3
            for index in 0..<batch.count {
                pictures.append(
                    Decoded(
                        height: height, width: width, values: Array(values[index * count..<(index + 1) * count])))
            }
        }
        return pictures
    }
}
