// SPDX-License-Identifier: MIT

/// A picture tokeniser (Esser et al. 2021): pictures to grids of codes and back.
///
/// Pictures are channels-last, [batch, height, width, 3], -1 to 1; sides are multiples of ``VQGANConfiguration/downsampling``.
/// Codes are numbers of rows of a codebook, in the order batch, row, column. Parameters are found under the published names
/// `encoder`, `decoder`, `quantize`, `quant_conv` and `post_quant_conv`.
public final class VQGAN {
    /// What it is to be able to do; the other half is not loaded.
    public struct Abilities: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let encoding = Abilities(rawValue: 1)
        public static let decoding = Abilities(rawValue: 2)
        public static let all: Abilities = [.encoding, .decoding]
    }

    public let configuration: VQGANConfiguration
    public let session: Session

    private struct EncodingHalf {
        let encoder: VQGANEncoder
        /// 1 x 1, latent channels to the width of a code.
        let quantConv: Linear
        let quantizer: Quantizer
    }

    private enum Quantizer {
        /// The codebook prepared for products, and the squared norm of each code.
        case nearestCode(Weight, squaredNorms: Tensor)
        /// Logits of a 1 x 1 convolution, of which the largest counts.
        case gumbel(Linear)
    }

    private struct DecodingHalf {
        let decoder: VQGANDecoder
        /// 1 x 1, the width of a code to latent channels.
        let postQuantConv: Linear
        /// [codes, width of a code]
        let codebook: Tensor
    }

    private let encoding: EncodingHalf?
    private let decoding: DecodingHalf?

    /// Builds it from a checkpoint.
    /// - Parameter abilities: which halves are needed.
    /// - Throws: ``ModelError`` for a missing or wrongly shaped tensor or impossible sizes; what the source and the backend
    ///   throw.
    public init(
        _ configuration: VQGANConfiguration, weights: any WeightSource, session: Session, abilities: Abilities = .all
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.session = session
        let parameters = Parameters(weights, session: session)
        let (count, width) = (configuration.codeCount, configuration.codeWidth)
        let book = configuration.quantizer == .gumbel ? "embed" : "embedding"
        let codebook = parameters["quantize"][book]
        if abilities.contains(.encoding) {
            let quantizer: Quantizer
            switch configuration.quantizer {
            case .nearestCode:
                let elements = try codebook.elements("weight", [count, width])
                let norms = (0..<count).map { code in
                    Float(elements[code * width..<(code + 1) * width].reduce(0.0) { $0 + Double($1) * Double($1) })
                }
                quantizer = .nearestCode(
                    try session.prepareWeight(.linear, elements, shape: [count, width]),
                    squaredNorms: try session.makeTensor(norms, shape: [count]))
            case .gumbel:
                quantizer = .gumbel(
                    try parameters["quantize"].pointwise(["proj"], width, count, target: .float32))
            }
            encoding = EncodingHalf(
                encoder: try VQGANEncoder(parameters["encoder"], configuration),
                quantConv: try parameters.pointwise(["quant_conv"], configuration.latentChannels, width),
                quantizer: quantizer)
        } else {
            encoding = nil
        }
        decoding =
            abilities.contains(.decoding)
            ? DecodingHalf(
                decoder: try VQGANDecoder(parameters["decoder"], configuration),
                postQuantConv: try parameters.pointwise(["post_quant_conv"], width, configuration.latentChannels),
                codebook: try codebook.weight("weight", [count, width], as: .embedding).tensor) : nil
    }

    /// Pictures of a size that are worked on at a time, so that feature maps stay within a few hundred megabytes. A large
    /// picture alone keeps every backend busy.
    public func picturesAtOnce(height: Int, width: Int) -> Int {
        max(1, (16 << 20) / max(1, configuration.largestMap(height: height, width: width)))
    }

    /// What the encoder says of pictures, before any code is chosen.
    /// - Parameter pictures: [batch, height, width, 3].
    /// - Returns: [batch, rows, columns, width of a code], float32.
    /// - Throws: ``ModelError`` for sides that are no multiples of ``VQGANConfiguration/downsampling``.
    public func features(of pictures: Tensor) throws -> Tensor {
        let half = try encodingHalf()
        try check(pictures)
        return try half.quantConv(half.encoder(pictures, as: session.precision.activations), as: .float32)
    }

    /// The encoder's own output, before the convolution to the width of a code.
    /// - Returns: [batch, rows, columns, latent channels], float32.
    public func encoderOutput(of pictures: Tensor) throws -> Tensor {
        try check(pictures)
        return try encodingHalf().encoder(pictures, as: .float32)
    }

    /// The code of every feature vector.
    /// - Parameter features: [batch, rows, columns, width of a code], float32.
    /// - Returns: [batch, rows, columns], int32.
    public func codes(of features: Tensor) throws -> Tensor {
        let shape = features.shape
        let rows = try features.reshaped([shape.dropLast().elementCount, shape[3]])
        let codes = try session.makeTensor([rows.shape[0]], dtype: .int32)
        switch try encodingHalf().quantizer {
        case .nearestCode(let weight, let squaredNorms):
            let distances = try session.makeTensor([rows.shape[0]])
            try session.run(
                NearestCodeArguments(
                    codes: codes.view, distances: distances.view, input: rows.view, weight: weight.handle,
                    squaredNorms: squaredNorms.view))
        case .gumbel(let projection):
            try session.run(
                ArgReduceArguments(output: codes.view, input: try projection(rows).view, extremum: .maximum))
        }
        return try codes.reshaped(shape.dropLast())
    }

    /// The codes of pictures: [batch, rows, columns], int32.
    public func encode(_ pictures: Tensor) throws -> Tensor { try codes(of: try features(of: pictures)) }

    /// The vectors of codes.
    /// - Parameter codes: any shape, int32.
    /// - Returns: the same shape with the width of a code behind it, float32.
    /// - Throws: ``BackendError`` (`invalidArgument`) for a code that there is not, at the latest when the queue is waited for.
    public func vectors(of codes: Tensor) throws -> Tensor {
        var shape = codes.shape
        shape.append(configuration.codeWidth)
        let rows = codes.shape.elementCount
        let vectors = try session.makeTensor([rows, configuration.codeWidth])
        try session.run(
            GatherRowsArguments(
                output: vectors.view, table: try decodingHalf().codebook.view, indices: codes.reshaped([rows]).view))
        return try vectors.reshaped(shape)
    }

    /// The pictures of codes.
    /// - Parameter codes: [batch, rows, columns], int32.
    /// - Returns: [batch, height, width, 3], about -1 to 1 and not cut off there, float32.
    public func decode(_ codes: Tensor) throws -> Tensor {
        let half = try decodingHalf()
        let vectors = try vectors(of: codes).cast(to: session.precision.activations)
        return try half.decoder(half.postQuantConv(vectors))
    }

    // MARK: -

    private func check(_ pictures: Tensor) throws(ModelError) {
        let (shape, factor) = (pictures.shape, configuration.downsampling)
        guard shape.rank == 4, shape[3] == configuration.inputChannels, shape[1] > 0, shape[2] > 0,
            shape[1] % factor == 0, shape[2] % factor == 0
        else {
            throw ModelError(
                .badInput,
                "pictures of shape \(shape), expected [batch, height, width, \(configuration.inputChannels)] with sides that "
                    + "are multiples of \(factor), one code each")
        }
    }

    private func encodingHalf() throws(ModelError) -> EncodingHalf {
        guard let encoding else { throw ModelError(.badInput, "the encoder of this tokeniser was not loaded") }
        return encoding
    }

    private func decodingHalf() throws(ModelError) -> DecodingHalf {
        guard let decoding else { throw ModelError(.badInput, "the decoder of this tokeniser was not loaded") }
        return decoding
    }
}
