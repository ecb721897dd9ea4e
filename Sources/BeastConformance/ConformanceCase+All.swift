// SPDX-License-Identifier: MIT
internal import BeastCore

extension ConformanceCase {
    /// Every case, in the order of the contract's list of ops, what belongs to no op first.
    /// - Parameter seed: of the data; the shapes are always the same.
    public static func all(seed: UInt64 = 1) -> [ConformanceCase] {
        var bodies: [any CaseBody] = [LibraryCase()] + BufferCase.all + WeightCase.all
        for op in BackendOp.allCases { bodies += ConformanceCase.bodies(of: op) + misuse(of: op) }
        bodies += CompositionCase.all as [any CaseBody] + BlockCases.all
        return bodies.map { ConformanceCase($0, seed: seed) }
    }

    /// The cases that a filter leaves.
    /// - Parameter filter: words that must all occur in the case's name; nil for every case.
    public static func all(seed: UInt64 = 1, filter: String?) -> [ConformanceCase] {
        let wanted = (filter ?? "").lowercased().split(separator: " ")
        return all(seed: seed).filter { testCase in
            let words = testCase.name.split(separator: " ").map { $0.lowercased() }
            let name = testCase.name.lowercased()
            return wanted.allSatisfy { word in
                // The name of an op means that op, and not also those whose name contains it.
                BackendOp.allCases.contains { $0.name == word } ? words.first == String(word) : contains(name, word)
            }
        }
    }

    /// Ops that a backend has and no case tests; a required one among them makes the run fail.
    static func untestedOps(where hasEntry: (BackendOp) -> Bool) -> [BackendOp] {
        let tested = Set(all().filter { !$0.parameters.hasPrefix("malformed") }.compactMap(\.op))
        return BackendOp.allCases.filter { hasEntry($0) && !tested.contains($0) }
    }

    static func bodies(of op: BackendOp) -> [any CaseBody] {
        switch op {
        case .fill: FillCase.all
        case .copy: CopyCase.all
        case .gatherRows: GatherRowsCase.all
        case .add, .multiply: BinaryCase.all(op)
        case .scale: ScaleCase.all
        case .activation: ActivationCase.all
        case .matmul: MatmulCase.all
        case .linear: LinearCase.all
        case .conv2d: Conv2dCase.all
        case .maxPool2d: MaxPool2dCase.all
        case .softmax: SoftmaxCase.all
        case .layerNorm: LayerNormCase.all
        case .groupNorm: GroupNormCase.all
        case .reduce: ReduceCase.all
        case .argReduce: ArgReduceCase.all
        case .attention: AttentionCase.all
        case .attentionProbabilities: AttentionProbabilitiesCase.all
        case .residualLayerNorm: ResidualLayerNormCase.all
        case .conv3d: Conv3dCase.all
        case .convTranspose3d: ConvTranspose3dCase.all
        case .patchEmbedding: PatchEmbeddingCase.all
        case .nearestCode: NearestCodeCase.all
        case .topK: TopKCase.all
        }
    }
}

private func contains(_ text: String, _ part: Substring) -> Bool {
    let (text, part) = (Array(text.utf8), Array(part.utf8))
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
}
