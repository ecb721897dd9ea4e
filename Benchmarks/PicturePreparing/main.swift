// SPDX-License-Identifier: MIT
// Decodes, resizes, crops and normalises the pictures of a folder on one thread, again and again, and prints the median
// rate as JSON:
//     picture-preparing FOLDER [--numbers FILE]
// The numbers go to FILE as float32, [pictures, 224, 224, 3], and the pictures' paths to FILE.paths.txt.

import BeastMedia
import Glibc

let runCount = 5

/// The pictures' files in the order of their names.
func pictures(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if [".jpg", ".jpeg", ".png"].contains(where: { name.lowercased().hasSuffix($0) }) { names.append(name) }
    }
    return names.sorted().map { "\(folder)/\($0)" }
}

func write(_ bytes: UnsafeRawBufferPointer, to stream: UnsafeMutablePointer<FILE>?) -> Bool {
    guard let stream else { return false }
    return fwrite(bytes.baseAddress, 1, bytes.count, stream) == bytes.count
}

/// - Returns: the exit code.
func run() throws -> Int32 {
    let arguments = CommandLine.arguments
    guard arguments.count == 2 || (arguments.count == 4 && arguments[2] == "--numbers") else {
        print("usage: picture-preparing FOLDER [--numbers FILE]")
        return 64
    }
    let paths = pictures(in: arguments[1])
    guard !paths.isEmpty else {
        print("\(arguments[1]): no pictures")
        return 66
    }
    let preprocessing = Preprocessing.evaluation(size: 224)
    var numbers = [Float](repeating: 0, count: 224 * 224 * 3)
    func prepare(_ path: String) throws {
        let picture = try Picture(contentsOfFile: path)
        try numbers.withUnsafeMutableBufferPointer { try preprocessing.apply(to: picture, into: $0) }
    }
    var seconds: [Double] = []
    for run in 0...runCount {
        let start = ContinuousClock.now
        for path in paths { try prepare(path) }
        // The first run warms up.
        if run > 0 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
    }
    let median = seconds.sorted()[runCount / 2]
    print("{\"pictures\": \(paths.count), \"picturesPerSecond\": \(Double(paths.count) / median)}")

    guard let file = arguments.dropFirst(3).first else { return 0 }
    let (stream, list) = (fopen(file, "w"), fopen(file + ".paths.txt", "w"))
    var isWritten = true
    for path in paths {
        try prepare(path)
        isWritten = isWritten && numbers.withUnsafeBytes { write($0, to: stream) }
        isWritten = isWritten && Array("\(path)\n".utf8).withUnsafeBytes { write($0, to: list) }
    }
    for case let stream? in [stream, list] { isWritten = fclose(stream) == 0 && isWritten }
    if !isWritten { print("\(file): cannot be written") }
    return isWritten ? 0 : 74
}

do {
    exit(try run())
} catch {
    print("error: \(error)")
    exit(65)
}
