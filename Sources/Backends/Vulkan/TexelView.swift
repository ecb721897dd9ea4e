// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// A view as a kernel reads it through a texel buffer, which spans the whole block of memory that the view lies in.
struct TexelView {
    let allocation: Allocation
    /// Bytes that are read, from the start of the piece.
    let range: Range<Int>
    /// The view's first element, counted from the start of the block.
    let offset: Int
    let dtype: DType

    /// - Returns: nil where the memory has no texel buffers, or none for this type.
    init?(_ allocation: Allocation, byteOffset: Int, byteCount: Int, dtype: DType) {
        guard allocation.texels.contains(dtype) else { return nil }
        self.allocation = allocation
        self.dtype = dtype
        range = byteOffset..<max(byteOffset + byteCount, byteOffset + 4)
        offset = (allocation.offset + byteOffset) / dtype.byteCount
    }

    /// The texel buffer that gives one element at a time, or four.
    func handle(byFour: Bool) -> UInt64 { allocation.texels.handle(dtype, byFour: byFour) }

    /// Whether fours may be fetched where rows begin at these steps.
    func isAligned(_ steps: [Int]) -> Bool { offset.isMultiple(of: 4) && steps.allSatisfy { $0.isMultiple(of: 4) } }
}

/// The texel buffers of a block of memory.
struct BlockTexels {
    private let handles: (UInt64, UInt64, UInt64, UInt64)

    static let none = BlockTexels((0, 0, 0, 0))

    /// - Parameter handles: by `enum vulkan_texel`.
    init(_ handles: (UInt64, UInt64, UInt64, UInt64)) { self.handles = handles }

    func contains(_ dtype: DType) -> Bool {
        handle(dtype, byFour: false) != 0 && handle(dtype, byFour: true) != 0
    }

    func handle(_ dtype: DType, byFour: Bool) -> UInt64 {
        switch (dtype.byteCount, byFour) {
        case (4, false): handles.0
        case (4, true): handles.1
        case (2, false): handles.2
        case (2, true): handles.3
        default: 0
        }
    }
}

/// What a kernel reads through a texel buffer, and how.
struct TexelBinding {
    let view: TexelView
    let byFour: Bool
}

extension VulkanBackend {
    /// - Returns: nil where this view cannot be read so.
    func texels(_ view: TensorView) throws(BackendError) -> TexelView? {
        guard device.usesTexels else { return nil }
        let size = view.dtype.byteCount
        let allocation = try allocation(view.buffer)
        let end = (view.elementLimit ?? 0) * size
        guard end <= allocation.byteCount else { return nil }
        return TexelView(
            allocation, byteOffset: view.offset * size, byteCount: end - view.offset * size, dtype: view.dtype)
    }

    func texels(_ weight: VulkanWeight) -> TexelView? {
        guard device.usesTexels else { return nil }
        return TexelView(weight.allocation, byteOffset: 0, byteCount: weight.byteCount, dtype: weight.dtype)
    }
}
