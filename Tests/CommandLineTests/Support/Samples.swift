// SPDX-License-Identifier: MIT
import BeastMedia
import BeastWeights
import Foundation
import Testing

/// Small inputs and the reading of outputs.
enum Samples {
    /// Small inputs, so that a debug build is quick, on the backend that is always there.
    static let small = ["--size", "16", "--quiet", "--backend", "reference"]

    /// A PNG picture of coarse noise; different for each seed.
    static func picture(_ seed: Int, width: Int = 20, height: Int = 16) throws -> [UInt8] {
        var state = UInt64(seed + 1)
        let pixels = (0..<width * height * 3).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 56)
        }
        return try Picture(width: width, height: height, pixels: pixels).pngBytes()
    }

    /// A whole PNG file that claims 60000 x 60000 pixels.
    static let hugePNG = Data(
        base64Encoded: "iVBORw0KGgoAAAANSUhEUgAA6mAAAOpgCAIAAAAPsOIVAAAAEUlEQVR4nGNgGAWjYBQMdwAAA+gAAbOm00YAAAAASUVORK5CYII="
    ).map { [UInt8]($0) } ?? []

    /// Writes `count` pictures named `p00.png` and so on.
    static func fill(_ folder: TemporaryFolder, count: Int) throws -> [String] {
        try (0..<count).map { index in
            let name = String(format: "p%02d.png", index)
            try folder.write(try picture(index), to: name)
            return name
        }
    }
}

/// One line of `.jsonl`.
struct EmbeddingLine: Decodable, Equatable {
    let path: String
    let embedding: [Float]

    static func lines(_ text: String) throws -> [EmbeddingLine] {
        try text.utf8.split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(EmbeddingLine.self, from: Data($0))
        }
    }
}

/// The rows of a CSV file (RFC 4180), read without regard to how they were written.
func csvRows(_ bytes: [UInt8]) -> [[String]] {
    var rows: [[String]] = []
    var row: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var index = 0
    while index < bytes.count {
        let byte = bytes[index]
        switch (isQuoted, byte) {
        case (true, UInt8(ascii: "\"")):
            if index + 1 < bytes.count, bytes[index + 1] == byte {
                field.append(byte)
                index += 1
            } else {
                isQuoted = false
            }
        case (true, _): field.append(byte)
        case (false, UInt8(ascii: "\"")): isQuoted = true
        case (false, UInt8(ascii: ",")), (false, UInt8(ascii: "\n")):
            row.append(String(decoding: field, as: UTF8.self))
            field = []
            if byte == UInt8(ascii: "\n") {
                rows.append(row)
                row = []
            }
        default: field.append(byte)
        }
        index += 1
    }
    return rows
}
