// SPDX-License-Identifier: MIT
import BeastMedia
import FuzzSupport
import Glibc

/// Decodes pictures strictly and leniently. Limits are low: what is looked for is not slowness of honest sizes.
@main enum FuzzPicture {
    static func main() {
        exit(FuzzProgram.run(decode, seeds: PictureSeeds.all))
    }
}

private func decode(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    for allowsTruncated in [false, true] {
        let options = PictureOptions(pixelLimit: 1 << 18, allowsTruncated: allowsTruncated)
        do {
            let picture = try Picture(decoding: bytes, name: "input", options: options)
            // Every byte was written: what was not would show up as a read of fresh memory.
            precondition(picture.pixels.count == picture.width * picture.height * 3)
            sum = picture.pixels.reduce(sum, &+)
        } catch {
            precondition(!error.description.isEmpty)
        }
    }
    return 0
}

/// Keeps the pixels from being optimised away.
nonisolated(unsafe) private var sum: UInt8 = 0
