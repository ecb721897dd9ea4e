// SPDX-License-Identifier: MIT

/// Which patches of a picture a masked autoencoder sees.
public struct PatchMask: Sendable, Equatable {
    /// Patches of the picture, row by row.
    public let patchCount: Int
    /// The patches that are seen, in the order in which the encoder gets them.
    public let visible: [Int]

    /// The patches with the smallest noise are seen, ties in order: `argsort` of the published code.
    /// - Parameters:
    ///   - noise: a number for each patch, none of them NaN.
    ///   - ratio: the part that is hidden, 0 to 1; floor(patches * (1 - ratio)) are seen, at least one.
    public init(noise: [Float], ratio: Double) {
        patchCount = noise.count
        let count = Int((Double(noise.count) * (1 - ratio)).rounded(.down))
        visible = Array(
            noise.indices.sorted { (noise[$0], $0) < (noise[$1], $1) }.prefix(max(1, min(noise.count, count))))
    }

    /// A random mask.
    public init(patchCount: Int, ratio: Double, using generator: inout CounterGenerator) {
        self.init(noise: (0..<patchCount).map { _ in generator.nextUniform() }, ratio: ratio)
    }

    /// Whether each patch is hidden, row by row.
    public var isHidden: [Bool] {
        var hidden = Array(repeating: true, count: patchCount)
        for index in visible { hidden[index] = false }
        return hidden
    }

    /// Rows of the token table [pictures * (1 + patches), D] that the encoder gets: the CLS token, then what is seen.
    func tokenIndices(ofPicture picture: Int) -> [Int32] {
        let first = picture * (1 + patchCount)
        return [Int32(first)] + visible.map { Int32(first + 1 + $0) }
    }

    /// For the CLS token and every patch, its row in a table of the encoder's outputs of all pictures; `maskRow` for what
    /// was not seen.
    func tableIndices(ofPicture picture: Int, maskRow: Int) -> [Int32] {
        let first = picture * (1 + visible.count)
        var rows = [Int32](repeating: Int32(maskRow), count: 1 + patchCount)
        rows[0] = Int32(first)
        for (index, patch) in visible.enumerated() { rows[1 + patch] = Int32(first + 1 + index) }
        return rows
    }
}
