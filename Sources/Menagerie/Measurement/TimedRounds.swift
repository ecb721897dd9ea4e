// SPDX-License-Identifier: MIT
internal import BeastCore

/// Times several pieces of work in rounds, each piece once a round, so that what else happens on the machine hits all of
/// them alike. Short work is done several times for one reading, once more before that where other work had its turn
/// meanwhile: what is timed is work that goes on, in caches that hold its own data.
struct TimedRounds {
    /// Of a reading; work that takes longer is done once.
    static let shortestReading = 0.2

    /// 1 or more.
    var repeatCount: Int
    /// Rounds before them that are not timed.
    var warmUpCount: Int
    /// Whether to profile the ops, in runs of their own after the timed ones.
    var profilesOps: Bool
    /// Called before each timed run.
    var beforeTimedRun: () -> Void = {}

    struct Work {
        let session: Session
        let run: () throws -> Void
    }

    /// - Parameter report: told before each round, in words.
    /// - Returns: the figures of each piece of work, in their order.
    func run(_ works: [Work], _ report: (String) -> Void) throws -> [RunFigures] {
        var figures = works.map { _ in RunFigures() }
        var runCounts = works.map { _ in 1 }
        for round in 0..<warmUpCount + repeatCount {
            let isTimed = round >= warmUpCount
            report(
                isTimed
                    ? "repeat \(round + 1 - warmUpCount) of \(repeatCount)" : "warm-up \(round + 1) of \(warmUpCount)")
            for (index, work) in works.enumerated() {
                if isTimed, works.count > 1, runCounts[index] > 1 {
                    // Short work is not timed in the caches that other work left behind.
                    for _ in 0..<(runCounts[index] + 1) / 2 { try work.run() }
                }
                let seconds = try time(
                    work, &figures[index], isFirst: round == 0, isTimed: isTimed,
                    runCount: isTimed ? runCounts[index] : 1)
                if !isTimed { runCounts[index] = Self.runCount(of: seconds) }
            }
        }
        guard profilesOps else { return figures }
        for (index, work) in works.enumerated() {
            report("profile \(index + 1) of \(works.count)")
            try profile(work, &figures[index])
        }
        return figures
    }

    /// How many runs make a reading, where one takes so many seconds.
    static func runCount(of seconds: Double) -> Int {
        seconds > 0 ? max(1, Int(min(shortestReading / seconds, 1000))) : 1000
    }

    /// Counting the operations of the first run costs nothing that could be measured, should it be a timed one.
    /// - Returns: the seconds of a run.
    private func time(_ work: Work, _ figures: inout RunFigures, isFirst: Bool, isTimed: Bool, runCount: Int) throws
        -> Double
    {
        let counter = OperationCounter()
        if isFirst { work.session.observer = counter }
        if isTimed { beforeTimedRun() }
        PeakMemory.reset()
        let start = ContinuousClock.now
        for _ in 0..<runCount { try work.run() }
        let seconds = (ContinuousClock.now - start) / .seconds(1) / Double(runCount)
        figures.peakByteCount = max(figures.peakByteCount, PeakMemory.byteCount)
        if isFirst {
            work.session.observer = nil
            figures.operationCount = counter.operationCount
        }
        if isTimed { figures.samples.seconds.append(seconds) }
        return seconds
    }

    private func profile(_ work: Work, _ figures: inout RunFigures) throws {
        let profile = OpProfile()
        work.session.observer = profile
        for _ in 0..<repeatCount { try work.run() }
        work.session.observer = nil
        figures.ops = profile.entries
        figures.profiledRunCount = repeatCount
    }
}
