// SPDX-License-Identifier: MIT

/// What a checkpoint holds, row by row as a tree is printed, and its tensors.
///
/// All text is safe to print: control characters are escaped. A container that occurs more than once is unfolded where
/// it is met first and referred to after that, so an outline is never larger than the file justifies and cycles end.
public struct Outline: Sendable {
    /// How much is shown.
    public struct Limits: Sendable {
        /// Levels of containers below the top.
        public var depth: Int
        /// Items of each container.
        public var items: Int
        /// Rows in all.
        public var rows: Int
        /// Tensors in the list of tensors.
        public var tensors: Int
        /// Characters of each text.
        public var characters: Int

        /// What fits a few screens.
        public static let standard = Limits(depth: 4, items: 24, rows: 240, tensors: 120, characters: 120)
        /// Everything.
        public static let none = Limits(depth: .max, items: .max, rows: .max, tensors: .max, characters: .max)
    }

    /// One value, or a remark on values that are left out.
    public struct Row: Sendable {
        /// 0 for the top level.
        public let depth: Int
        /// The key, field or `[index]` under which the container holds it; empty at the top.
        public let key: String
        /// The kind with an article, such as `a dictionary`; empty for a remark.
        public let kind: String
        /// The value of a leaf; size and peculiarities of a container.
        public let text: String
        /// Whether rows below this one are its content.
        public let isContainer: Bool
    }

    /// A tensor under its place in the tree.
    public struct Tensor: Sendable {
        /// The keys that lead to it, joined with ` / `.
        public let name: String
        /// Type, sizes and strides.
        public let description: TensorDescription

        /// What the elements would occupy one by one, nil where their size is unknown.
        public var byteCount: Int? {
            guard let bits = description.elementType.bitCount else { return nil }
            // The number of elements was checked to leave room for 16 bytes each.
            return (description.elementCount * bits + 7) / 8
        }
    }

    /// The tree in the order in which it is printed.
    public internal(set) var rows: [Row] = []
    /// The first tensors, in the same order.
    public internal(set) var tensors: [Tensor] = []
    /// All tensors, listed or not.
    public internal(set) var tensorCount = 0
}

extension Checkpoint {
    /// Unfolds the checkpoint for reading. No tensor data is read.
    ///
    /// - Complexity: linear in the number of values, whatever the limits.
    public func outline(_ limits: Outline.Limits = .standard) -> Outline {
        var builder = OutlineBuilder(graph: graph, limits: limits)
        builder.add(tree)
        return builder.outline
    }
}
