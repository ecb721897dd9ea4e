// SPDX-License-Identifier: MIT

extension VisionTransformer {
    /// A place in the network whose tokens can be asked for.
    public enum Layer: Hashable, Sendable {
        /// `blocks.N`: the residual stream after block N. `blocks.N.norm`: the same through the final norm.
        case block(Int, isNormalised: Bool)
        /// `norm`: the output of the network.
        case norm

        /// Reads the spelling of the command line.
        public init?(_ name: String) {
            if name == "norm" {
                self = .norm
                return
            }
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2 || (parts.count == 3 && parts[2] == "norm"), parts[0] == "blocks",
                let index = Int(parts[1]), index >= 0, String(index) == parts[1]
            else { return nil }
            self = .block(index, isNormalised: parts.count == 3)
        }

        public var name: String {
            switch self {
            case .block(let index, let isNormalised): "blocks.\(index)" + (isNormalised ? ".norm" : "")
            case .norm: "norm"
            }
        }

        var blockIndex: Int? { if case .block(let index, _) = self { index } else { nil } }

        var isNormalised: Bool {
            switch self {
            case .block(_, let isNormalised): isNormalised
            case .norm: true
            }
        }
    }

    /// Every layer there is, in network order.
    public static func layers(of configuration: Configuration) -> [Layer] {
        (0..<configuration.depth).flatMap { [.block($0, isNormalised: false), .block($0, isNormalised: true)] } + [
            .norm
        ]
    }

    /// Every tensor the model needs, by its key, in network order.
    public static func tensors(of configuration: Configuration) -> [(name: String, shape: [Int])] {
        let (width, hidden, patch) = (configuration.width, configuration.hiddenWidth, configuration.patchSize)
        let tokens = configuration.gridSize * configuration.gridSize + 1
        var tensors: [(String, [Int])] = [
            ("cls_token", [1, 1, width]), ("pos_embed", [1, tokens, width]),
            ("patch_embed.proj.weight", [width, 3, patch, patch]), ("patch_embed.proj.bias", [width]),
        ]
        for index in 0..<configuration.depth {
            let block = TransformerBlock.tensors(width: width, hiddenWidth: hidden)
            tensors += block.map { ("blocks.\(index).\($0.name)", $0.shape) }
        }
        return tensors + [("norm.weight", [width]), ("norm.bias", [width])]
    }
}
