// SPDX-License-Identifier: MIT
internal import BeastCore

/// Axes that several views of one shape share, with the views' strides: those of extent 1 left out, and neighbours that
/// every view walks as one made one.
struct Axes {
    private(set) var extents: [Int] = []
    /// For each axis, the stride of each view.
    private(set) var strides: [[Int]] = []
    let viewCount: Int

    /// - Parameter views: each of at least the rank of `shape`; axes beyond that are left out.
    init(_ shape: Shape, _ views: [Shape]) {
        viewCount = views.count
        for axis in 0..<shape.rank where shape[axis] != 1 {
            let steps = views.map { $0[axis] }
            if let last = strides.last, zip(last, steps).allSatisfy({ $0 == $1 * shape[axis] }) {
                extents[extents.count - 1] *= shape[axis]
                strides[strides.count - 1] = steps
            } else {
                extents.append(shape[axis])
                strides.append(steps)
            }
        }
    }

    var count: Int { extents.reduce(1, *) }
    var rank: Int { extents.count }

    /// The extents with ones in front, `rank` of them.
    func extents(_ rank: Int) -> [Int] { Array(repeating: 1, count: rank - extents.count) + extents }

    /// The strides of a view with zeros in front, `rank` of them.
    func strides(_ view: Int, _ rank: Int) -> [Int] {
        Array(repeating: 0, count: rank - extents.count) + strides.map { $0[view] }
    }

    /// The axes but the last.
    func droppingLast() -> Axes {
        var rest = self
        rest.extents.removeLast()
        rest.strides.removeLast()
        return rest
    }

    /// Walks the axes in front until at most `rank` are left, and lends these with the offset of each view.
    func split(toRank rank: Int, _ body: (Axes, [Int]) throws(BackendError) -> Void) throws(BackendError) {
        try split(toRank: rank, offsets: [Int](repeating: 0, count: viewCount), body)
    }

    private func split(
        toRank rank: Int, offsets: [Int], _ body: (Axes, [Int]) throws(BackendError) -> Void
    ) throws(BackendError) {
        guard extents.count > rank else { return try body(self, offsets) }
        var rest = self
        rest.extents.removeFirst()
        let steps = rest.strides.removeFirst()
        for index in 0..<extents[0] {
            try rest.split(toRank: rank, offsets: zip(offsets, steps).map { $0 + index * $1 }, body)
        }
    }
}
