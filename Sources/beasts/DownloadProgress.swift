// SPDX-License-Identifier: MIT
import BeastHub
import Glibc
import Menagerie
import Synchronization

/// How far downloads have come: on a terminal a line a file, redrawn ten times a second; elsewhere a line each tenth of a
/// file or half a minute. May be told by many threads.
final class DownloadProgress: Sendable {
    /// One file that is on its way.
    private struct Row {
        let file: HubFile
        var size: Int64?
        var done: Int64 = 0
        var resumedFrom: Int64 = 0
        let start = ContinuousClock.now
        /// What has come when, over the last seconds.
        var samples: [(time: ContinuousClock.Instant, done: Int64)] = []
        var lastTold = ContinuousClock.now
        var toldTenth: Int64 = 0
    }

    private struct State {
        var rows: [Row] = []
        var drawnLineCount = 0
        var lastDrawn = ContinuousClock.now
    }

    /// Rates are those of so many seconds.
    private static let rateWindow = Duration.seconds(5)

    private let state = Mutex(State())
    private let isQuiet: Bool
    /// Whether figures are shown; what happens is said all the same.
    private let showsFigures: Bool
    private let isTerminal = StandardError.isTerminal

    /// Whether a later run goes on where this one is interrupted.
    private let keepsParts: Bool

    init(isQuiet: Bool, keepsParts: Bool = true) {
        self.isQuiet = isQuiet
        self.keepsParts = keepsParts
        showsFigures = !isQuiet && HubSettings.progressIsWanted
    }

    func show(_ event: DownloadEvent) {
        state.withLock { state in
            switch event.kind {
            case .transfer(let transfer): show(transfer, of: event.file, &state)
            case .finished(let file): finish(event.file, file, &state)
            case .failed, .ended: remove(event.file, &state)
            }
        }
    }

    private func show(_ event: TransferEvent, of file: HubFile, _ state: inout State) {
        switch event {
        case .waitingForLock: say("\(file): another process downloads it; waiting for that", &state)
        case .started(let size, let resumedFrom):
            if keepsParts { Interruption.advise("what has come is kept: the same command goes on from there") }
            guard state.rows.allSatisfy({ $0.file != file }) else { return }
            state.rows.append(Row(file: file, size: size, done: resumedFrom, resumedFrom: resumedFrom))
            if resumedFrom > 0 {
                say(
                    "\(file): goes on from \(byteCount(resumedFrom))\(size.map { " of \(byteCount($0))" } ?? "")",
                    &state)
            }
        case .progress(let done, let size):
            guard let index = state.rows.firstIndex(where: { $0.file == file }) else { return }
            state.rows[index].done = done
            state.rows[index].size = size
            tell(index, &state)
        case .restarted(let reason):
            if let index = state.rows.firstIndex(where: { $0.file == file }) {
                state.rows[index].done = 0
                state.rows[index].resumedFrom = 0
                state.rows[index].samples = []
                state.rows[index].toldTenth = 0
            }
            say("\(file): starts again from its first byte: \(reason)", &state)
        case .retrying(let reason, let seconds):
            say("\(file): \(reason); trying again in \(tenths(seconds)) s", &state)
        case .warning(let text): say("warning: \(text)", &state)
        }
    }

    private func finish(_ file: HubFile, _ fetched: HubClient.FetchedFile, _ state: inout State) {
        guard let row = state.rows.first(where: { $0.file == file }) else { return }
        remove(file, &state)
        guard showsFigures else { return }
        let seconds = DownloadProgress.seconds(ContinuousClock.now - row.start)
        let rate = byteCount(Int64(Double(fetched.receivedByteCount) / max(seconds, 1e-3)))
        let resumed = row.resumedFrom > 0 ? ", \(byteCount(row.resumedFrom)) were here" : ""
        say("\(file): \(byteCount(fetched.size)) in \(tenths(seconds)) s, \(rate)/s\(resumed)", &state)
    }

    private func remove(_ file: HubFile, _ state: inout State) {
        erase(&state)
        state.rows.removeAll { $0.file == file }
        if state.rows.isEmpty { Interruption.advise(nil) }
        draw(&state)
    }

    // MARK: - Lines

    private func tell(_ index: Int, _ state: inout State) {
        guard showsFigures else { return }
        let now = ContinuousClock.now
        let window = now - Self.rateWindow
        state.rows[index].samples.append((now, state.rows[index].done))
        // The last sample before the window is kept: the rate counts from it.
        while state.rows[index].samples.count > 2, state.rows[index].samples[1].time < window {
            state.rows[index].samples.removeFirst()
        }
        if isTerminal {
            guard now - state.lastDrawn >= .milliseconds(100) else { return }
            state.lastDrawn = now
            erase(&state)
            draw(&state)
        } else {
            let row = state.rows[index]
            let tenth = row.size.map { $0 > 0 ? row.done * 10 / $0 : 0 } ?? 0
            guard row.done != row.size, tenth > row.toldTenth || now - row.lastTold >= .seconds(30) else { return }
            state.rows[index].toldTenth = tenth
            state.rows[index].lastTold = now
            StandardError.print("\(row.file.file): \(figures(row))")
        }
    }

    /// Prints a line above the rows.
    private func say(_ text: String, _ state: inout State) {
        guard !isQuiet else { return }
        erase(&state)
        StandardError.print(text)
        draw(&state)
    }

    private func erase(_ state: inout State) {
        guard state.drawnLineCount > 0 else { return }
        let up = state.drawnLineCount > 1 ? "\u{1B}[\(state.drawnLineCount - 1)A" : ""
        StandardError.draw("\r\(up)\u{1B}[J")
        state.drawnLineCount = 0
    }

    private func draw(_ state: inout State) {
        guard isTerminal, showsFigures, !state.rows.isEmpty else { return }
        let width = Self.terminalWidth - 1
        let lines = state.rows.map { row -> String in
            let filled = row.size.map { $0 > 0 ? Int(12 * min(row.done, $0) / $0) : 12 } ?? 0
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 12 - filled)
            // The name last: where the terminal is narrow, it is what can be spared.
            let name = row.file.file.split(separator: "/").last ?? ""
            return String(StandardError.visible("[\(bar)] \(figures(row)): \(name)").prefix(width))
        }
        StandardError.draw(lines.joined(separator: "\n"))
        state.drawnLineCount = lines.count
    }

    /// `42 % (143.2 of 343.1 MB), 12.3 MB/s, 0:16 left`.
    private func figures(_ row: Row) -> String {
        var text = byteCount(row.done)
        if let size = row.size {
            text = "\(size > 0 ? row.done * 100 / size : 100) % (\(byteCount(row.done)) of \(byteCount(size)))"
        }
        if let first = row.samples.first, let last = row.samples.last, last.time > first.time {
            let rate = Double(last.done - first.done) / DownloadProgress.seconds(last.time - first.time)
            text += ", \(byteCount(Int64(rate)))/s"
            if let size = row.size, rate > 0 { text += ", \(Progress.duration(Double(size - row.done) / rate)) left" }
        }
        return text + (row.resumedFrom > 0 ? ", resumed from \(byteCount(row.resumedFrom))" : "")
    }

    private static var terminalWidth: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
