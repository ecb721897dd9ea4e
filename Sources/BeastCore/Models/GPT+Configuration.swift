// SPDX-License-Identifier: MIT

extension GPT {
    /// The sizes of a transformer over picture codes.
    public struct Configuration: Sendable, Equatable {
        /// Codes there are; the vocabulary.
        public var codeCount: Int
        /// Positions it was trained for: one less than the codes of a picture, since the last code predicts nothing.
        public var blockLength: Int
        public var depth: Int
        public var headCount: Int
        /// Width of the residual stream.
        public var width: Int
        /// Of the layer norms.
        public var epsilon: Float

        public init(
            codeCount: Int, blockLength: Int, depth: Int, headCount: Int, width: Int, epsilon: Float = 1e-5
        ) {
            self.codeCount = codeCount
            self.blockLength = blockLength
            self.depth = depth
            self.headCount = headCount
            self.width = width
            self.epsilon = epsilon
        }

        /// Width of a head.
        public var headWidth: Int { width / headCount }

        /// Elements of keys and values that one position of one sequence keeps.
        public var cacheElementCount: Int { 2 * depth * width }

        /// Every tensor that is read from a checkpoint, by its key.
        public var tensors: [(name: String, shape: [Int])] {
            let outside: [(name: String, shape: [Int])] = [
                ("tok_emb.weight", [codeCount, width]), ("pos_emb", [1, blockLength, width]),
                ("ln_f.weight", [width]), ("ln_f.bias", [width]), ("head.weight", [codeCount, width]),
            ]
            let blocks = (0..<depth).flatMap { index in
                GPTBlock.tensors(width: width).map { (name: "blocks.\(index).\($0.name)", shape: $0.shape) }
            }
            return outside + blocks
        }

        /// Learned numbers in all tensors.
        public var parameterCount: Int { tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }

        /// The constant triangles that published files hold beside the parameters; nothing reads them.
        public var maskNames: [String] { (0..<depth).map { "blocks.\($0).attn.mask" } }

        func validate() throws(ModelError) {
            guard [codeCount, blockLength, depth, headCount, width].allSatisfy({ $0 > 0 && $0 <= 1 << 20 }),
                width % headCount == 0, width <= 1 << 16, depth <= 1 << 12, codeCount * width <= 1 << 32, epsilon >= 0
            else { throw ModelError(.badConfiguration, "no transformer has the sizes \(self)") }
        }
    }
}
