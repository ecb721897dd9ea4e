// SPDX-License-Identifier: MIT
import Glibc

/// Standard error: everything that is no result.
enum StandardError {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func print(_ text: String, terminator: String = "\n") {
        var bytes = Array((text + terminator).utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Leaving the program.
enum Foreground {
    /// Flushes results; a reader that is gone or a full disk is an error even now.
    static func exit(_ code: Int32) -> Never {
        if fflush(nil) != 0, code == 0 {
            StandardError.print("beasts: cannot write to standard output: \(String(cString: strerror(errno)))")
            Glibc.exit(74)
        }
        Glibc.exit(code)
    }
}

/// Ctrl-C: the first asks the work to end, which removes what is half written; a second ends the program at once.
enum Interruption {
    // Written by the signal handler, read between batches; a plain word, which a handler may write.
    nonisolated(unsafe) private static var flag: Int32 = 0

    static var isRequested: Bool { flag != 0 }

    static func install() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interruption.flag = 1 }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        // A reader that is gone shows up as an error of write.
        signal(SIGPIPE, SIG_IGN)
    }
}
