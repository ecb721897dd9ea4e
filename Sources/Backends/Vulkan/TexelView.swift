// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// A view as a kernel reads it through a texel buffer.
struct TexelView {
    let allocation: Allocation
    /// The bytes that are bound, from the start of the piece.
    let range: Range<Int>
    /// The view's first element, counted from the first that is bound.
    let offset: Int
    let dtype: DType

    /// - Parameter limit: elements that a texel buffer may have.
    /// - Returns: nil for elements that none has, and for more than one may have.
    init?(_ allocation: Allocation, byteOffset: Int, byteCount: Int, dtype: DType, limit: Int) {
        let size = dtype.byteCount
        guard size > 1, byteOffset <= allocation.byteCount - 16 else { return nil }
        let start = byteOffset / MemoryPool.alignment * MemoryPool.alignment
        // Four elements are fetched also where fewer are left.
        let end = min(allocation.byteCount, max(start + 16, (byteOffset + byteCount + 15) / 16 * 16))
        guard (end - start) / size <= min(limit, 1 << 28) else { return nil }
        self.allocation = allocation
        self.dtype = dtype
        range = start..<end
        offset = (byteOffset - start) / size
    }

    /// The kind of texel buffer that gives one element at a time, or four.
    func kind(byFour: Bool) -> vulkan_texel {
        dtype.byteCount == 4
            ? byFour ? VULKAN_TEXEL_32X4 : VULKAN_TEXEL_32 : byFour ? VULKAN_TEXEL_16X4 : VULKAN_TEXEL_16
    }

    /// Whether fours may be fetched where rows begin at these steps.
    func isAligned(_ steps: [Int]) -> Bool { offset.isMultiple(of: 4) && steps.allSatisfy { $0.isMultiple(of: 4) } }
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
            allocation, byteOffset: view.offset * size, byteCount: max(0, end - view.offset * size), dtype: view.dtype,
            limit: device.description.texelLimit)
    }

    func texels(_ weight: VulkanWeight) -> TexelView? {
        guard device.usesTexels else { return nil }
        return TexelView(
            weight.allocation, byteOffset: 0, byteCount: weight.byteCount, dtype: weight.dtype,
            limit: device.description.texelLimit)
    }
}
