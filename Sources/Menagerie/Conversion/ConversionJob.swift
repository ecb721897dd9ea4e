// SPDX-License-Identifier: MIT
private import BeastWeights
private import Glibc

/// Writes the tensors of a checkpoint as a safetensors file, without the optimiser's state and whatever else is in it.
///
/// Names, sizes and element types stay. Memory does not grow with the checkpoint: tensors are copied piece by piece,
/// each storage's checksum is compared first.
public struct ConversionJob: Sendable {
    /// Keys under which published checkpoints keep their state dictionary, the one that is used first.
    public static let usualKeys = ["teacher", "model", "model_state_dict", "state_dict"]

    /// A checkpoint of any kind that is read.
    public var inputPath: String
    /// Ends in `.safetensors`, unless it is a device or pipe.
    public var outputPath: String
    /// The top-level key that holds the state dictionary; nil takes the first of ``usualKeys``, or the top level itself.
    public var selectedKey: String?
    /// The model whose tensors alone are kept; nil keeps all.
    public var modelName: String?
    /// Whether an output that exists is replaced.
    public var replacesOutput = false
    public var pendingFiles = PendingFiles()

    public init(inputPath: String, outputPath: String) {
        self.inputPath = inputPath
        self.outputPath = outputPath
    }

    /// What was done.
    public struct Summary: Sendable {
        public let tensorCount: Int
        /// Of the tensors.
        public let byteCount: Int
        /// Of the checkpoint, its shards left out.
        public let inputByteCount: Int
        /// Where the state dictionary was; nil for the top level.
        public let selectedKey: String?
        /// Tensors of the state dictionary that were left out, because the model does not need them.
        public let leftOutCount: Int
    }

    /// Does it.
    /// - Parameter report: told how many bytes of how many are written.
    /// - Throws: ``MenagerieError`` for an output that cannot be made, what is wrong with the checkpoint as `WeightsError`.
    public func run(report: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws -> Summary {
        try checkOutput()
        let choice = try modelName.map { try TensorChoice.named($0) }
        let checkpoint = try Checkpoint.open(path: inputPath)
        if let selectedKey, checkpoint.tree[selectedKey] == nil { throw noSuchKey(selectedKey, in: checkpoint) }
        let keys = selectedKey.map { [$0] } ?? choice?.keys ?? Self.usualKeys
        let weights = try checkpoint.weights(select: keys)
        var names = weights.tensorNames
        if let choice, let modelName {
            names = try checkpoint.names(select: keys, stripping: choice.strippedPrefixes, where: choice.isWanted)
            guard !names.isEmpty else {
                throw MenagerieError(.badData, "\(inputPath): holds no tensor of \(modelName)")
            }
        }
        let isShared = checkpoint.container == .torchZip || checkpoint.container == .torchLegacy
        let export = try TensorExport(
            weights, names: names, fileSize: isShared ? checkpoint.fileSize : nil,
            metadata: provenance(checkpoint, weights))
        let total = export.byteCount
        try export.write(to: outputPath, pending: pendingFiles) { report($0, total) }
        return Summary(
            tensorCount: export.tensorCount, byteCount: total, inputByteCount: checkpoint.fileSize,
            selectedKey: weights.selectedKey, leftOutCount: weights.tensorNames.count - names.count)
    }

    private func checkOutput() throws {
        guard try OutputPlace(outputPath).kind == .regular else { return }
        guard outputPath.hasSuffix(".safetensors") else {
            throw MenagerieError(
                .usage, "\(outputPath): the output's name must end in .safetensors, which is what is written")
        }
        if !replacesOutput, access(outputPath, F_OK) == 0 {
            throw MenagerieError(.outputCannotBeCreated, "\(outputPath): is there already; --force replaces it")
        }
    }

    private func provenance(_ checkpoint: Checkpoint, _ weights: CheckpointWeights) -> [String: String] {
        var result = [
            "beasts.source": inputPath.split(separator: "/").last.map(String.init) ?? inputPath,
            "beasts.source_bytes": "\(checkpoint.fileSize)", "beasts.source_container": checkpoint.container.rawValue,
        ]
        result["beasts.state_dictionary"] = weights.selectedKey
        result["beasts.model"] = modelName
        return result
    }

    private func noSuchKey(_ key: String, in checkpoint: Checkpoint) -> MenagerieError {
        var found = ""
        if case .dictionary(let dictionary) = checkpoint.tree {
            let keys = dictionary.prefix(8).map {
                $0.key.rendered(maximumDepth: 1, maximumItems: 1, maximumCharacters: 40)
            }
            found = "; there are \(keys.joined(separator: ", "))" + (dictionary.count > keys.count ? " and others" : "")
        }
        return MenagerieError(.badData, "\(inputPath): has no '\(key)' at the top level\(found)")
    }
}
