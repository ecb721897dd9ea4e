// SPDX-License-Identifier: MIT
public import BeastCore
public import CPUKernels

/// The prepared weights of a context.
public final class CPUWeights {
    /// A weight as the kernels want it.
    public struct Weight {
        /// How its elements lie.
        public enum Layout {
            /// Row-major.
            case dense
            /// Packed by `pack_weight`, each group for itself in this many bytes.
            case panels(groupByteCount: Int)
            /// Packed by `pack_groups`.
            case groups
            /// Packed by `pack_group_pairs`.
            case groupPairs
            /// Packed by `pack_quads`.
            case quads
        }
        public let address: UnsafeMutableRawPointer
        public let layout: Layout
        /// linear: [N, K]. conv2d: [output channels, kernel height, kernel width, input channels / groups].
        public let shape: Shape

        init(address: UnsafeMutableRawPointer, layout: Layout, shape: Shape) {
            self.address = address
            self.layout = layout
            self.shape = shape
        }

        /// The kernel of a 1 × 1 convolution in float32 panels without padding; nil for others.
        public init?(pointwise panels: WeightPanels) {
            guard panels.dtype == .float32, panels.paddedInner == panels.inner else { return nil }
            self.init(
                address: UnsafeMutableRawPointer(mutating: panels.address), layout: .panels(groupByteCount: 0),
                shape: [panels.columns, 1, 1, panels.inner])
        }
    }

    private let memory: HostMemory
    private var weights: [BufferHandle: Weight] = [:]

    init(memory: HostMemory) { self.memory = memory }

    /// - Throws: `invalidArgument` for a handle that is no weight.
    public subscript(handle: BufferHandle) -> Weight {
        get throws(BackendError) {
            guard let weight = weights[handle] else { throw BackendError(.invalidArgument, "no such weight") }
            return weight
        }
    }

    public func release(_ handle: BufferHandle) {
        weights[handle] = nil
        memory.release(handle)
    }

    /// Packs matrices and convolution kernels for the products of `kernels`; everything else stays dense.
    /// - Throws: `unsupported` for other targets than float32 and for convolutions of three dimensions, `outOfMemory`.
    public func prepare(_ description: WeightDescription, packing kernels: cpu_kernels, on threads: CPUThreads)
        throws(BackendError) -> PreparedWeight
    {
        switch description.kind {
        case .linear: try prepareMatrix(description, kernels, threads)
        case .conv2d: try prepareConvolution(description, kernels, threads)
        default: try prepareDense(description)
        }
    }

    /// Keeps a weight row-major, its parts one behind the other; kernels of convolutions channels last.
    /// - Throws: as ``prepare(_:packing:on:)``.
    public func prepareDense(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        let shape = try checkedShape(description)
        let handle = try allocate(elements: shape.elementCount)
        fill(memory.floats(handle), with: description)
        return keep(handle, .dense, shape, byteCount: shape.elementCount * 4)
    }

    /// Rounds a matrix to int8, a scale for each row, and packs it for products of quads.
    /// - Throws: `outOfMemory`; `unsupported` for more than 65536 columns.
    public func prepareQuads(_ description: WeightDescription, packing kernels: cpu_kernels, on threads: CPUThreads)
        throws(BackendError) -> PreparedWeight
    {
        let whole = description.shape
        let shape: Shape = [whole[0], whole.elementCount / max(1, whole[0])]
        // Sums of products of bytes must fit 32 bits.
        guard shape[1] <= 1 << 16 else {
            throw BackendError(.unsupported, "int8 rows of \(shape[1]) elements: this backend sums 65536 at most")
        }
        let dense = try prepareDense(WeightDescription(kind: .linear, parts: description.parts))
        defer { release(dense.handle) }
        let byteCount = kernels.quads_byte_count(Int64(shape[0]), Int64(shape[1]))
        let handle = try memory.allocatePacked(byteCount: byteCount)
        let (source, target) = (memory.floats(dense.handle), memory.address(handle))
        let width = Int(kernels.panel_width)
        threads.split((shape[0] + width - 1) / width, work: width * max(1, shape[1])) { _, panels in
            kernels.pack_quads(
                target, source, Int64(shape[1]), Int64(shape[0]), Int64(shape[1]), Int64(panels.lowerBound * width),
                Int64(min(panels.upperBound * width, shape[0])))
        }
        return keep(handle, .quads, shape, byteCount: byteCount)
    }

    /// Rounds the kernel of a convolution in groups to bfloat16 and packs it for products of pairs.
    /// - Returns: nil where `kernels` do not take it.
    /// - Throws: `outOfMemory`.
    public func prepareGroupPairs(_ description: WeightDescription, packing kernels: cpu_kernels)
        throws(BackendError) -> PreparedWeight?
    {
        let parts = WeightDescription(kind: .conv2d, groups: description.groups, parts: description.parts)
        let shape = try checkedShape(parts)
        let (outputs, taps, group) = (Int64(shape[0]), Int64(shape[1] * shape[2]), Int64(shape[3]))
        guard description.groups > 1, shape[0] == shape[3] * description.groups,
            let blocks = kernels.group_pair_blocks, blocks(outputs, group) > 0
        else { return nil }
        let byteCount = kernels.group_pairs_packed_byte_count(outputs, taps, group)
        let handle = try memory.allocatePacked(byteCount: byteCount)
        do throws(BackendError) {
            try withDense(parts, shape) { kernels.pack_group_pairs(memory.address(handle), $0, outputs, taps, group) }
        } catch {
            memory.release(handle)
            throw error
        }
        return keep(handle, .groupPairs, shape, byteCount: byteCount)
    }

    // MARK: - Packing

    private func prepareMatrix(_ description: WeightDescription, _ kernels: cpu_kernels, _ threads: CPUThreads)
        throws(BackendError) -> PreparedWeight
    {
        let whole = try checkedShape(description)
        let shape: Shape = [whole[0], whole.rank == 0 ? 1 : whole.elementCount / max(1, whole[0])]
        let byteCount = kernels.packed_byte_count(Int64(shape[0]), Int64(shape[1]))
        let handle = try memory.allocatePacked(byteCount: byteCount)
        let packer = PanelPacker(kernels: kernels, threads: threads, columns: shape[0], inner: shape[1])
        let target = memory.floats(handle)
        if let rows = packer.rows(of: description.parts) {
            for part in rows { packer.pack(part.address, stride: part.stride, part.columns, into: target) }
        } else {
            do throws(BackendError) {
                try withDense(description, shape) { packer.pack($0, stride: shape[1], 0..<shape[0], into: target) }
            } catch {
                memory.release(handle)
                throw error
            }
        }
        return keep(handle, .panels(groupByteCount: byteCount), shape, byteCount: byteCount)
    }

    private func prepareConvolution(_ description: WeightDescription, _ kernels: cpu_kernels, _ threads: CPUThreads)
        throws(BackendError) -> PreparedWeight
    {
        let shape = try checkedShape(description)
        let (outputs, group) = (shape[0], shape[3])
        let (taps, columns) = (shape[1] * shape[2], outputs / description.groups)
        let takesGroups =
            description.groups > 1 && columns == group && kernels.group_blocks(Int64(outputs), Int64(group)) > 0
        let groupByteCount =
            takesGroups
            ? kernels.group_packed_byte_count(Int64(outputs), Int64(taps), Int64(group))
            : kernels.packed_byte_count(Int64(columns), Int64(taps * group))
        let (byteCount, overflow) = groupByteCount.multipliedReportingOverflow(by: takesGroups ? 1 : description.groups)
        guard !overflow else { throw BackendError(.outOfMemory, "a weight of shape \(description.shape)") }
        let handle = try memory.allocatePacked(byteCount: byteCount)
        let target = memory.floats(handle)
        do throws(BackendError) {
            try withDense(description, shape) { source in
                if takesGroups {
                    return kernels.pack_groups(target, source, Int64(outputs), Int64(taps), Int64(group))
                }
                let packer = PanelPacker(kernels: kernels, threads: threads, columns: columns, inner: taps * group)
                for number in 0..<description.groups {
                    packer.pack(
                        source + number * columns * taps * group, stride: taps * group, 0..<columns,
                        into: target + number * groupByteCount / 4)
                }
            }
        } catch {
            memory.release(handle)
            throw error
        }
        return keep(
            handle, takesGroups ? .groups : .panels(groupByteCount: groupByteCount), shape, byteCount: byteCount)
    }

    // MARK: - Pieces

    /// The shape that the elements will have, when everything about the description is possible here.
    private func checkedShape(_ description: WeightDescription) throws(BackendError) -> Shape {
        guard description.target == .float32 else {
            throw BackendError(.unsupported, "weights of type \(description.target): this backend keeps float32 only")
        }
        if description.kind == .conv3d || description.kind == .convTranspose3d {
            throw BackendError(.unsupported, "\(description.kind) weights: this backend leaves that op to be composed")
        }
        let shape = description.shape
        return description.kind == .conv2d ? [shape[0], shape[2], shape[3], shape[1]] : shape
    }

    private func allocate(elements: Int) throws(BackendError) -> BufferHandle {
        let (byteCount, overflow) = elements.multipliedReportingOverflow(by: 4)
        guard !overflow else { throw BackendError(.outOfMemory, "a weight of \(elements) elements") }
        return try memory.allocate(byteCount: byteCount)
    }

    private func fill(_ target: UnsafeMutablePointer<Float>, with description: WeightDescription) {
        var position = 0
        for part in description.parts {
            // Channels last, as pictures have them.
            let part = description.kind == .conv2d ? part.permuted([0, 2, 3, 1]) : part
            position += part.copyElements(to: target + position)
        }
    }

    /// Lends the elements in row-major order for the length of a call.
    private func withDense(_ description: WeightDescription, _ shape: Shape, _ body: (UnsafePointer<Float>) -> Void)
        throws(BackendError)
    {
        let handle = try allocate(elements: shape.elementCount)
        fill(memory.floats(handle), with: description)
        body(memory.floats(handle))
        memory.release(handle)
    }

    private func keep(_ handle: BufferHandle, _ layout: Weight.Layout, _ shape: Shape, byteCount: Int) -> PreparedWeight
    {
        weights[handle] = Weight(address: UnsafeMutableRawPointer(memory.floats(handle)), layout: layout, shape: shape)
        return PreparedWeight(handle: handle, byteCount: byteCount)
    }
}

/// Packs a matrix [columns of the product, inner] on all threads.
private struct PanelPacker {
    let kernels: cpu_kernels
    let threads: CPUThreads
    let columns: Int
    let inner: Int

    /// A part that can be packed from where it lies.
    struct Rows {
        let address: UnsafePointer<Float>
        let stride: Int
        let columns: Range<Int>
    }

    /// The parts, where each is float32 in order, aligned, and ends with a panel.
    func rows(of parts: [HostTensor]) -> [Rows]? {
        var (result, start) = ([Rows](), 0)
        for part in parts {
            guard part.dtype == .float32, let first = part.shape.first, let base = part.bytes.baseAddress,
                UInt(bitPattern: base) % 4 == 0,
                start.isMultiple(of: Int(kernels.panel_width)),
                TensorView(
                    buffer: .none, shape: Shape(Array(part.shape.dropFirst())),
                    strides: Shape(Array(part.strides.dropFirst()))
                ).isDense
            else { return nil }
            result.append(
                Rows(
                    address: base.assumingMemoryBound(to: Float.self), stride: part.strides[0],
                    columns: start..<start + first))
            start += first
        }
        return result
    }

    /// - Parameters:
    ///   - source: the row of the first of `range`.
    ///   - stride: elements between rows.
    func pack(
        _ source: UnsafePointer<Float>, stride: Int, _ range: Range<Int>, into target: UnsafeMutablePointer<Float>
    ) {
        let width = Int(kernels.panel_width)
        let panels = (range.count + width - 1) / width
        threads.split(panels, work: width * max(1, inner)) { _, part in
            let first = range.lowerBound + part.lowerBound * width
            let last = min(range.lowerBound + part.upperBound * width, range.upperBound)
            kernels.pack_weight(
                target, source - range.lowerBound * stride, Int64(stride), 1, Int64(columns), Int64(inner),
                Int64(first), Int64(last))
        }
    }
}

extension HostMemory {
    /// The elements of a buffer given out here.
    func floats(_ buffer: BufferHandle) -> UnsafeMutablePointer<Float> {
        address(buffer).unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
    }
}
