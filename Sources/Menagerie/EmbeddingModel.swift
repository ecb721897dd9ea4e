// SPDX-License-Identifier: MIT
public import BeastCore
public import BeastMedia

/// A model that turns pictures into embeddings.
public final class EmbeddingModel {
    public let card: ModelCard
    public let network: any ImageEncoder
    /// What the checkpoint holds beside the network.
    public let unusedTensors: UnusedTensors
    public var session: Session { network.session }

    init(card: ModelCard, network: any ImageEncoder, unusedTensors: UnusedTensors) {
        self.card = card
        self.network = network
        self.unusedTensors = unusedTensors
    }

    /// The embedding of each picture of a batch.
    /// - Parameter pictures: channels-last and normalised, [batch, height, width, 3].
    /// - Returns: [batch, D].
    public func embed(_ pictures: Tensor) throws -> Tensor { try network(pictures) }

    /// Layers of a batch, computed in one pass.
    /// - Parameter pictures: channels-last and normalised, [batch, height, width, 3].
    /// - Returns: one tensor for each request: [batch, D] for `cls` and `mean`; for `patch` [batch, patches, D] of a vision
    ///   transformer, [batch, rows, columns, channels] of a residual network.
    /// - Throws: ``ModelError`` for a layer the model does not have, ``MenagerieError`` for a CLS token of a feature map.
    public func features(_ requests: [FeatureRequest], of pictures: Tensor) throws -> [Tensor] {
        if requests == [card.network.standardRequest] { return [try embed(pictures)] }
        return try zip(requests, network.features(requests.map(\.layer), of: pictures)).map { request, features in
            switch (features, request.token) {
            case (.tokens(let tokens), .cls): tokens.select(1, 0)
            case (.tokens(let tokens), .patch): tokens.slice(1, 1..<tokens.shape[1])
            case (.tokens(let tokens), .mean): try mean(ofRows: tokens.slice(1, 1..<tokens.shape[1]))
            case (.map(let map), .patch): map
            case (.map(let map), .mean): try map.meanOverPositions()
            case (.map, .cls):
                throw MenagerieError(.usage, "\(card.name) has no CLS token; its layers are feature maps")
            }
        }
    }

    private func mean(ofRows rows: Tensor) throws -> Tensor {
        let mean = try session.makeTensor([rows.shape[0], rows.shape[2]])
        try session.run(ReduceArguments(output: mean.view, input: rows.view, reduction: .mean))
        return mean
    }

    /// Embeds pictures from memory, all at once.
    /// - Returns: one row a picture, [width of the embedding] each.
    public func embed(_ pictures: [Picture], preprocessing: Preprocessing? = nil) throws -> [[Float]] {
        let preprocessing = preprocessing ?? card.preprocessing
        return try pictures.map { picture in
            let size = try preprocessing.outputSize(for: picture)
            let input = try session.makeTensor([1, size.height, size.width, 3])
            try session.upload(try preprocessing.values(of: picture), to: input)
            return try session.download(try embed(input))
        }
    }
}
