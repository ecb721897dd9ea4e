// SPDX-License-Identifier: MIT
internal import BeastCore
internal import BeastWeights

/// Tensors of a checkpoint on their way to a safetensors file: names and elements stay as they are.
struct TensorExport {
    private let weights: CheckpointWeights
    private let header: SafetensorsHeader

    /// The size of all tensors in bytes.
    var byteCount: Int { header.ranges.last?.upperBound ?? 0 }
    var tensorCount: Int { header.entries.count }

    /// A tensor may repeat its elements, and several may be views of the same ones; written out they take more room than
    /// in the file. This many times as much is more than any honest checkpoint needs.
    private static let largestGrowth = 16

    /// - Parameters:
    ///   - weights: where the tensors come from.
    ///   - names: those that are written.
    ///   - fileSize: of the checkpoint; nil where its tensors cannot share elements.
    ///   - metadata: where they come from; written into the header.
    /// - Throws: `WeightsError` for names and element types that safetensors does not have, and for tensors out of
    ///   proportion to the file.
    init(_ weights: CheckpointWeights, names: [String], fileSize: Int?, metadata: [String: String]) throws {
        self.weights = weights
        do throws(WeightsError) {
            header = try SafetensorsHeader(
                entries: names.compactMap { name in
                    weights.tensorDescription(of: name).map {
                        SafetensorsEntry(name: name, elementType: $0.elementType, shape: $0.shape)
                    }
                },
                // Readers of PyTorch models ask for this one.
                metadata: metadata.merging(["format": "pt", "beasts.version": BeastCore.version]) { $1 })
        } catch {
            throw WeightsError(error.code, error.message, path: error.path ?? weights.origin)
        }
        if let fileSize, byteCount / Self.largestGrowth > fileSize {
            throw WeightsError(
                .limitExceeded,
                "its tensors would take \(byteCount) bytes one by one, more than \(Self.largestGrowth) times the file's "
                    + "\(fileSize): they repeat their elements", path: weights.origin)
        }
    }

    /// Writes the file, whole or not at all: a temporary file, sync, rename.
    /// - Parameter report: told after each piece how many bytes of tensors are written.
    func write(to path: String, pending: PendingFiles, report: (Int) -> Void) throws {
        let output = try OutputFile(path: path, pending: pending)
        try output.write(header.encoded())
        var done = 0
        for entry in header.entries {
            try weights.withElements(of: entry.name) { bytes in
                if pending.isAbandoned { throw MenagerieError(.interrupted, "interrupted") }
                try output.write(bytes)
                done += bytes.count
                report(done)
            }
        }
        guard done == byteCount else {
            throw MenagerieError(.internal, "\(path): \(done) bytes of tensors came, \(byteCount) were announced")
        }
        try output.commit()
    }
}
