// SPDX-License-Identifier: MIT
import BeastCore
import Glibc
import Testing

@testable import Menagerie

@Suite struct TimedRoundsTests {
    private static func work(lasting microseconds: UInt32, _ count: @escaping () -> Void) throws -> TimedRounds.Work {
        let here = BackendDiscovery.ofThisProcess()
        let backend = try BackendDiscovery(searchPath: nil, executableFolder: here.executableFolder).choose(
            .named("reference", device: nil))
        return TimedRounds.Work(session: try backend.makeSession(threadCount: 1)) {
            count()
            usleep(microseconds)
        }
    }

    @Test func aReadingLastsAFifthOfASecond() {
        #expect(TimedRounds.runCount(of: 0.049) == 4)
        #expect(TimedRounds.runCount(of: 0.15) == 1)
        #expect(TimedRounds.runCount(of: 3) == 1)
        #expect(TimedRounds.runCount(of: 0) == 1000)
    }

    @Test func shortWorkIsRepeatedAndItsMeanCounts() throws {
        var runs = 0
        let work = try Self.work(lasting: 45_000) { runs += 1 }
        let figures = try TimedRounds(repeatCount: 2, warmUpCount: 1, profilesOps: false).run([work]) { _ in }[0]
        // A busy machine may let it sleep longer, which makes fewer runs a reading.
        #expect((3...9).contains(runs))
        #expect(figures.samples.seconds.count == 2)
        #expect(figures.samples.seconds.allSatisfy { $0 >= 0.045 })
    }

    @Test func shortWorkRunsForHalfAReadingUntimedWhereOtherWorkHadItsTurn() throws {
        var runs: [String] = []
        let short = try Self.work(lasting: 45_000) { runs.append("short") }
        let long = try Self.work(lasting: 250_000) { runs.append("long") }
        let rounds = TimedRounds(repeatCount: 1, warmUpCount: 1, profilesOps: false)
        _ = try rounds.run([short, long]) { _ in }
        #expect(runs.filter { $0 == "long" }.count == 2)
        #expect(runs.prefix(2) == ["short", "long"] && runs.last == "long")
        // 1 to warm up, 2 untimed, 4 timed, or fewer on a busy machine.
        #expect((2...7).contains(runs.filter { $0 == "short" }.count))
    }
}
