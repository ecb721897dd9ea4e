// SPDX-License-Identifier: MIT
import Glibc

/// Leaving the program.
enum Foreground {
    /// Flushes results; a full disk is an error even now.
    static func exit(_ code: Int32) -> Never {
        if fflush(nil) != 0, code == 0 { StandardOutput.end(errno) }
        Glibc.exit(code)
    }
}
