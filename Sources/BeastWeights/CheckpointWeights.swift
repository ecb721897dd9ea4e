// SPDX-License-Identifier: MIT

public import BeastCore

/// The tensors of one state dictionary, read from the file as they are asked for.
///
/// Keeps the file open and mapped. Memory lent by ``withTensor(_:_:)`` usually *is* the file's page cache; its pages
/// are given back when the call ends. Should the file be truncated by another program during such a call, the system
/// ends the process (SIGBUS); a change before the call is noticed and thrown.
public final class CheckpointWeights: WeightSource {
    /// The path of the checkpoint.
    public let origin: String
    /// The top-level key that held the state dictionary; nil where the top level itself is one.
    public let selectedKey: String?
    /// Every tensor name after prefix removal, sorted.
    public let tensorNames: [String]
    /// What else the state dictionary holds: the kind of value under each name.
    public let ignored: [String: String]

    /// The names of tensors that were never lent, sorted: what a model that was just built left in the file.
    public var unusedNames: [String] { tensorNames.filter { !lentNames.contains($0) } }

    /// Threads that look through large tensors for damage, NaN and infinity; 1 unless set. The other threads rest while
    /// a tensor is lent.
    public var threadCount: Int {
        get { lender.threadCount }
        set { lender.threadCount = max(1, min(newValue, 1024)) }
    }

    private var lentNames: Set<String> = []
    private let tensors: [String: TensorDescription]
    private let lender: TensorLender

    init(
        origin: String, selectedKey: String?, tensors: [String: TensorDescription], ignored: [String: String],
        lender: TensorLender
    ) {
        self.origin = origin
        self.selectedKey = selectedKey
        self.tensors = tensors
        self.ignored = ignored
        self.lender = lender
        tensorNames = tensors.keys.sorted()
    }

    /// The sizes of a tensor, nil where there is none of that name.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    public func otherKind(of name: String) -> String? { ignored[name] }

    /// Type, sizes and strides of a tensor as the file has them.
    public func tensorDescription(of name: String) -> TensorDescription? { tensors[name] }

    /// Lends a tensor as float32, float16 or bfloat16; float64 is rounded to float32.
    ///
    /// The tensor may be a strided view: honour `strides`. The first tensor of each storage costs one pass over the
    /// storage for its checksum.
    ///
    /// - Throws: ``WeightsError`` for an unknown name, an entry that is no tensor, an element type that cannot be a
    ///   weight, an element that is NaN or infinite, a wrong checksum or a changed file; and whatever `body` throws.
    public func withTensor<Result>(_ name: String, _ body: (HostTensor) throws -> Result) throws -> Result {
        guard let tensor = tensors[name] else { throw missing(name) }
        lentNames.insert(name)
        return try lender.withTensor(tensor, name: name, body)
    }

    /// Hands out the elements of a tensor as the file has them, whatever their type: dense, in row-major order,
    /// little-endian, a few MiB at a time, so that no more memory is needed for a large tensor than for a small one.
    ///
    /// The first tensor of each storage costs one pass over the storage for its checksum.
    ///
    /// - Throws: ``WeightsError`` as ``withTensor(_:_:)``, an element type apart; and whatever `body` throws.
    public func withElements(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let tensor = tensors[name] else { throw missing(name) }
        lentNames.insert(name)
        try lender.withElements(of: tensor, name: name, body)
    }

    private func missing(_ name: String) -> WeightsError {
        if let kind = ignored[name] {
            return WeightsError(.wrongKind, "“\(name)” is \(kind) where a tensor is needed", path: origin)
        }
        let shown = tensorNames.prefix(3).map { "“\($0.shortened(to: 60))”" }.joined(separator: ", ")
        return WeightsError(
            .tensorNotFound,
            "there is no tensor “\(name)”; there are \(tensorNames.count), such as \(shown)", path: origin)
    }
}
