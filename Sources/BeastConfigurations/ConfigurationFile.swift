// SPDX-License-Identifier: MIT
internal import Glibc

/// The text of a small regular file.
struct ConfigurationFile {
    /// Configurations have about a kilobyte.
    static let sizeLimit = 1 << 20

    let path: String
    let text: String

    /// - Throws: ``ConfigurationError`` for what is no regular file, too large, empty or no UTF-8.
    init(path: String) throws(ConfigurationError) {
        self.path = path
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ConfigurationError(
                .cannotRead, "cannot be opened: its name is empty or holds a zero byte", path: path)
        }
        // O_NONBLOCK: opening a pipe that nobody writes to must not wait.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw Self.failure("opened", errno, path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("examined", errno, path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ConfigurationError(
                .notRegularFile, "is not a regular file; give the path of a configuration file", path: path)
        }
        guard status.st_size > 0 else { throw ConfigurationError(.malformed, "the file is empty", path: path) }
        guard status.st_size <= Self.sizeLimit else {
            throw ConfigurationError(
                .limitExceeded,
                "has \(status.st_size) bytes; a configuration has at most \(Self.sizeLimit), is this a checkpoint?",
                path: path)
        }
        let bytes = try Self.read(descriptor, count: Int(status.st_size), path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(.malformed, "is not UTF-8 text, so it is no configuration", path: path)
        }
        self.text = text
    }

    private static func read(_ descriptor: Int32, count: Int, _ path: String) throws(ConfigurationError) -> [UInt8] {
        var failureNumber: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            guard let base = buffer.baseAddress else { return }
            while filled < count {
                let received = Glibc.read(descriptor, base + filled, count - filled)
                if received > 0 {
                    filled += received
                } else if received == 0 {
                    return
                } else if errno != EINTR {
                    failureNumber = errno
                    return
                }
            }
        }
        guard failureNumber == 0 else { throw failure("read", failureNumber, path) }
        guard bytes.count == count else {
            throw ConfigurationError(
                .cannotRead, "ended after \(bytes.count) of \(count) bytes; is it being written?", path: path)
        }
        return bytes
    }

    private static func failure(_ verb: String, _ number: Int32, _ path: String) -> ConfigurationError {
        let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        return ConfigurationError(.cannotRead, "cannot be \(verb): \(reason)", path: path)
    }
}
