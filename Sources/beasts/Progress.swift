// SPDX-License-Identifier: MIT
import Menagerie

/// How far long work has come: a bar on a terminal, now and then a plain line elsewhere.
struct Progress {
    private var total: Int
    private let isQuiet: Bool
    /// What is counted.
    private let unit: String
    private let start = ContinuousClock.now
    private var lastShown = ContinuousClock.now
    private var isBarShown = false

    init(total: Int, isQuiet: Bool, unit: String = "pictures") {
        self.total = total
        self.isQuiet = isQuiet
        self.unit = unit
    }

    /// Shows how far work of a size that is only now known has come.
    mutating func show(_ done: Int, of total: Int) {
        self.total = total
        show(done)
    }

    mutating func show(_ done: Int) {
        let now = ContinuousClock.now
        let interval: Duration = StandardError.isTerminal ? .milliseconds(100) : .seconds(10)
        guard !isQuiet, now - lastShown >= interval, done < total else { return }
        lastShown = now
        let seconds = elapsed
        let rate = tenths(Double(done) / max(seconds, 1e-9))
        let left = done > 0 ? ", \(Progress.duration(seconds * Double(total - done) / Double(done))) left" : ""
        if StandardError.isTerminal {
            let filled = 30 * done / max(1, total)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
            StandardError.draw("\r[\(bar)] \(done)/\(total) \(unit), \(rate)/s\(left) \u{1B}[K")
            isBarShown = true
        } else {
            StandardError.print("\(done) of \(total) \(unit), \(rate)/s\(left)")
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

    /// `1:02:03`, `2:03` or `3 s`.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded(.up))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole < 60 { return "\(whole) s" }
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
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
