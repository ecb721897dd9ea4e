// SPDX-License-Identifier: MIT

import BeastMedia
import Foundation

/// What a call throws, nil when it returns.
func failure(_ body: () throws -> Void) -> MediaError? {
    do {
        try body()
        return nil
    } catch {
        return error as? MediaError
    }
}

extension Preprocessing {
    /// The normalised numbers as an array.
    func values(of picture: Picture) throws -> [Float] {
        let size = try outputSize(for: picture)
        var values = [Float](repeating: .nan, count: size.width * size.height * 3)
        try values.withUnsafeMutableBufferPointer { try apply(to: picture, into: $0) }
        return values
    }
}

extension Picture {
    init(_ bytes: [UInt8], options: PictureOptions = PictureOptions()) throws {
        self = try bytes.withUnsafeBytes { try Picture(decoding: $0, name: "test", options: options) }
    }

    /// Reproducible pixels without any structure.
    static func noise(width: Int, height: Int, seed: UInt64 = 1) throws -> Picture {
        var state = seed
        let pixels = (0..<width * height * 3).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Mostly extremes, where rounding and clamping show.
            let byte = UInt8(state >> 56)
            return byte < 90 ? 0 : byte > 165 ? 255 : byte
        }
        return try Picture(width: width, height: height, pixels: pixels)
    }
}

/// A folder that is removed when the test is done with it.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "beasts-media-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
}

/// PNG files of any legal form, their data stored and not compressed.
enum HandMadePNG {
    static func file(
        width: Int, height: Int, depth: UInt8, colorType: UInt8, rows: [[UInt8]], extra: [(String, [UInt8])] = []
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        bytes += chunk("IHDR", big(UInt32(width)) + big(UInt32(height)) + [depth, colorType, 0, 0, 0])
        for (name, data) in extra { bytes += chunk(name, data) }
        let data: [UInt8] = rows.flatMap { [0] + $0 }
        let length = UInt16(data.count)
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in data {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        let header: [UInt8] = [
            0x78, 0x01, 0x01, UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8),
        ]
        bytes += chunk("IDAT", header + data + big(high << 16 | low))
        return bytes + chunk("IEND", [])
    }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let content = Array(name.utf8) + data
        var crc: UInt32 = ~0
        for byte in content {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
        }
        return big(UInt32(data.count)) + content + big(~crc)
    }

    private static func big(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }
}
