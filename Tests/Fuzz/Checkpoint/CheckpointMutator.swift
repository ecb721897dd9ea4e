// SPDX-License-Identifier: MIT
import FuzzSupport

/// Called by libFuzzer in place of its own mutators.
@c(LLVMFuzzerCustomMutator)
public func mutateCheckpoint(
    _ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int, _ seed: UInt32
) -> Int {
    var mutator = CheckpointMutator(generator: FuzzGenerator(seed: seed))
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: count))
    return store(mutator.mutate(bytes, capacity: capacity), at: data, capacity: capacity)
}

/// Changes checkpoints inside their containers, which stay valid: checksums, directories and lengths are made anew, so
/// that the change reaches the reader of the pickle or of the header.
struct CheckpointMutator {
    var generator: FuzzGenerator

    mutating func mutate(_ bytes: [UInt8], capacity: Int) -> [UInt8] {
        // Now and then the container itself is what is damaged.
        if generator.chance(16) { return mutated(bytes, capacity: capacity) }
        let room = max(0, capacity - bytes.count)
        switch CheckpointFile(bytes) {
        case .zip(var members):
            var index = members.firstIndex { $0.name.suffix(8).elementsEqual("data.pkl".utf8) } ?? 0
            if generator.chance(12) { index = Int.random(in: members.indices, using: &generator) }
            if members[index].name.suffix(4).elementsEqual(".pkl".utf8) {
                members[index].bytes = mutatePickle(members[index].bytes, room: room)
            } else if generator.chance(2) {
                members[index].name = mutated(members[index].name, capacity: 64)
            } else {
                members[index].bytes = mutated(members[index].bytes, capacity: members[index].bytes.count + room)
            }
            return CheckpointFile.zip(members).bytes
        case .legacy(var pickles, let rest):
            let index = generator.chance(4) ? Int.random(in: pickles.indices, using: &generator) : 3
            pickles[index] = mutatePickle(pickles[index], room: room)
            let changesRest = generator.chance(12)
            return CheckpointFile.legacy(
                pickles: pickles, rest: changesRest ? mutated(rest, capacity: rest.count + room) : rest
            ).bytes
        case .safetensors(let header, let data):
            return CheckpointFile.safetensors(
                header: mutated(header, capacity: header.count + room), data: data
            ).bytes
        case .other(let bytes): return mutated(bytes, capacity: capacity)
        }
    }

    /// Changes a few operations. Mostly one value takes the place of another, so that the pickle still ends well: what
    /// breaks the stack hides all that comes after it.
    private mutating func mutatePickle(_ pickle: [UInt8], room: Int) -> [UInt8] {
        if generator.chance(12) { return mutated(pickle, capacity: pickle.count + room) }
        var operations = PickleScanner.operations(of: pickle).map { Array(pickle[$0]) }
        repeat {
            if generator.chance(4) { change(&operations) } else { exchange(&operations) }
        } while generator.chance(2)
        let result = operations.flatMap { $0 }
        return result.count <= pickle.count + room ? result : pickle
    }

    /// Puts another value in the place of one that a single operation makes, or wraps it.
    private mutating func exchange(_ operations: inout [[UInt8]]) {
        let places = operations.indices.filter { PickleScanner.makesValue(operations[$0]) }
        guard let index = places.randomElement(using: &generator) else { return change(&operations) }
        let value = operations[index]
        let other = PickleParts.leaves.randomElement(using: &generator) ?? value
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: operations[index] = PickleParts.values.randomElement(using: &generator) ?? value
        case 1: operations.insert([0x85], at: index + 1)
        case 2: operations.insert(contentsOf: [other, [0x86]], at: index + 1)
        case 3: operations.replaceSubrange(index...index, with: [[0x5D], [0x28], value, other, [0x65]])
        case 4: operations.replaceSubrange(index...index, with: [[0x7D], other, value, [0x73]])
        case 5, 6: operations[index] = other
        default: operations[index] = withChangedOperand(value)
        }
    }

    private mutating func change(_ operations: inout [[UInt8]]) {
        guard let index = operations.indices.dropLast().randomElement(using: &generator) else {
            operations.insert(PickleParts.operations.randomElement(using: &generator) ?? [], at: 0)
            return
        }
        let length = min(Int.random(in: 1...4, using: &generator), operations.count - 1 - index)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: operations.removeSubrange(index..<index + length)
        case 1:
            let target = Int.random(in: 0..<operations.count, using: &generator)
            operations.insert(contentsOf: Array(operations[index..<index + length]), at: target)
        case 2: operations.swapAt(index, Int.random(in: 0..<operations.count - 1, using: &generator))
        case 3: operations.insert(PickleParts.globals.randomElement(using: &generator) ?? [], at: index)
        case 4, 5: operations.insert(PickleParts.operations.randomElement(using: &generator) ?? [], at: index)
        case 6: operations[index] = PickleParts.operations.randomElement(using: &generator) ?? []
        case 7:
            // A whole value in the place of a name, a number or a text.
            operations[index] = PickleParts.values.randomElement(using: &generator) ?? []
        case 8 where operations[index].first == UInt8(ascii: "c"):
            operations[index] = PickleParts.globals.randomElement(using: &generator) ?? []
        default: operations[index] = withChangedOperand(operations[index])
        }
    }

    private func withChangedOperand(_ operation: [UInt8]) -> [UInt8] {
        guard let code = operation.first, operation.count > 1 else { return operation }
        let countSize = PickleScanner.countSize(of: code)
        guard countSize > 0, operation.count > 1 + countSize else {
            return [code] + mutated(Array(operation.dropFirst()), capacity: operation.count - 1)
        }
        let operand = mutated(Array(operation.dropFirst(1 + countSize)), capacity: operation.count + 8)
        let limited = countSize == 1 ? Array(operand.prefix(255)) : operand
        return [code] + littleEndian(UInt64(limited.count)).prefix(countSize) + limited
    }
}
