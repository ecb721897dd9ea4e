// SPDX-License-Identifier: MIT

/// How an operand lies in its buffer: as if it were sliced out of something larger, permuted or repeated.
struct Layout: Sendable, Equatable {
    /// Elements left free in front, beside the guard: moves the view off every alignment.
    var offset = 0
    /// Elements left free after each run of the innermost axis in memory.
    var gap = 0
    /// Elements left free after each run of the axis outside the innermost one.
    var planeGap = 0
    /// Distance of neighbours on the innermost axis; other than 1 for fill and copy only.
    var step = 1
    /// The axes from the outermost to the innermost in memory; nil is their own order.
    var order: [Int]?
    /// Axes of stride 0: the same elements for every index. For inputs only.
    var repeated: Set<Int> = []

    static let dense = Layout()
    /// Rows sliced out of wider ones, the first not at the start of the buffer.
    static let sliced = Layout(offset: 3, gap: 5, planeGap: 7)
    static func offset(_ elements: Int) -> Layout { Layout(offset: elements) }
    static func permuted(_ order: Int..., offset: Int = 0) -> Layout { Layout(offset: offset, order: order) }
    static func repeated(_ axes: Int...) -> Layout { Layout(repeated: Set(axes)) }

    /// The strides of a view of `shape`, in elements.
    func strides(of shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 0, count: shape.count)
        var distance = step
        var level = 0
        for axis in (order ?? Array(shape.indices)).reversed() where !repeated.contains(axis) {
            strides[axis] = distance
            distance = distance * max(1, shape[axis]) + (level == 0 ? gap : level == 1 ? planeGap : 0)
            level += 1
        }
        return strides
    }

    /// For parameter strings; empty when dense.
    var text: String {
        var parts: [String] = []
        if offset > 0 { parts.append("offset \(offset)") }
        if gap > 0 || planeGap > 0 { parts.append("gaps \(gap) \(planeGap)") }
        if step != 1 { parts.append("step \(step)") }
        if let order { parts.append("memory order \(order)") }
        if !repeated.isEmpty { parts.append("repeated \(repeated.sorted())") }
        return parts.isEmpty ? "" : "(" + parts.joined(separator: ", ") + ")"
    }
}
