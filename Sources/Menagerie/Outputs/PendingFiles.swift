// SPDX-License-Identifier: MIT
internal import BeastThreads
private import Glibc

/// The temporary files of outputs that are being written, so that whoever ends the program can remove them first.
///
/// Outputs appear under their names while the list is locked, all of a job or none, so ``abandon()`` never separates an
/// array from the list that belongs to it.
public final class PendingFiles: @unchecked Sendable {
    // Sendable because everything that changes is touched under the monitor only.
    private let monitor = Monitor()
    private var paths: Set<String> = []
    private var wasAbandoned = false

    public init() {}

    /// Whether ``abandon()`` was called.
    public var isAbandoned: Bool { monitor.locked { wasAbandoned } }

    /// Removes every temporary file. From then on none is made and nothing appears under its final name; an output that
    /// is appearing at this moment is completed first.
    public func abandon() {
        monitor.locked {
            wasAbandoned = true
            for path in paths { unlink(path) }
            paths = []
        }
    }

    /// Makes a file and takes it into the list.
    /// - Returns: what `open` returns; -1 when the list was abandoned.
    func create(_ path: String, _ open: () -> Int32) -> Int32 {
        monitor.locked {
            guard !wasAbandoned else {
                errno = ECANCELED
                return -1
            }
            let descriptor = open()
            if descriptor >= 0 { paths.insert(path) }
            return descriptor
        }
    }

    /// Removes a file that is not wanted any more.
    func discard(_ path: String) {
        monitor.locked { if paths.remove(path) != nil { unlink(path) } }
    }

    /// Runs `body`, which lets outputs appear and returns the temporary paths that are used up.
    /// - Throws: what `body` throws, or ``MenagerieError`` (`interrupted`) when the list was abandoned.
    func appearing(_ body: () throws -> [String]) throws {
        try monitor.locked {
            Result {
                guard !wasAbandoned else { throw MenagerieError(.interrupted, "interrupted; nothing was written") }
                paths.subtract(try body())
            }
        }.get()
    }
}
