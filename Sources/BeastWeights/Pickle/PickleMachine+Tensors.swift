// SPDX-License-Identifier: MIT

extension PickleMachine {
    /// `_rebuild_tensor` (storage, offset, size, stride); `_v2` adds (requires_grad, hooks[, metadata]);
    /// `_v3` adds (requires_grad, hooks, dtype[, metadata]) and counts offset and stride in elements of that type.
    mutating func rebuildTensor(_ function: RebuildFunction, _ items: [PickleNode]) throws(WeightsError) -> PickleNode {
        let required =
            switch function {
            case .first: 4
            case .second: 6
            case .third: 7
            }
        guard items.count >= required else {
            throw WeightsError(.malformedTensor, "a tensor is built from \(items.count) values instead of \(required)")
        }
        guard case .storage(let storagePosition) = items[0] else {
            throw WeightsError(
                .malformedTensor, "a tensor is built from \(arena.kind(of: items[0])), not from a storage")
        }
        guard let offset = arena.integer(items[1]) else {
            throw WeightsError(.malformedTensor, "a tensor's offset is \(arena.kind(of: items[1]))")
        }
        let window = arena.storageNodes[Int(storagePosition)]
        let storage = storages.storages[window.position]
        let shape = try extents(items[2], what: "sizes")
        let strides = try extents(items[3], what: "strides")
        var elementType = storage.elementType
        var capacity = window.elementCount
        if case .third = function {
            guard case .elementType(let named) = arena.meaning(items[6]) else {
                throw WeightsError(.malformedTensor, "a tensor's element type is \(arena.kind(of: items[6]))")
            }
            // The storage is untyped there: capacity in bytes.
            guard let size = named.byteCount, let storageSize = storage.elementType.byteCount else {
                throw WeightsError(
                    .unsupportedElementType, "a tensor of \(named) in a storage of \(storage.elementType)")
            }
            elementType = named
            capacity = window.elementCount.multipliedReportingOverflow(by: storageSize).partialValue / size
            guard window.offset == 0 else {
                throw WeightsError(.malformedTensor, "a typed view of a window of storage \(storage.key)")
            }
        }
        let start = offset.addingReportingOverflow(window.offset)
        guard offset >= 0, !start.overflow else {
            throw WeightsError(.malformedTensor, "a tensor of storage \(storage.key) has the offset \(offset)")
        }
        let end = window.offset.addingReportingOverflow(capacity)
        let tensor = try TensorDescription(
            elementType: elementType, shape: shape, strides: strides, offset: start.partialValue,
            capacity: end.overflow ? capacity : end.partialValue, storageKey: storage.key,
            storageIndex: window.position)
        return try arena.makeTensor(tensor)
    }

    /// `_rebuild_from_type_v2` (function, type, arguments, state): the tensor, whatever subclass it had.
    mutating func rebuildFromType(
        _ items: [PickleNode], callee: PickleNode, arguments: PickleNode
    ) throws(WeightsError) -> PickleNode {
        guard items.count == 4 else {
            throw WeightsError(.malformedTensor, "a tensor is built from \(items.count) values instead of 4")
        }
        switch arena.meaning(items[0]) {
        case .rebuildTensor, .rebuildParameter: return try build(items[0], arguments: items[2])
        default: return try arena.makeObject(callee, arguments: arguments)
        }
    }

    private mutating func extents(_ node: PickleNode, what: String) throws(WeightsError) -> [Int] {
        guard let items = try contents(of: node) else {
            throw WeightsError(.malformedTensor, "a tensor's \(what) are \(arena.kind(of: node)), not a tuple")
        }
        guard items.count <= TensorDescription.maximumRank else {
            throw WeightsError(
                .malformedTensor,
                "a tensor has \(items.count) \(what), at most \(TensorDescription.maximumRank) dimensions are read")
        }
        var result: [Int] = []
        result.reserveCapacity(items.count)
        for item in items {
            guard let value = arena.integer(item) else {
                throw WeightsError(.malformedTensor, "among a tensor's \(what) is \(arena.kind(of: item))")
            }
            result.append(value)
        }
        return result
    }
}
