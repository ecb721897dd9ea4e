// SPDX-License-Identifier: MIT

/// How many cases ended in which way.
public struct StatusCounts: Sendable, Equatable {
    private var counts: [CaseStatus: Int] = [:]

    init(_ statuses: [CaseStatus]) {
        for status in statuses { counts[status, default: 0] += 1 }
    }

    /// Those that ended so; 0 where none did.
    public internal(set) subscript(_ status: CaseStatus) -> Int {
        get { counts[status] ?? 0 }
        set { counts[status] = newValue }
    }

    /// Whether any of them makes the run fail.
    public var hasErrors: Bool { counts.contains { $0.key.isError && $0.value > 0 } }

    /// The statuses to show: some always, the others where they occur.
    func shown(always: [CaseStatus]) -> [CaseStatus] {
        CaseStatus.allCases.filter { always.contains($0) || self[$0] > 0 }
    }

    /// "450 passed, 0 failed, 91 unsupported"
    func sentence(always: [CaseStatus]) -> String {
        shown(always: always).map { "\(self[$0]) \($0.plural)" }.joined(separator: ", ")
    }
}
