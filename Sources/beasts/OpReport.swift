// SPDX-License-Identifier: MIT
import BeastCore
import Menagerie

/// A profile of the ops of one run, as a table and for JSON.
struct OpReport {
    let figures: RunFigures
    /// Operations a second that the machine can do; nil where that was not measured.
    var limit: Double?

    /// One op with one shape.
    struct Item: Encodable {
        let op: String
        let shape: String
        let calls: Int
        let seconds: Double
        let share: Double
        let operations: Double
        let fractionOfLimit: Double?

        /// Operations a second.
        fileprivate var rate: Double? { operations > 0 && seconds > 0 ? operations / seconds : nil }
    }

    var items: [Item] {
        let total = figures.ops.reduce(0) { $0 + $1.seconds }
        let runs = max(1, figures.profiledRunCount)
        return figures.ops.map { op in
            let rate = op.operationCount > 0 && op.seconds > 0 ? op.operationCount / op.seconds : nil
            return Item(
                op: op.op.name, shape: op.shape, calls: op.callCount / runs, seconds: op.seconds / Double(runs),
                share: total > 0 ? op.seconds / total : 0, operations: op.operationCount / Double(runs),
                fractionOfLimit: rate.flatMap { rate in limit.flatMap { $0 > 0 ? rate / $0 : nil } })
        }
    }

    /// With a line of names.
    var table: [[String]] {
        [["op", "shape", "calls", "ms", "share", "GFLOP/s", "of limit"]]
            + items.map { item in
                [
                    item.op, item.shape, "\(item.calls)", thousandths(item.seconds * 1000),
                    "\(tenths(100 * item.share)) %", item.rate.map { tenths($0 / 1e9) } ?? "-",
                    item.fractionOfLimit.map(thousandths) ?? "-",
                ]
            }
    }
}
