// SPDX-License-Identifier: MIT
import Glibc

/// Standard output: results and nothing else.
enum StandardOutput {
    /// Prints a line. What cannot be written ends the program: quietly where the reader is gone.
    static func print(_ text: String) {
        let number = writeAll(STDOUT_FILENO, text + "\n")
        if number != 0 { end(number) }
    }

    /// Ends the program after a failure to write.
    static func end(_ number: Int32) -> Never {
        if number != EPIPE {
            StandardError.print("beasts: cannot write to standard output: \(String(cString: strerror(number)))")
        }
        Glibc._exit(74)
    }
}

/// Standard error: everything that is no result.
enum StandardError {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Prints one line, whatever the text holds: file names and libraries put anything into messages.
    static func print(_ text: String) { _ = writeAll(STDERR_FILENO, visible(text) + "\n") }

    /// Prints text as it is, for a terminal.
    static func draw(_ text: String) { _ = writeAll(STDERR_FILENO, text) }

    /// Control characters spelt out.
    static func visible(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Keeps the three standard descriptors taken, so that no file that is opened later gets one of their numbers.
/// A stream that was closed stays unusable: reading and writing it fails.
func keepStandardStreamsApart() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) == -1 {
        // The lowest free number is the one that was found closed.
        _ = open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
}

/// All that stands on standard input.
/// - Throws: the number of the error.
func readStandardInput() throws(InputFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(STDIN_FILENO, &chunk, chunk.count)
        if count == 0 { return bytes }
        if count > 0 {
            bytes += chunk[..<count]
        } else if errno == EAGAIN {
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            poll(&waiting, 1, -1)
        } else if errno != EINTR {
            throw InputFailure(reason: String(cString: strerror(errno)))
        }
    }
}

/// Standard input could not be read.
struct InputFailure: Error, CustomStringConvertible {
    let reason: String

    var description: String { "cannot read the list on standard input: \(reason)" }
}

/// - Returns: 0, or the number of the error.
private func writeAll(_ descriptor: Int32, _ text: String) -> Int32 {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 {
            rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, -1)
        } else if errno != EINTR {
            return errno
        }
    }
    return 0
}
