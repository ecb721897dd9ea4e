// SPDX-License-Identifier: MIT

// Multiplications and additions of products and convolutions. Epilogues, norms, softmax and copies are not counted, as is
// usual for such figures. Double, since the extents of a hostile shape may overflow an integer.

private func product(_ extents: some Sequence<Int>) -> Double { extents.reduce(1) { $0 * Double($1) } }

/// The elements of a kernel that one output meets, or one input of a transposed one.
private func kernel(_ weightShape: Shape?) -> Double { weightShape.map { product($0.dropFirst()) } ?? 0 }

extension MatmulArguments {
    public func operationCount(weightShape: Shape?) -> Double {
        2 * product(output.shape) * Double(left.shape.last ?? 0)
    }
}

extension LinearArguments {
    public func operationCount(weightShape: Shape?) -> Double {
        2 * product(output.shape) * Double(input.shape.last ?? 0)
    }
}

extension Conv2dArguments {
    /// Padding counts like any other element.
    public func operationCount(weightShape: Shape?) -> Double {
        2 * product(output.shape) * kernel(weightShape)
    }
}

extension Conv3dArguments {
    /// Padding counts like any other element.
    public func operationCount(weightShape: Shape?) -> Double {
        2 * product(output.shape) * kernel(weightShape)
    }
}

extension ConvTranspose3dArguments {
    /// Every element of the input meets the whole kernel. The zeros that a composition puts in between do not count.
    public func operationCount(weightShape: Shape?) -> Double {
        2 * product(input.shape) * kernel(weightShape)
    }
}

extension PatchEmbeddingArguments {
    public func operationCount(weightShape: Shape?) -> Double {
        2 * product(output.shape) * product([patch.time, patch.height, patch.width, input.shape.last ?? 0])
    }
}

extension AttentionArguments {
    /// Both products, over all keys that may be seen: a causal mask does not lower the count.
    public func operationCount(weightShape: Shape?) -> Double { 4 * product(query.shape) * Double(keyLength) }
}

extension AttentionProbabilitiesArguments {
    /// The one product, over all keys that may be seen.
    public func operationCount(weightShape: Shape?) -> Double { 2 * product(query.shape) * Double(keyLength) }
}

extension NearestCodeArguments {
    public func operationCount(weightShape: Shape?) -> Double { 2 * product(input.shape) * product(squaredNorms.shape) }
}
