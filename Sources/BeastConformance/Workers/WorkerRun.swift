// SPDX-License-Identifier: MIT

/// Runs cases in workers, one after the other: after a crash or a hang the next case gets a new worker.
struct WorkerRun {
    /// A case to run.
    struct Task {
        var index: Int
        var limit: Duration
        /// Cases of one group are alike; where several of it hang, the rest is not waited for.
        var group: String
        /// Whether it gets a process that has run nothing else, and may use little memory.
        var isDamagedInput = false
    }

    /// What a run gives for a case.
    enum Outcome {
        case answered(WorkerMessage.Answer)
        case lost(Worker.Loss)
    }

    /// After this many workers in a row that did not get ready there is no other.
    private static let startLimit = 3
    /// After this many hangs in a row within one group the others of the group count as hung too.
    private static let hangLimit = 3
    /// What a damaged file may cost beyond what a worker needs that ran nothing.
    static let damagedInputMemory = 256 << 20

    let command: WorkerCommand
    let names: [String]
    /// Whether each case gets a process of its own.
    let isIsolating: Bool
    let startLimit: Duration

    /// What the first worker said of itself; nil where none got ready.
    private(set) var announcement: WorkerMessage.Ready?
    /// Processes that were started.
    private(set) var workerCount = 0
    private var baseline: Int?

    init(command: WorkerCommand, names: [String], isIsolating: Bool, startLimit: Duration) {
        self.command = command
        self.names = names
        self.isIsolating = isIsolating
        self.startLimit = startLimit
    }

    /// Runs the cases in order.
    /// - Parameter book: called with every case and what became of it.
    /// - Returns: nil when every case was run; otherwise why no worker gets ready any more, and how many cases are left.
    mutating func run(
        _ tasks: [Task], willStart: (Task) -> Void = { _ in }, book: (Task, Outcome) -> Void
    ) -> (loss: Worker.Loss, left: Int)? {
        var worker: Worker?
        var hangs: (group: String, count: Int) = ("", 0)
        for (position, task) in tasks.enumerated() {
            if hangs.group != task.group { hangs = (task.group, 0) }
            guard hangs.count < Self.hangLimit else {
                let message = "not waited for, since the \(hangs.count) cases of \(task.group) before it hung"
                book(task, .lost(Worker.Loss(kind: .hang, message: message)))
                continue
            }
            if isIsolating || task.isDamagedInput { worker = nil }
            do throws(Worker.Loss) {
                let current: Worker
                if let worker { current = worker } else { current = try startPatiently() }
                if announcement == nil { announcement = current.announcement }
                if task.isDamagedInput, baseline == nil { baseline = current.residentPeak }
                worker = current
            } catch {
                return (error, tasks.count - position)
            }
            guard let current = worker else { continue }
            willStart(task)
            do throws(Worker.Loss) {
                let memoryLimit = task.isDamagedInput ? baseline.map { $0 + Self.damagedInputMemory } : nil
                book(task, .answered(try current.run(task.index, limit: task.limit, memoryLimit: memoryLimit)))
                hangs.count = 0
                if task.isDamagedInput { worker = nil }
            } catch {
                hangs.count = error.kind == .hang ? hangs.count + 1 : 0
                book(task, .lost(error))
                worker = nil
            }
        }
        return nil
    }

    /// A worker that is ready; one that refuses or hangs does so the next time too, one that
    /// crashes may not.
    private mutating func startPatiently() throws(Worker.Loss) -> Worker {
        var attempts = 0
        while true {
            do throws(Worker.Loss) {
                workerCount += 1
                return try Worker(command, names: names, limit: startLimit)
            } catch {
                attempts += 1
                if error.kind != .crash { throw error }
                if attempts == Self.startLimit {
                    throw Worker.Loss(
                        kind: error.kind, message: "\(attempts) workers in a row did not get ready: \(error.message)")
                }
            }
        }
    }
}
