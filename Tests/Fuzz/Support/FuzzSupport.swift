// SPDX-License-Identifier: MIT
import CFuzzer
import Glibc

/// A function that libFuzzer calls with each input; it returns 0.
public typealias FuzzTarget = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

/// The command line of a fuzzer: our own words, then whatever libFuzzer takes.
public enum FuzzProgram {
    /// Runs libFuzzer to its end.
    /// - Parameter seeds: what `--write-seeds FOLDER` writes there instead, by name.
    public static func run(_ target: FuzzTarget, seeds: () -> [(name: String, bytes: [UInt8])]) -> Int32 {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "--write-seeds" { return write(seeds(), to: arguments[2]) }
        var count = CommandLine.argc
        var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        return LLVMFuzzerRunDriver(&count, &pointer, target)
    }

    private static func write(_ seeds: [(name: String, bytes: [UInt8])], to folder: String) -> Int32 {
        for seed in seeds {
            guard let stream = fopen("\(folder)/\(seed.name)", "wb") else { return 73 }
            defer { fclose(stream) }
            guard fwrite(seed.bytes, 1, seed.bytes.count, stream) == seed.bytes.count else { return 74 }
        }
        return 0
    }
}

/// Changes bytes as libFuzzer's own mutators do, at most up to `capacity` bytes.
public func mutated(_ bytes: [UInt8], capacity: Int) -> [UInt8] {
    let capacity = max(capacity, bytes.count, 1)
    return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        for (index, byte) in bytes.enumerated() { buffer[index] = byte }
        count = LLVMFuzzerMutate(buffer.baseAddress, bytes.count, capacity)
    }
}

/// Puts a mutated input where libFuzzer wants it and returns its size; what is too long is cut.
public func store(_ bytes: [UInt8], at data: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int {
    let count = min(bytes.count, capacity)
    for index in 0..<count { data[index] = bytes[index] }
    return count
}

/// Numbers that follow from their seed (SplitMix64).
public struct FuzzGenerator: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: UInt32) { state = UInt64(seed) }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// True once in `count` times.
    public mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}

/// CRC-32 as zip and PNG use it.
public func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8) }
}

private let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
}

/// The bytes of an integer, lowest first.
public func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}

extension Array<UInt8> {
    /// The integer of `count` bytes at an offset, lowest byte first; nil where it would leave the array.
    public func littleEndian(at offset: Int, count: Int) -> Int? {
        guard offset >= 0, count <= 8, offset <= self.count - count else { return nil }
        var value: UInt64 = 0
        for byte in self[offset..<offset + count].reversed() { value = value << 8 | UInt64(byte) }
        return Int(exactly: value)
    }
}
