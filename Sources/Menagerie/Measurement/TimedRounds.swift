// SPDX-License-Identifier: MIT
internal import BeastCore

/// Times several pieces of work in rounds, each piece once a round, so that what else happens on the machine hits all of
/// them alike.
struct TimedRounds {
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
        for round in 0..<warmUpCount + repeatCount {
            let isTimed = round >= warmUpCount
            report(
                isTimed
                    ? "repeat \(round + 1 - warmUpCount) of \(repeatCount)" : "warm-up \(round + 1) of \(warmUpCount)")
            for (index, work) in works.enumerated() {
                try time(work, &figures[index], isFirst: round == 0, isTimed: isTimed)
            }
        }
        guard profilesOps else { return figures }
        for (index, work) in works.enumerated() {
            report("profile \(index + 1) of \(works.count)")
            try profile(work, &figures[index])
        }
        return figures
    }

    /// Counting the operations of the first run costs nothing that could be measured, should it be a timed one.
    private func time(_ work: Work, _ figures: inout RunFigures, isFirst: Bool, isTimed: Bool) throws {
        let counter = OperationCounter()
        if isFirst { work.session.observer = counter }
        if isTimed { beforeTimedRun() }
        PeakMemory.reset()
        let start = ContinuousClock.now
        try work.run()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        figures.peakByteCount = max(figures.peakByteCount, PeakMemory.byteCount)
        if isFirst {
            work.session.observer = nil
            figures.operationCount = counter.operationCount
        }
        if isTimed { figures.samples.seconds.append(seconds) }
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
