// SPDX-License-Identifier: MIT

/// A checkpoint file: PyTorch's zip form, its older stream, safetensors, or the index of safetensors in shards.
///
/// Opening reads the directory and decodes the pickle or header into inert values; no tensor data is read and nothing
/// in the file is ever executed. Every structure is checked against the file's size and against limits first, so that
/// a hostile file costs little memory and ends in an error.
///
/// ```swift
/// let checkpoint = try Checkpoint.open(path: "dino_vits14.pth")
/// let weights = try checkpoint.weights(select: ["teacher"], stripping: ["module.", "backbone.", "encoder."])
/// try weights.withTensor("norm.weight") { tensor in … }
/// ```
///
/// Not thread-safe: a checkpoint and the weights taken from it belong to one thread at a time.
public final class Checkpoint {
    /// The path as given.
    public let path: String
    /// How the file is built.
    public let container: ContainerKind
    /// The size of the file in bytes.
    public let fileSize: Int
    /// What the pickle describes; for safetensors a flat dictionary of tensors.
    public let tree: PickleValue
    /// Symbols that a Python loader would have called, or handed out, with effect. Recorded even where the result is dropped.
    public let dangerousSymbols: [Symbol]
    /// Other symbols without a meaning here; their values are inert objects.
    public let unknownSymbols: [Symbol]
    /// What the file does with its dangerous symbols.
    public let dangerousUses: [DangerousUse]
    /// Every class and function that the file names, in the order of first mention.
    public let symbols: [Symbol]
    /// Members of the archive that the checkpoint does not refer to.
    public let extraMembers: [String]
    /// What is unusual about the file without being wrong, a sentence each.
    public let notes: [String]

    let graph: PickleGraph
    /// The checkpoint's own file first, then its shards.
    private let files: [InputFile]
    let lender: TensorLender
    private let checksummed: [ZipMember]

    /// Opens a checkpoint, telling its kind by content.
    ///
    /// Only regular files are opened; a pipe, a device or a folder is an error at once.
    ///
    /// - Throws: ``WeightsError`` naming the file, what was found and where.
    public static func open(path: String) throws(WeightsError) -> Checkpoint {
        try naming(path) { () throws(WeightsError) in try Checkpoint(InputFile(path: path)) }
    }

    /// Opens a checkpoint that is part of the program's read-only data.
    ///
    /// - Parameters:
    ///   - staticBytes: the content; valid and unchanged as long as the process lives.
    ///   - name: what messages call it.
    /// - Throws: ``WeightsError`` as ``open(path:)``.
    public static func open(staticBytes: UnsafeRawBufferPointer, name: String) throws(WeightsError) -> Checkpoint {
        try naming(name) { () throws(WeightsError) in try Checkpoint(InputFile(staticBytes: staticBytes, name: name)) }
    }

    /// - Parameter isPresent: of a PyTorch zip of which not all is here, whether a member is, by its name.
    init(_ file: InputFile, isPresent: ((String) -> Bool)? = nil) throws(WeightsError) {
        let kind = try ContainerKind.sniff(file)
        let decoded: DecodedCheckpoint
        switch kind {
        case .torchZip: decoded = try TorchArchive.decode(file, isPresent: isPresent)
        case .torchLegacy: decoded = try LegacyStream.decode(file)
        case .safetensors: decoded = try Safetensors.decode(file)
        case .safetensorsIndex: decoded = try SafetensorsIndex.decode(file)
        }
        files = [file] + decoded.shards
        path = file.path
        fileSize = file.size
        container = kind
        tree = decoded.graph.value(decoded.root)
        extraMembers = decoded.extraMembers
        checksummed = decoded.checksummed
        graph = decoded.graph
        symbols = decoded.symbols
        dangerousUses = decoded.dangerousUses
        dangerousSymbols = symbols.filter(\.isDangerous)
        unknownSymbols = symbols.filter { $0.meaning == nil && !$0.isDangerous }
        notes = decoded.notes
        lender = TensorLender(
            files: files, storages: decoded.graph.storages.storages, isBigEndian: decoded.isBigEndian)
    }

    /// The state dictionary of the checkpoint as a source of weights.
    ///
    /// - Parameters:
    ///   - candidates: top-level keys, of which the first that is present holds the state dictionary. Where none is
    ///     present, or none is given, the top level itself is taken.
    ///   - substrings: texts removed from names, one after the other, each wherever it occurs.
    ///   - allowForeign: accepts a file that names dangerous symbols. They stay without effect either way.
    /// - Throws: `wrongKind` where the state dictionary is something else or holds no tensor, `duplicateKey` where two
    ///   names become equal, `dangerousSymbols`.
    public func weights(
        select candidates: [String]? = nil, stripping substrings: [String] = [], allowForeign: Bool = false
    ) throws(WeightsError) -> CheckpointWeights {
        guard allowForeign || dangerousSymbols.isEmpty else {
            let names = dangerousSymbols.prefix(3).map(\.description).joined(separator: ", ")
            throw WeightsError(
                .dangerousSymbols,
                "names \(names), which a Python loader would call; no honest checkpoint does, so it is refused "
                    + "(nothing was executed)", path: path)
        }
        return try naming(path) { () throws(WeightsError) in
            let selection = try StateDictionary.select(candidates, in: tree)
            let tensors = try StateDictionary.collect(selection, stripping: substrings)
            return CheckpointWeights(
                origin: path, selectedKey: selection.key, tensors: tensors.tensors, ignored: tensors.ignored,
                lender: lender)
        }
    }

    /// The names of tensors of the state dictionary as the file spells them, sorted: those that are wanted by the names
    /// that are left when substrings are removed.
    ///
    /// - Throws: as ``weights(select:stripping:allowForeign:)`` with the same substrings.
    public func names(
        select candidates: [String], stripping substrings: [String], where isWanted: (String) -> Bool
    ) throws(WeightsError) -> [String] {
        // Names that become equal are refused here as they would be when the model is built.
        _ = try weights(select: candidates, stripping: substrings)
        return try weights(select: candidates).tensorNames.filter { name in
            isWanted(substrings.reduce(name) { StateDictionary.removing($1, from: $0) })
        }
    }

    /// Compares the checksum of every member of a PyTorch zip; the other containers have none.
    ///
    /// - Returns: how many members had a checksum.
    /// - Throws: `checksumMismatch` naming the first damaged member.
    /// - Complexity: reads the whole file.
    @discardableResult
    public func verify() throws(WeightsError) -> Int {
        var count = 0
        let pieceSize = 4 << 20
        for member in checksummed where member.checksum != 0 {
            var checksum: UInt32 = 0
            var position = member.range.lowerBound
            while position < member.range.upperBound {
                let size = min(pieceSize, member.range.upperBound - position)
                let piece = try files[0].read(at: position, count: size, what: "“\(member.name)”")
                checksum = Checksum.extended(checksum, with: piece.bytes)
                position += size
            }
            guard checksum == member.checksum else {
                throw Checksum.mismatch(name: member.name, expected: member.checksum, found: checksum).at(path)
            }
            count += 1
        }
        return count
    }
}
