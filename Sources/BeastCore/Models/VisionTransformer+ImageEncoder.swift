// SPDX-License-Identifier: MIT

extension VisionTransformer: ImageEncoder {
    public var description: ImageEncoderDescription { .visionTransformer(configuration) }

    public func features(_ layers: [String], of pictures: Tensor) throws -> [ImageFeatures] {
        let places = try layers.map { name in
            guard let layer = Layer(name) else {
                throw ModelError(
                    .unknownLayer, "there is no layer '\(name)': layers are norm, blocks.N and blocks.N.norm")
            }
            return layer
        }
        return try self.layers(places, pictures).map { .tokens($0) }
    }
}
