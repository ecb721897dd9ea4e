// SPDX-License-Identifier: MIT

extension ResNeXt {
    /// A place in the network whose feature map can be asked for, under torchvision's names.
    public enum Layer: Hashable, Sendable {
        /// `stem`: after the first convolution and the pooling.
        case stem
        /// `layer1` to `layer4`: after a stage, counted from 0 here and from 1 in the name.
        case stage(Int)
        /// `layer2.0`: after a bottleneck of a stage.
        case block(stage: Int, Int)

        /// Reads the spelling of the command line.
        public init?(_ name: String) {
            if name == "stem" {
                self = .stem
                return
            }
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard name.hasPrefix("layer"), parts.count <= 2, let number = Int(parts[0].dropFirst(5)), number >= 1,
                parts[0] == "layer\(number)"
            else { return nil }
            guard parts.count == 2 else {
                self = .stage(number - 1)
                return
            }
            guard let index = Int(parts[1]), index >= 0, parts[1] == "\(index)" else { return nil }
            self = .block(stage: number - 1, index)
        }

        public var name: String {
            switch self {
            case .stem: "stem"
            case .stage(let stage): "layer\(stage + 1)"
            case .block(let stage, let index): "layer\(stage + 1).\(index)"
            }
        }
    }

    /// Every layer with its shape for one picture of the trained size, in network order.
    static func layers(of configuration: Configuration) -> [ImageEncoderDescription.Layer] {
        func halved(_ size: Int) -> Int { (size + 1) / 2 }
        // The first convolution and the pooling halve the picture each, and so does every stage but the first.
        var size = halved(halved(configuration.imageSize))
        var layers = [ImageEncoderDescription.Layer(name: "stem", shape: [size, size, configuration.stemWidth])]
        for stage in configuration.planes.indices {
            if stage > 0 { size = halved(size) }
            let shape = [size, size, configuration.width(ofStage: stage)]
            let names = (0..<configuration.blockCounts[stage]).map { Layer.block(stage: stage, $0).name }
            layers += (names + [Layer.stage(stage).name]).map { ImageEncoderDescription.Layer(name: $0, shape: shape) }
        }
        return layers
    }

    /// Every tensor the network reads, by torchvision's key, in network order.
    static func tensors(of configuration: Configuration) -> [(name: String, shape: [Int])] {
        func convolution(_ kernel: String, _ norm: String, _ shape: [Int]) -> [(name: String, shape: [Int])] {
            [("\(kernel).weight", shape)]
                + ["weight", "bias", "running_mean", "running_var"].map { ("\(norm).\($0)", [shape[0]]) }
        }
        var tensors = convolution("conv1", "bn1", [configuration.stemWidth, 3, 7, 7])
        for stage in configuration.planes.indices {
            let (inner, output) = (configuration.innerWidth(stage), configuration.width(ofStage: stage))
            for index in 0..<configuration.blockCounts[stage] {
                let path = "layer\(stage + 1).\(index)"
                let (input, stride) = configuration.entry(ofBlock: index, inStage: stage)
                tensors += convolution("\(path).conv1", "\(path).bn1", [inner, input, 1, 1])
                tensors += convolution("\(path).conv2", "\(path).bn2", [inner, inner / configuration.groups, 3, 3])
                tensors += convolution("\(path).conv3", "\(path).bn3", [output, inner, 1, 1])
                if stride != 1 || input != output {
                    tensors += convolution("\(path).downsample.0", "\(path).downsample.1", [output, input, 1, 1])
                }
            }
        }
        return tensors
    }
}

extension ResNeXt: ImageEncoder {
    public var description: ImageEncoderDescription { .resNeXt(configuration) }

    public func features(_ layers: [String], of pictures: Tensor) throws -> [ImageFeatures] {
        let places = try layers.map { name in
            guard let layer = Layer(name) else {
                throw ModelError(.unknownLayer, "there is no layer '\(name)': layers are stem, layerN and layerN.M")
            }
            return layer
        }
        return try maps(places, pictures).map { .map($0) }
    }
}

extension ResNeXt.Configuration {
    func has(_ layer: ResNeXt.Layer) -> Bool {
        switch layer {
        case .stem: true
        case .stage(let stage): planes.indices.contains(stage)
        case .block(let stage, let index):
            planes.indices.contains(stage) && (0..<blockCounts[stage]).contains(index)
        }
    }

    /// How many bottlenecks lie before the layer's output: 0 for the stem.
    /// - Precondition: the network has the layer.
    func position(_ layer: ResNeXt.Layer) -> Int {
        switch layer {
        case .stem: 0
        case .stage(let stage): blockCounts.prefix(stage + 1).reduce(0, +)
        case .block(let stage, let index): blockCounts.prefix(stage).reduce(0, +) + index + 1
        }
    }
}
