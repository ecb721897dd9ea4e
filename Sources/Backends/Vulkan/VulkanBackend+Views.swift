// SPDX-License-Identifier: MIT
internal import BeastCore

/// A view as a kernel gets it: a bound range, and where in it the view begins.
struct BoundView {
    let binding: Binding
    /// In elements.
    let offset: Int
}

/// The work groups of kernels that reduce rows.
struct RowGroup {
    let group: Int
    /// Invocations that share a row: one or all.
    let lanes: Int

    static let shared = RowGroup(group: 128, lanes: 128)
    /// Mesa's software device ends all loops of an invocation after 65,535 turns, and a row is gone through thrice.
    static let longestRow = 20_000
}

extension VulkanBackend {
    /// Kernels of one row to an invocation and without shared memory.
    var isRegister: Bool { device.form == .register }

    /// Invocations of a work group that treats elements one by one.
    var elementGroup: Int { device.description.isSoftware ? 64 : 256 }

    /// Who reduces rows of so many elements.
    func rowGroup(columns: Int) -> RowGroup {
        isRegister && columns <= RowGroup.longestRow ? RowGroup(group: laneCount, lanes: 1) : .shared
    }

    /// Work groups for a number of rows.
    func rowGrid(_ rows: Int, _ rowGroup: RowGroup) -> (Int, Int, Int) {
        rowGroup.lanes == 1 ? grid(rows, by: rowGroup.group) : grid(rows)
    }

    func bind(_ view: TensorView, isWritten: Bool = false) throws(BackendError) -> BoundView {
        let size = view.dtype.byteCount
        let alignment = MemoryPool.alignment
        let start = view.offset * size / alignment * alignment
        let end = max(start + 4, ((view.elementLimit ?? 0) * size + 3) / 4 * 4)
        let allocation = try allocation(view.buffer)
        guard end <= allocation.byteCount else {
            // Only a view without elements can lie behind the end.
            return BoundView(
                binding: Binding(allocation: allocation, range: 0..<4, isWritten: isWritten), offset: 0)
        }
        return BoundView(
            binding: Binding(allocation: allocation, range: start..<end, isWritten: isWritten),
            offset: view.offset - start / size)
    }

    func bind(_ view: TensorView?, else other: BoundView) throws(BackendError) -> BoundView {
        guard let view else {
            return BoundView(
                binding: Binding(
                    allocation: other.binding.allocation, range: other.binding.range, isWritten: false), offset: 0)
        }
        return try bind(view)
    }

    /// All of a piece of memory.
    func bind(_ allocation: Allocation, byteCount: Int, isWritten: Bool = false) -> Binding {
        Binding(allocation: allocation, range: 0..<max(4, (byteCount + 3) / 4 * 4), isWritten: isWritten)
    }

    /// Work groups for `count` of them: along the first axis, and along the second what is too many for one.
    func grid(_ count: Int, by group: Int = 1) -> (Int, Int, Int) {
        let groups = (count + group - 1) / group
        let limit = device.description.groupLimits.x
        if groups <= limit { return (max(1, groups), 1, 1) }
        let lines = (groups + limit - 1) / limit
        return ((groups + lines - 1) / lines, lines, 1)
    }

    /// Bytes from a view's first element to its last.
    func byteReach(_ view: TensorView) -> Int {
        guard let end = view.elementLimit, end > 0 else { return 0 }
        return (end - view.offset) * view.dtype.byteCount
    }

    /// Whether a view is more than a kernel can see of a buffer.
    func isTooLarge(_ view: TensorView) -> Bool {
        byteReach(view) > device.storageRange - MemoryPool.alignment - 4
    }

    /// Runs `body` on the views, or on halves of them where one is more than a kernel can see of a buffer.
    /// - Parameter axes: those along which all views may be cut at the same place.
    func split(
        _ views: [TensorView], along axes: Range<Int>, _ body: ([TensorView]) throws(BackendError) -> Void
    ) throws(BackendError) {
        guard let large = views.first(where: isTooLarge) else { return try body(views) }
        let candidates = axes.filter { large.shape[$0] > 1 && large.strides[$0] > 0 }
        func span(_ axis: Int) -> Int { large.strides[axis] * (large.shape[axis] - 1) }
        guard let axis = candidates.max(by: { span($0) < span($1) }) else {
            throw BackendError(
                .unsupported,
                "a view \(large.shape) of \(byteReach(large)) bytes cannot be cut, and \(device.description.name) lets a "
                    + "kernel see \(device.storageRange) of a buffer")
        }
        let extent = large.shape[axis]
        for half in [0..<extent / 2, extent / 2..<extent] {
            try split(views.map { $0.slice(axis, half) }, along: axes, body)
        }
    }
}
