// SPDX-License-Identifier: MIT
// Reads all tensors of a checkpoint once and reports time and memory:
//     weight-reading CHECKPOINT [KEY]

import BeastCore
import BeastWeights
import Glibc

/// A line of a file under /proc/self, such as `VmHWM`.
func processFigure(_ file: String, _ key: String) -> String {
    guard let stream = fopen("/proc/self/\(file)", "r") else { return "?" }
    defer { fclose(stream) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), stream) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix(key + ":") {
            return text.dropFirst(key.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
    }
    return "?"
}

func report(_ label: String, _ start: ContinuousClock.Instant) {
    print(
        "\(label): \(ContinuousClock.now - start), VmRSS \(processFigure("status", "VmRSS")), "
            + "VmHWM \(processFigure("status", "VmHWM")), read_bytes \(processFigure("io", "read_bytes"))")
}

func run() throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 1 else {
        print("usage: weight-reading CHECKPOINT [KEY]")
        return
    }
    let start = ContinuousClock.now
    report("start", start)
    let checkpoint = try Checkpoint.open(path: arguments[1])
    report("opened", start)
    let weights = try checkpoint.weights(
        select: Array(arguments.dropFirst(2)), stripping: ["module.", "backbone.", "encoder."])
    report("selected \(weights.tensorNames.count) tensors", start)
    var byteCount = 0
    var skipped = 0
    var checksum: UInt64 = 0
    for name in weights.tensorNames {
        do {
            try weights.withTensor(name) { tensor in
                byteCount += tensor.bytes.count
                // Touches every cache line once.
                for offset in stride(from: 0, to: tensor.bytes.count, by: 64) {
                    checksum &+= UInt64(tensor.bytes[offset])
                }
            }
        } catch let error as WeightsError where error.code == .unsupportedElementType {
            skipped += 1
        }
    }
    report("read \(byteCount) bytes (touched sum \(checksum), \(skipped) not weights)", start)
}

do {
    try run()
} catch {
    print("error: \(error)")
    exit(65)
}
