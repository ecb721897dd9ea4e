// SPDX-License-Identifier: MIT
import BeastCore
import BeastWeights
import FuzzSupport
import Glibc

/// Opens checkpoints, prints what they hold and reads their tensors.
///
/// With BEASTS_FUZZ_PLANTED=1 in the environment there is a fault behind the pickle of a checkpoint, to show that the
/// fuzzer gets that far.
@main enum FuzzCheckpoint {
    static func main() {
        exit(FuzzProgram.run(read, seeds: CheckpointSeeds.all))
    }
}

private func read(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    do {
        if bytes.starts(with: [0x93, 0x4E]) {
            try readArray(bytes)
        } else {
            // Nothing that is made from the bytes outlives this call.
            try readCheckpoint(try Checkpoint.open(staticBytes: bytes, name: "input"))
        }
    } catch let error as WeightsError {
        precondition(!error.description.isEmpty && error.dangerousUses.allSatisfy { $0.call?.isEmpty != true })
    } catch {
        preconditionFailure("\(error)")
    }
    return 0
}

private func readCheckpoint(_ checkpoint: Checkpoint) throws {
    if isFaultPlanted { meetPlantedFault(checkpoint.tree) }
    precondition(checkpoint.tree.description.utf8.count < 16_384)
    precondition(checkpoint.outline().rows.count <= Outline.Limits.standard.rows + 8)
    _ = checkpoint.outline(.none)
    for key in ["teacher", "model"] {
        do {
            try readTensors(
                try checkpoint.weights(select: [key], stripping: ["module.", "backbone."], allowForeign: true))
        } catch is WeightsError {}
    }
    try checkpoint.verify()
}

private func readTensors(_ weights: CheckpointWeights) throws {
    for name in weights.tensorNames.prefix(32) {
        do {
            try weights.withTensor(name) { tensor in
                // Expanded tensors may be of any size; others are read to the last element.
                let elements = tensor.shape.reduce((count: 1, overflow: false)) {
                    let product = $0.count.multipliedReportingOverflow(by: $1)
                    return (product.partialValue, $0.overflow || product.overflow)
                }
                guard !elements.overflow, elements.count <= 1 << 16 else { return }
                sum += tensor.elements().reduce(0) { $0 + abs($1) } > 0 ? 1 : 0
            }
        } catch is WeightsError {}
    }
    precondition(weights.unusedNames.count <= weights.tensorNames.count)
}

/// Arrays are read from files only.
private func readArray(_ bytes: UnsafeRawBufferPointer) throws {
    guard let file = tmpfile() else { return }
    defer { fclose(file) }
    let descriptor = fileno(file)
    guard write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else { return }
    let array = try NumpyArray.read(path: "/proc/self/fd/\(descriptor)")
    precondition(array.floats().count == array.count && array.integers()?.count ?? array.count == array.count)
}

// MARK: - The planted fault

private let isFaultPlanted = getenv("BEASTS_FUZZ_PLANTED") != nil

/// No seed has it: a negative number right under the top.
private func meetPlantedFault(_ tree: PickleValue) {
    guard case .dictionary(let top) = tree else { return }
    let isThere = top.contains { entry in
        guard case .integer(let number) = entry.value else { return false }
        return number < 0
    }
    guard isThere else { return }
    let message = Array("the planted fault was met\n".utf8)
    _ = write(STDERR_FILENO, message, message.count)
    abort()
}

/// Keeps the elements from being optimised away.
nonisolated(unsafe) private var sum = 0
