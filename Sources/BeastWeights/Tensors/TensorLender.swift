// SPDX-License-Identifier: MIT

internal import BeastCore

/// Lends tensors out of files: straight from the mapping where that is possible, through a copy where not.
///
/// The checksum of a storage is compared once, the first time one of its tensors is lent, and its elements are looked
/// through for NaN and infinity in the same pass. After each loan the storage's pages are given back, so the memory in
/// use does not grow with what was read.
/// Not thread-safe: one lender belongs to one thread at a time.
final class TensorLender {
    let files: [InputFile]
    let storages: [Storage]
    let isBigEndian: Bool
    private var states: [State]
    /// Threads that look through a storage, 1 or more.
    var threadCount = 1

    /// What is known of a storage's bytes.
    private enum State {
        case unread
        /// The checksum is right, or there is none; nothing is known of the elements.
        case verified
        /// Also, all elements are finite.
        case finite
    }

    /// Checksums of larger storages are computed piece by piece, each piece given back at once.
    private static let pieceSize = 16 << 20

    init(files: [InputFile], storages: [Storage], isBigEndian: Bool) {
        self.files = files
        self.storages = storages
        self.isBigEndian = isBigEndian
        // Without a checksum there is no pass over the storage: tensors are looked through as they are lent.
        states = storages.map { $0.checksum == 0 ? .verified : .unread }
    }

    /// Calls `body` with the tensor as float32, float16 or bfloat16.
    ///
    /// Aligned little-endian elements of these types are lent from the mapping with the tensor's own strides. float64
    /// becomes float32. What is not aligned or has the other byte order is copied first. A copy is dense, unless the
    /// tensor repeats elements: then it keeps its strides, so that no copy is larger than the storage.
    ///
    /// - Throws: `notFinite` where an element of the tensor is NaN, infinite, or beyond float32.
    func withTensor<Result>(
        _ tensor: TensorDescription, name: String, _ body: (HostTensor) throws -> Result
    ) throws -> Result {
        let storage = storages[tensor.storageIndex]
        let file = files[storage.file]
        guard let target = Self.lentType(tensor.elementType) else {
            throw WeightsError(
                .unsupportedElementType,
                "tensor “\(name)” is \(tensor.elementType)\(tensor.shape); weights are float64, float32, float16 or bfloat16",
                path: file.path)
        }
        guard tensor.elementCount > 0, let size = tensor.elementType.byteCount else {
            let empty = UnsafeRawBufferPointer(start: nil, count: 0)
            return try body(HostTensor(bytes: empty, dtype: target, shape: tensor.shape, strides: tensor.strides))
        }
        let (mapping, range) = try verifiedRange(of: tensor, elementSize: size, name: name)
        defer { file.release(storage.range) }
        let bytes = UnsafeRawBufferPointer(rebasing: mapping[range])
        if !isBigEndian, states[tensor.storageIndex] != .finite {
            try check(bytes, tensor.elementType, tensor, strides: tensor.strides, name: name, file)
        }
        let isAligned = UInt(bitPattern: bytes.baseAddress) % UInt(size) == 0
        if isAligned, !isBigEndian, tensor.elementType != .float64 {
            return try body(HostTensor(bytes: bytes, dtype: target, shape: tensor.shape, strides: tensor.strides))
        }
        let repeats = tensor.elementCount > tensor.span
        let shape = repeats ? [tensor.span] : tensor.shape
        let copy = OwnedBytes(count: (repeats ? tensor.span : tensor.elementCount) * target.byteCount)
        let gather = StridedGather(shape: shape, strides: repeats ? [1] : tensor.strides)
        switch tensor.elementType {
        case .float64: gather.narrow(from: bytes, to: copy.address, isBigEndian: isBigEndian)
        case .float32: gather.copy(UInt32.self, from: bytes, to: copy.address, isBigEndian: isBigEndian)
        default: gather.copy(UInt16.self, from: bytes, to: copy.address, isBigEndian: isBigEndian)
        }
        file.release(storage.range)
        let strides = repeats ? tensor.strides : TensorDescription.contiguousStrides(tensor.shape)
        if isBigEndian {
            let type = tensor.elementType == .float64 ? .float32 : tensor.elementType
            try check(copy.bytes, type, tensor, strides: strides, name: name, file)
        }
        return try withExtendedLifetime(copy) {
            try body(HostTensor(bytes: copy.bytes, dtype: target, shape: tensor.shape, strides: strides))
        }
    }

    /// The mapping of a tensor's file, and where in it the tensor lies, once its storage is known to be undamaged.
    func verifiedRange(
        of tensor: TensorDescription, elementSize size: Int, name: String
    ) throws -> (mapping: UnsafeRawBufferPointer, range: Range<Int>) {
        let storage = storages[tensor.storageIndex]
        let file = files[storage.file]
        let mapping = try file.mapped()
        try file.checkUnchanged()
        try verify(tensor.storageIndex, of: file, in: mapping)
        // The view was checked against the storage, and the storage against the file: no overflow, no overrun.
        let start = storage.range.lowerBound + tensor.offset * size
        let end = start + tensor.span * size
        guard end <= storage.range.upperBound else {
            throw WeightsError(.malformedTensor, "tensor “\(name)” leaves its storage", path: file.path)
        }
        return (mapping, start..<end)
    }

    /// The type under which elements of `type` are lent; nil where they are no weights.
    static func lentType(_ type: ElementType) -> DType? {
        switch type {
        case .float64, .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        default: nil
        }
    }

    /// Whether all elements of a storage are known to be finite.
    func isKnownFinite(_ storageIndex: Int) -> Bool {
        if case .finite = states[storageIndex] { true } else { false }
    }

    /// Looks for elements that cannot be weights in the bytes that a tensor spans.
    func check(
        _ bytes: UnsafeRawBufferPointer, _ type: ElementType, _ tensor: TensorDescription, strides: [Int],
        name: String, _ file: InputFile
    ) throws(WeightsError) {
        guard !FiniteScan.isFinite(bytes, type),
            let fault = FiniteScan.firstFault(in: bytes, type, shape: tensor.shape, strides: strides)
        else { return }
        throw WeightsError(
            .notFinite,
            "tensor “\(name)” \(tensor) has \(fault.value) at \(fault.place); no model can be built from that: take a "
                + "checkpoint from before the training diverged, or get the file again", path: file.path)
    }

    /// Compares a storage's checksum, once, and notes whether all of its elements are finite.
    func verify(
        _ index: Int, of file: InputFile, in mapping: UnsafeRawBufferPointer
    ) throws(WeightsError) {
        let storage = storages[index]
        let isSmall = storage.range.count <= Self.pieceSize
        guard case .unread = states[index] else {
            file.willNeed(storage.range)
            return
        }
        let scans = !isBigEndian && FiniteScan.applies(to: storage.elementType)
        var (checksum, isFinite) = (UInt32(0), scans)
        var piece = storage.range.prefix(Self.pieceSize)
        file.willNeed(piece)
        while !piece.isEmpty {
            let next = (piece.upperBound..<storage.range.upperBound).prefix(Self.pieceSize)
            file.willNeed(next)
            let bytes = UnsafeRawBufferPointer(rebasing: mapping[piece])
            let found = StoragePass.run(over: bytes, scanningFor: scans ? storage.elementType : nil, on: threadCount)
            checksum = Checksum.joined(checksum, found.checksum, secondByteCount: bytes.count)
            isFinite = isFinite && found.isFinite
            if !isSmall { file.release(piece) }
            piece = next
        }
        guard checksum == storage.checksum else {
            file.release(storage.range)
            throw Checksum.mismatch(name: storage.name, expected: storage.checksum, found: checksum).at(file.path)
        }
        states[index] = isFinite ? .finite : .verified
    }
}
