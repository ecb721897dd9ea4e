// SPDX-License-Identifier: MIT
private import Glibc

/// A file without a name, in which an array waits for its place in the output.
///
/// It lies in the output's folder, which has to have room for the array anyway, and vanishes with the process.
final class SpoolFile {
    private let output: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 20

    /// - Parameter output: the output it is for.
    init(beside output: String) throws {
        self.output = output
        let temporary = try OutputPlace(output).temporaryPath()
        descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpoolFile.failure(output, "create a temporary file beside it") }
        unlink(temporary)
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= SpoolFile.bufferSize { try flush() }
    }

    private func flush() throws {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw SpoolFile.failure(output, "write a temporary file beside it")
            }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Appends everything to a file.
    func copy(to file: OutputFile) throws {
        try flush()
        var position = 0
        var chunk = [UInt8](repeating: 0, count: SpoolFile.bufferSize)
        while true {
            let count = chunk.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(position)) }
            if count < 0 {
                if errno == EINTR { continue }
                throw SpoolFile.failure(output, "read a temporary file beside it")
            }
            if count == 0 { return }
            try chunk.withUnsafeBytes { try file.write(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
            position += count
        }
    }

    private static func failure(_ output: String, _ what: String) -> MenagerieError {
        MenagerieError(.inputOutput, "\(output): cannot \(what): \(String(cString: strerror(errno)))")
    }
}
