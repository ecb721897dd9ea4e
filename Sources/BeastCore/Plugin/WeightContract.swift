// SPDX-License-Identifier: MIT
internal import CBeasts

// Weights on their way across the boundary.

extension WeightDescription {
    /// Reads a description; every extent is checked against the bytes that are there.
    init(contract pointer: UnsafePointer<beasts_weight_description>) throws(BackendError) {
        let description = readSized(pointer)
        let kind: WeightKind = try enumeration(description.kind, "weight kind")
        let target: DType = try enumeration(description.target_dtype, "target element type")
        guard let first = description.parts, description.part_count > 0, description.part_count <= 1024 else {
            throw .invalid("prepare_weight: \(description.part_count) parts, expected 1 to 1024")
        }
        guard description.groups >= 1 else { throw .invalid("prepare_weight: \(description.groups) groups") }
        let stride = Int(first.pointee.struct_size)
        guard stride >= MemoryLayout<UInt32>.size else {
            throw .invalid("prepare_weight: a part says it has \(stride) bytes")
        }
        var parts: [HostTensor] = []
        for index in 0..<Int(description.part_count) {
            let part = UnsafeRawPointer(first).advanced(by: index * stride)
            parts.append(try HostTensor(contract: readSized(part.assumingMemoryBound(to: beasts_weight_part.self))))
        }
        self.init(kind: kind, target: target, groups: Int(description.groups), parts: parts)
        try validate()
    }

    /// Checks that the parts make one whole, of the rank that the kind asks for.
    func validate() throws(BackendError) {
        guard let first = parts.first else { throw .invalid("prepare_weight: no parts") }
        let rank = first.shape.count
        for part in parts {
            guard part.shape.count == rank, part.strides.count == rank,
                part.shape.dropFirst() == first.shape.dropFirst()
            else {
                throw .invalid("prepare_weight: parts of shapes \(first.shape) and \(part.shape) cannot be joined")
            }
            guard rank <= Shape.maximumRank, Shape(part.shape).isReasonable else {
                throw .invalid("prepare_weight: a part of shape \(part.shape): negative or too large")
            }
        }
        let ranks: ClosedRange<Int> =
            switch kind {
            case .linear: 1...Shape.maximumRank
            case .conv2d: 4...4
            case .conv3d, .convTranspose3d: 5...5
            case .embedding: 2...2
            case .vector: 0...Shape.maximumRank
            }
        guard ranks.contains(rank) else { throw .invalid("prepare_weight: rank \(rank) for \(kind)") }
        guard kind == .conv2d || groups == 1 else { throw .invalid("prepare_weight: \(groups) groups for \(kind)") }
    }

    /// Lends the C form for the length of a call.
    func withContract<Result>(_ body: (UnsafePointer<beasts_weight_description>) -> Result) -> Result {
        let contracts = parts.map(\.contract)
        return contracts.withUnsafeBufferPointer { parts in
            var description: beasts_weight_description = sized {
                $0.kind = kind.rawValue
                $0.target_dtype = target.rawValue
                $0.groups = Int32(clamping: groups)
                $0.parts = parts.baseAddress
                $0.part_count = UInt32(clamping: parts.count)
            }
            return body(&description)
        }
    }
}

extension HostTensor {
    init(contract part: beasts_weight_part) throws(BackendError) {
        guard let dtype = DType(rawValue: part.dtype), dtype.isFloatingPoint else {
            throw .invalid("prepare_weight: element type \(part.dtype), expected float32, float16 or bfloat16")
        }
        guard part.rank >= 0, part.rank <= Int32(Shape.maximumRank) else {
            throw .invalid("prepare_weight: rank \(part.rank)")
        }
        let view = TensorView(
            buffer: BufferHandle(rawValue: 1), dtype: dtype, shape: Shape(contract: part.shape, rank: Int(part.rank)),
            strides: Shape(contract: part.stride, rank: Int(part.rank)))
        guard let limit = view.elementLimit, let byteCount = Int(exactly: part.byte_count),
            limit <= byteCount / dtype.byteCount, limit == 0 || part.data != nil
        else {
            throw .invalid(
                "prepare_weight: a part of shape \(view.shape), strides \(view.strides) of \(dtype) reaches beyond its "
                    + "\(part.byte_count) bytes")
        }
        self.init(
            bytes: UnsafeRawBufferPointer(start: part.data, count: part.data == nil ? 0 : byteCount), dtype: dtype,
            shape: Array(view.shape), strides: Array(view.strides))
    }

    var contract: beasts_weight_part {
        sized {
            $0.dtype = dtype.rawValue
            $0.data = bytes.baseAddress
            $0.byte_count = UInt64(bytes.count)
            $0.rank = Int32(clamping: shape.count)
            withUnsafeMutableBytes(of: &$0.shape) { target in
                for (axis, extent) in shape.prefix(Shape.maximumRank).enumerated() {
                    target.storeBytes(of: Int64(extent), toByteOffset: axis * 8, as: Int64.self)
                }
            }
            withUnsafeMutableBytes(of: &$0.stride) { target in
                for (axis, stride) in strides.prefix(Shape.maximumRank).enumerated() {
                    target.storeBytes(of: Int64(stride), toByteOffset: axis * 8, as: Int64.self)
                }
            }
        }
    }
}
