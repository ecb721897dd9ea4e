// SPDX-License-Identifier: MIT
import BeastHub
import Menagerie
import Synchronization

/// Downloads as JSON on standard output, an event a line. May be told by many threads.
final class DownloadEvents: Sendable {
    private static let progressInterval = Duration.milliseconds(500)

    private let lastTold = Mutex<[HubFile: ContinuousClock.Instant]>([:])

    func print(_ event: DownloadEvent) {
        // Under the lock, so that lines do not mix.
        lastTold.withLock { lastTold in
            guard let line = line(event, &lastTold) else { return }
            try? JSONOutput.printLine(line)
        }
    }

    /// The last line: all files.
    func print(_ files: [PullJob.PulledFile]) {
        let entries = files.map { file in
            Summary.File(
                repository: file.file.repository, file: file.file.file, path: file.fetched.path,
                commit: file.fetched.commit, etag: file.fetched.etag, size: file.fetched.size,
                receivedBytes: file.fetched.receivedByteCount, isVerified: file.isVerified)
        }
        lastTold.withLock { _ in try? JSONOutput.printLine(Summary(files: entries)) }
    }

    /// The last line of a file of which only the tensors were wanted.
    func print(_ file: PullJob.SlimFile) {
        var line = Slim(repository: file.file.repository, file: file.file.file, path: file.path)
        switch file.result {
        case .stored(let summary):
            line.commit = summary.commit
            line.tensors = summary.tensorCount
            line.size = summary.byteCount
            line.receivedBytes = summary.receivedByteCount
            line.wholeSize = summary.wholeByteCount
        case .wasThere: break
        case .whole(let pulled, let reason):
            line.isWhole = true
            line.reason = reason
            line.commit = pulled.fetched.commit
            line.size = pulled.fetched.size
            line.receivedBytes = pulled.fetched.receivedByteCount
        }
        lastTold.withLock { _ in try? JSONOutput.printLine(line) }
    }

    /// The last line of a job of which only the tensors were wanted: all files. None is verified but those that came whole.
    func print(_ files: [PullJob.SlimFile]) {
        let entries = files.map { file in
            var entry = Summary.File(
                repository: file.file.repository, file: file.file.file, path: file.path, commit: nil, etag: nil,
                size: nil,
                receivedBytes: 0, isVerified: false)
            switch file.result {
            case .stored(let summary):
                entry.commit = summary.commit
                entry.size = summary.byteCount
                entry.receivedBytes = summary.receivedByteCount
            case .wasThere: break
            case .whole(let pulled, _):
                entry.commit = pulled.fetched.commit
                entry.etag = pulled.fetched.etag
                entry.size = pulled.fetched.size
                entry.receivedBytes = pulled.fetched.receivedByteCount
                entry.isVerified = pulled.isVerified
            }
            return entry
        }
        lastTold.withLock { _ in try? JSONOutput.printLine(Summary(files: entries)) }
    }

    private struct Slim: Encodable {
        let event = "slim"
        let repository: String
        let file: String
        let path: String
        var isWhole = false
        var reason: String?
        var commit: String?
        var tensors: Int?
        var size: Int64?
        var receivedBytes: Int64?
        var wholeSize: Int64?

        init(repository: String, file: String, path: String) {
            self.repository = repository
            self.file = file
            self.path = path
        }
    }

    private func line(_ event: DownloadEvent, _ lastTold: inout [HubFile: ContinuousClock.Instant]) -> Line? {
        var line = Line(event: "", repository: event.file.repository, file: event.file.file)
        switch event.kind {
        case .transfer(.waitingForLock): line.event = "waiting"
        case .transfer(.started(let size, let resumedFrom)):
            line.event = "started"
            line.size = size
            line.resumedFrom = resumedFrom
        case .transfer(.progress(let done, let size)):
            let now = ContinuousClock.now
            if let last = lastTold[event.file], now - last < Self.progressInterval, done != size { return nil }
            lastTold[event.file] = now
            line.event = "progress"
            line.done = done
            line.size = size
        case .transfer(.restarted(let reason)):
            line.event = "restarted"
            line.reason = reason
        case .transfer(.retrying(let reason, let seconds)):
            line.event = "retrying"
            line.reason = reason
            line.seconds = seconds
        case .transfer(.warning(let text)):
            line.event = "warning"
            line.reason = text
        case .finished(let file):
            line.event = "finished"
            line.size = file.size
            line.path = file.path
        case .failed: line.event = "failed"
        case .ended: line.event = "ended"
        }
        return line
    }

    private struct Line: Encodable {
        var event: String
        let repository: String
        let file: String
        var size: Int64?
        var resumedFrom: Int64?
        var done: Int64?
        var seconds: Double?
        var reason: String?
        var path: String?
    }

    private struct Summary: Encodable {
        struct File: Encodable {
            let repository: String
            let file: String
            let path: String
            var commit: String?
            var etag: String?
            var size: Int64?
            var receivedBytes: Int64
            var isVerified: Bool
        }

        let event = "done"
        let files: [File]
    }
}
