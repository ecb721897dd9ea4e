// SPDX-License-Identifier: MIT
import Foundation
import Testing

/// Hostile files cost little, whatever they hold.
///
/// BEASTS_RELEASE_PROGRAM names a program that was built with optimisation: then the files have their full size, and a
/// second and 256 MiB are the bounds. Otherwise the files are small, since the program beside the tests is slow.
@Suite(.serialized) struct FloodTests {
    private let folder: TemporaryFolder
    private static let optimized = ProcessInfo.processInfo.environment["BEASTS_RELEASE_PROGRAM"]

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: Flood.all)
    func `A flood ends soon and within bounds`(flood: Flood) throws {
        let program = Self.optimized.map(Program.init) ?? .built
        try folder.write(flood.make(Self.optimized == nil ? 1 << 19 : 60 << 20), to: "flood")
        let start = ContinuousClock.now
        let outcome = try program.run(["inspect", "flood"], in: folder)
        let time = ContinuousClock.now - start
        #expect([0, 5, 65].contains(outcome.exitCode), "\(outcome.errors)")
        #expect(outcome.output.utf8.count < 100_000)
        #expect(time < (Self.optimized == nil ? .seconds(60) : .seconds(1)), "\(outcome.errors)")
        // A run that prints the version has some 14 MiB.
        #expect(outcome.peakMemory < (14 + 256) << 20, "\(outcome.peakMemory >> 20) MiB: \(outcome.errors)")
        if Self.optimized != nil {
            print("flood: \(flood.name): \(time), \(outcome.peakMemory >> 20) MiB, exit code \(outcome.exitCode)")
        }
    }
}
