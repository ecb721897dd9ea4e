internal import BeastMedia
// SPDX-License-Identifier: MIT
internal import BeastThreads

/// Pictures read and prepared ahead on threads of their own, given out in the order of their paths.
///
/// At most `capacity` pictures are prepared or in preparation at any moment, so memory depends on the capacity and not on
/// how many there are.
final class PictureStream: @unchecked Sendable {
    /// The numbers of one picture, or why there are none.
    typealias Prepared = Result<[Float], MediaError>

    // Sendable because everything that changes is touched under the monitor only.
    private let monitor = Monitor()
    private let paths: [String]
    private let capacity: Int
    private let prepare: @Sendable (String) -> Prepared
    private var slots: [Prepared?]
    private var nextToPrepare = 0
    private var nextToGive = 0
    private var runningThreads = 0
    private var isCancelled = false

    /// - Parameters:
    ///   - threadCount: how many pictures are read at the same time.
    ///   - capacity: how many may be ready ahead.
    ///   - prepare: reads one picture; called on several threads.
    init(paths: [String], threadCount: Int, capacity: Int, prepare: @escaping @Sendable (String) -> Prepared) throws {
        self.paths = paths
        self.capacity = max(1, capacity)
        self.prepare = prepare
        slots = Array(repeating: nil, count: self.capacity)
        for _ in 0..<max(1, min(threadCount, paths.count)) {
            monitor.locked { runningThreads += 1 }
            guard startThread({ self.work() }) else {
                monitor.locked { runningThreads -= 1 }
                if monitor.locked({ runningThreads }) > 0 { break }
                throw MenagerieError(.internal, "no thread could be started to read pictures")
            }
        }
    }

    private func work() {
        while let index = takeWork() {
            let prepared = prepare(paths[index])
            monitor.locked { slots[index % capacity] = prepared }
        }
        monitor.locked { runningThreads -= 1 }
    }

    private func takeWork() -> Int? {
        monitor.when({ isCancelled || nextToPrepare >= paths.count || nextToPrepare < nextToGive + capacity }) {
            guard !isCancelled, nextToPrepare < paths.count else { return nil }
            nextToPrepare += 1
            return nextToPrepare - 1
        }
    }

    /// The next picture in order, nil after the last. Waits until it is ready.
    func next() -> (path: String, prepared: Prepared)? {
        guard monitor.locked({ nextToGive < paths.count }) else { return nil }
        return monitor.when({ slots[nextToGive % capacity] != nil }) {
            guard let prepared = slots[nextToGive % capacity] else { return nil }
            slots[nextToGive % capacity] = nil
            nextToGive += 1
            return (paths[nextToGive - 1], prepared)
        }
    }

    /// Ends the threads and waits for them.
    func cancel() {
        monitor.locked { isCancelled = true }
        monitor.when({ runningThreads == 0 }) {}
    }
}
