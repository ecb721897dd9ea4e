// SPDX-License-Identifier: MIT
import Menagerie

/// How far long work has come: a bar on a terminal, now and then a plain line elsewhere.
struct Progress {
    private let total: Int
    private let isQuiet: Bool
    private let start = ContinuousClock.now
    private var lastShown = ContinuousClock.now
    private var isBarShown = false

    init(total: Int, isQuiet: Bool) {
        self.total = total
        self.isQuiet = isQuiet
    }

    mutating func show(_ done: Int) {
        let now = ContinuousClock.now
        let interval: Duration = StandardError.isTerminal ? .milliseconds(100) : .seconds(10)
        guard !isQuiet, now - lastShown >= interval, done < total else { return }
        lastShown = now
        let seconds = Double((now - start).components.seconds) + Double((now - start).components.attoseconds) * 1e-18
        let rate = tenths(Double(done) / max(seconds, 1e-9))
        if StandardError.isTerminal {
            let filled = 30 * done / max(1, total)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
            StandardError.draw("\r[\(bar)] \(done)/\(total) pictures, \(rate)/s ")
            isBarShown = true
        } else {
            StandardError.print("\(done) of \(total) pictures, \(rate)/s")
        }
    }

    /// Shows how far a job has come; a picture that could not be read is a line of its own.
    mutating func show(_ event: EmbeddingJob.Event) {
        switch event {
        case .progress(let done): show(done)
        case .failure(let failure):
            clear()
            StandardError.print("beasts: \(failure.path): \(failure.reason)")
        }
    }

    /// Clears the bar, so that a line can be printed or the work is over.
    mutating func clear() {
        if isBarShown { StandardError.draw("\r\u{1B}[K") }
        isBarShown = false
    }

    /// Seconds since the start.
    var elapsed: Double {
        let duration = ContinuousClock.now - start
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}

/// A number with one digit behind the point.
func tenths(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let rounded = Int((abs(value) * 10).rounded())
    return "\(value < 0 ? "-" : "")\(rounded / 10).\(rounded % 10)"
}

/// A number with three digits behind the point.
func thousandths(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let rounded = String(Int((abs(value) * 1000).rounded()))
    let digits = String(repeating: "0", count: max(0, 4 - rounded.count)) + rounded
    return (value < 0 ? "-" : "") + digits.dropLast(3) + "." + digits.suffix(3)
}
