// SPDX-License-Identifier: MIT

/// How a checkpoint file is built, told from its first bytes and never from its name.
public enum ContainerKind: String, Sendable {
    /// A zip archive written by `torch.save` of PyTorch 1.6 and later.
    case torchZip = "PyTorch zip"
    /// The stream of pickles and raw storages that `torch.save` wrote before 1.6.
    case torchLegacy = "PyTorch legacy stream"
    /// A safetensors file.
    case safetensors
    /// The index of safetensors shards, such as `model.safetensors.index.json`.
    case safetensorsIndex = "safetensors index"

    private static let sampleSize = 512

    static func sniff(_ file: InputFile) throws(WeightsError) -> ContainerKind {
        guard file.size > 0 else {
            throw WeightsError(.unsupportedContainer, "the file is empty; download or copy it again")
        }
        let sample = try file.read(at: 0, count: min(file.size, sampleSize), what: "the start of the file")
        let head = sample.bytes
        if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .torchZip }
        if head.count >= 2, head[0] == 0x80, head[1] <= 5 { return .torchLegacy }
        if isJSONObject(head) { return .safetensorsIndex }
        if let kind = recognised(head) { throw kind }
        if head.count > 8, head[8] == UInt8(ascii: "{") || head[8] == UInt8(ascii: " ") { return .safetensors }
        throw WeightsError(
            .unsupportedContainer,
            "is neither a PyTorch checkpoint nor a safetensors file (it starts with \(hexadecimal(head.prefix(8))))")
    }

    /// Text whose first character is a brace. A safetensors length is never text: it would be above 2^61.
    private static func isJSONObject(_ head: UnsafeRawBufferPointer) -> Bool {
        guard head.prefix(8).allSatisfy({ (0x20..<0x7F).contains($0) || (9...13).contains($0) }) else { return false }
        return head.first { $0 > 0x20 } == UInt8(ascii: "{")
    }

    /// What the file is, with advice, where it is something that people do hand over.
    private static func recognised(_ head: UnsafeRawBufferPointer) -> WeightsError? {
        func refusal(_ text: String) -> WeightsError { WeightsError(.unsupportedContainer, text) }
        for (magic, name, advice) in packed where head.starts(with: magic) {
            return refusal("is \(name), not a checkpoint; \(advice)")
        }
        if head.count >= 262, head[257..<262].elementsEqual("ustar".utf8) {
            return refusal(
                "is a tar archive; unpack it, or load and save it again with torch.save if it is a checkpoint of PyTorch 0.1"
            )
        }
        // A safetensors length whose eight bytes are all printable would be above 2^61: text cannot be mistaken for it.
        guard head.prefix(8).allSatisfy({ (0x20..<0x7F).contains($0) || (9...13).contains($0) }) else { return nil }
        let text = String(decoding: head.prefix(64), as: UTF8.self)
        if text.hasPrefix("version https://git-lfs") {
            return refusal("is a Git LFS pointer, not the file itself; fetch it with “git lfs pull”")
        }
        if head.first(where: { $0 > 0x20 }) == UInt8(ascii: "<") {
            return refusal("is an HTML or XML page, probably an error page saved by a download; download it again")
        }
        return refusal("is a text file, not a checkpoint; it starts with “\(text.shortened(to: 24))”")
    }

    private static let packed: [([UInt8], String, String)] = [
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "unpack it first, and only if you trust its origin"),
        ([0x1F, 0x8B], "a gzip file", "unpack it first"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "an xz file", "unpack it first"),
        ([0x28, 0xB5, 0x2F, 0xFD], "a zstd file", "unpack it first"),
        ([0x42, 0x5A, 0x68], "a bzip2 file", "unpack it first"),
        ([0x50, 0x4B, 0x05, 0x06], "an empty zip archive", "save the checkpoint again"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file", "convert it to safetensors"),
        ([0x47, 0x47, 0x55, 0x46], "a GGUF file", "convert it to safetensors"),
        ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "a single NumPy array", "weights need a checkpoint with named tensors"),
    ]

    private static func hexadecimal(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
