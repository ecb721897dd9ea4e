// SPDX-License-Identifier: MIT
public import BeastCore

/// A layer of a model and what of it is wanted.
public struct FeatureRequest: Sendable, Equatable {
    /// What of a layer becomes the embedding.
    public enum Token: String, Sendable, CaseIterable {
        /// The CLS token: one row a picture. Vision transformers only.
        case cls
        /// The mean over the patch tokens (CLS left out), or over the positions of a feature map: one row a picture.
        case mean
        /// Every patch token, [patches, D] a picture; a feature map as it is, [rows, columns, channels] a picture.
        case patch
    }

    /// A name of ``ImageEncoderDescription/layers``.
    public let layer: String
    public let token: Token

    public init(layer: String, token: Token) {
        self.layer = layer
        self.token = token
    }
}

extension ImageEncoderDescription {
    /// What embeds a picture when nothing else is asked for: the CLS token after the final norm, or the mean over the last
    /// feature map.
    public var standardRequest: FeatureRequest {
        FeatureRequest(layer: layers.last?.name ?? "", token: hasClassToken ? .cls : .mean)
    }

    /// The requests for some layers, checked.
    /// - Parameters:
    ///   - layers: names; none of them for the standard layer.
    ///   - token: nil for the standard one.
    ///   - name: of the model, for messages.
    /// - Throws: ``MenagerieError`` for a layer or token the model does not have, or a layer named twice.
    public func requests(layers: [String], token: FeatureRequest.Token?, ofModel name: String) throws
        -> [FeatureRequest]
    {
        let token = token ?? standardRequest.token
        guard hasClassToken || token != .cls else {
            throw MenagerieError(.usage, "\(name) has no CLS token; its layers are feature maps: use mean or patch")
        }
        let known = Set(self.layers.map(\.name))
        var seen: Set<String> = []
        for layer in layers {
            guard known.contains(layer) else {
                throw MenagerieError(.usage, "\(name) has no layer '\(layer)'; beasts show \(name) lists them")
            }
            guard seen.insert(layer).inserted else {
                throw MenagerieError(.usage, "the layer '\(layer)' is asked for twice")
            }
        }
        return (layers.isEmpty ? [standardRequest.layer] : layers).map { FeatureRequest(layer: $0, token: token) }
    }
}
