// SPDX-License-Identifier: MIT
import FuzzSupport

/// Called by libFuzzer in place of its own mutators.
@c(LLVMFuzzerCustomMutator)
public func mutatePicture(
    _ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int, _ seed: UInt32
) -> Int {
    var generator = FuzzGenerator(seed: seed)
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: count))
    let result = PictureMutator.mutate(bytes, capacity: capacity, &generator)
    return store(result, at: data, capacity: capacity)
}

/// Changes pictures so that most stay well-formed outside the change: PNG chunks keep their lengths and checksums,
/// WebP its outer length. Otherwise decoders would stop at the first of them.
enum PictureMutator {
    static func mutate(_ bytes: [UInt8], capacity: Int, _ generator: inout FuzzGenerator) -> [UInt8] {
        if generator.chance(10) { return mutated(bytes, capacity: capacity) }
        if bytes.starts(with: signature) { return mutatePNG(bytes, capacity: capacity, &generator) }
        var result = mutated(bytes, capacity: capacity)
        if result.count >= 12, result.starts(with: "RIFF".utf8) {
            result.replaceSubrange(4..<8, with: littleEndian(UInt32(result.count - 8)))
        }
        return result
    }

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private static func mutatePNG(_ bytes: [UInt8], capacity: Int, _ generator: inout FuzzGenerator) -> [UInt8] {
        var chunks: [(type: [UInt8], data: [UInt8])] = []
        var position = signature.count
        while let length = bytes.littleEndian(at: position, count: 4).map({ Int(UInt32($0).byteSwapped) }),
            length <= bytes.count - position - 12
        {
            let data = position + 8
            chunks.append((Array(bytes[position + 4..<data]), Array(bytes[data..<data + length])))
            position = data + length + 4
        }
        guard let index = chunks.indices.randomElement(using: &generator) else {
            return mutated(bytes, capacity: capacity)
        }
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: chunks.remove(at: index)
        case 1: chunks.insert(chunks[index], at: Int.random(in: 0...chunks.count, using: &generator))
        case 2: chunks[index].type = types.randomElement(using: &generator) ?? chunks[index].type
        default:
            let room = max(0, capacity - bytes.count)
            chunks[index].data = mutated(chunks[index].data, capacity: chunks[index].data.count + room)
        }
        return chunks.reduce(into: signature) { result, chunk in
            let body = chunk.type + chunk.data
            result += littleEndian(UInt32(chunk.data.count).byteSwapped) + body
            result += littleEndian(checksum(body).byteSwapped)
        }
    }

    private static let types = [
        "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "iCCP", "sBIT", "sRGB", "bKGD", "hIST", "pHYs", "tEXt",
        "zTXt", "iTXt", "tIME", "acTL", "fcTL", "eXIf", "ABCD",
    ].map { Array($0.utf8) }
}
